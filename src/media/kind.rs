//! The kinds of files that are kept: those that elizaOS takes, and that browsers show.

/// What sort of thing a file is, in the words of elizaOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Something to look at.
    Image,
    /// Something to watch.
    Video,
    /// Something to listen to.
    Audio,
    /// Anything else.
    Document,
}

impl Class {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }
}

/// A kind of files.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its media type, and other names of it that are in use; the first is the registered one.
    names: &'static [&'static str],
    /// What files of it end in, the usual one first.
    extensions: &'static [&'static str],
    /// What the content of such a file is found to be.
    found: &'static [&'static str],
    class: Class,
}

/// All of them.
static KINDS: [Kind; 15] = [
    kind(Class::Image, &["image/png"], &["png"], &["image/png"]),
    kind(Class::Image, &["image/jpeg"], &["jpg", "jpeg"], &["image/jpeg"]),
    kind(Class::Image, &["image/gif"], &["gif"], &["image/gif"]),
    kind(Class::Image, &["image/webp"], &["webp"], &["image/webp"]),
    kind(Class::Video, &["video/mp4"], &["mp4", "m4v"], &["video/mp4", "video/x-m4v"]),
    kind(Class::Video, &["video/webm"], &["webm"], &["video/webm"]),
    kind(Class::Audio, &["audio/mpeg", "audio/mp3"], &["mp3"], &["audio/mpeg"]),
    kind(Class::Audio, &["audio/wav", "audio/x-wav", "audio/wave"], &["wav"], &["audio/x-wav"]),
    kind(Class::Audio, &["audio/ogg"], &["ogg", "oga", "opus"], &["audio/ogg", "audio/opus"]),
    // Ends in another way than a video of the same container: by its end it is served.
    kind(Class::Audio, &["audio/webm"], &["weba"], &["video/webm"]),
    kind(Class::Audio, &["audio/mp4"], &["m4a"], &["audio/m4a", "video/mp4", "video/x-m4v"]),
    kind(Class::Audio, &["audio/aac"], &["aac"], &["audio/aac"]),
    kind(Class::Audio, &["audio/flac"], &["flac"], &["audio/x-flac"]),
    kind(Class::Document, &["application/pdf"], &["pdf"], &["application/pdf"]),
    kind(Class::Document, &[TEXT], &["txt", "md", "csv", "log"], &[]),
];

/// The media type of plain text.
const TEXT: &str = "text/plain";

const fn kind(
    class: Class,
    names: &'static [&'static str],
    extensions: &'static [&'static str],
    found: &'static [&'static str],
) -> Kind {
    Kind { names, extensions, found, class }
}

impl Kind {
    /// The kind of that media type, under any of its names.
    #[must_use]
    pub fn named(media_type: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.names.contains(&media_type))
    }

    /// The kind of files that end so.
    #[must_use]
    pub fn ending_in(extension: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.extensions.contains(&extension))
    }

    /// The kinds whose content looks like that.
    pub(super) fn found_as(found: &str) -> impl Iterator<Item = &'static Self> {
        KINDS.iter().filter(move |kind| kind.found.contains(&found))
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        self.names.first().copied().unwrap_or("application/octet-stream")
    }

    /// Every name of every kind: what is told to be taken is held to it.
    #[cfg(test)]
    pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().flat_map(|kind| kind.names.iter().copied())
    }

    /// What sort of thing it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Whether it is text.
    pub(super) fn is_text(&self) -> bool {
        self.media_type() == TEXT
    }

    /// What a file of this kind is to end in, given what it ended in.
    pub(super) fn extension(&self, given: &str) -> &'static str {
        let kept = self.extensions.iter().find(|known| given.eq_ignore_ascii_case(known));
        kept.or(self.extensions.first()).copied().unwrap_or("bin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_belongs_to_one_kind_and_each_name_too() {
        for kind in &KINDS {
            for extension in kind.extensions {
                assert_eq!(Kind::ending_in(extension), Some(kind));
                assert_eq!(kind.extension(&extension.to_uppercase()), *extension);
            }
            for name in kind.names {
                assert_eq!(Kind::named(name), Some(kind));
                assert_eq!(
                    name.split('/').next() == Some(kind.class.name()),
                    kind.class != Class::Document
                );
            }
        }
        assert_eq!(Kind::named("text/plain").unwrap().extension("exe"), "txt");
        assert!(Kind::named("image/svg+xml").is_none() && Kind::ending_in("html").is_none());
    }
}
