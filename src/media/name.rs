//! Names of files: those that clients give, and those under which files are kept.

use greenroom_actors::time::UnixMillis;

use super::kind::Kind;

/// Characters of a client's name for a file that are told back.
const NAME_MAX: usize = 255;

/// Characters of the name of a kept file at most.
const KEPT_MAX: usize = 128;

/// Numbers that tell files of one millisecond apart: as many as elizaOS has.
const NUMBERS: u32 = 1_000_000_000;

/// Whether a name leads out of the folder that it is meant for.
#[must_use]
pub fn climbs(name: &str) -> bool {
    let is_absolute = name.starts_with(['/', '\\']);
    is_absolute || name.split(['/', '\\']).any(|part| part == "..") || name.contains('\0')
}

/// A client's name for a file as it may be shown: without a path and without what cannot be seen.
pub(super) fn shown(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let seen: String = base.chars().filter(|letter| !is_unseen(*letter)).take(NAME_MAX).collect();
    match seen.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Control characters, and those that turn the direction of writing: `gpj.exe` may be shown as
/// `exe.jpg`.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A new name for a file of that kind, which a client calls `given`.
pub(super) fn fresh(given: &str, kind: &Kind, now: UnixMillis) -> String {
    let extension = given.rsplit_once('.').map_or("", |(_, extension)| extension);
    let number = rand::random_range(0..NUMBERS);
    format!("{}-{number}.{}", now.0, kind.extension(extension))
}

/// The name of a kept file that a path asks for: only what stands after the last slash counts.
/// `None` if no file is kept under such a name.
pub(super) fn asked(name: &str) -> Option<&str> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let fits = !base.is_empty() && base.len() <= KEPT_MAX && !base.starts_with('.');
    (fits && base.bytes().all(is_plain)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_their_path_and_what_cannot_be_seen() {
        for (given, name, leads_out) in [
            ("dot.png", "dot.png", false),
            ("a..b.png", "a..b.png", false),
            ("pictures/dot.png", "dot.png", false),
            ("../../x", "x", true),
            ("..\\..\\x", "x", true),
            ("/etc/passwd", "passwd", true),
            ("C:\\x\\y.png", "y.png", false),
            ("..", "file", true),
            ("", "file", false),
            ("a\r\nb\0.png", "ab.png", true),
            ("\u{202E}gpj.exe", "gpj.exe", false),
        ] {
            assert_eq!((shown(given).as_str(), climbs(given)), (name, leads_out), "{given:?}");
        }
        assert_eq!(shown(&"x".repeat(999)).len(), NAME_MAX);
    }

    #[test]
    fn a_kept_file_ends_as_its_kind_does_and_is_found_by_its_name() {
        let png = Kind::named("image/png").unwrap();
        for (given, extension) in
            [("a.png", ".png"), ("a.html", ".png"), ("a", ".png"), ("a.PNG", ".png")]
        {
            let name = fresh(given, png, UnixMillis(1_795_322_053_695));
            assert!(name.starts_with("1795322053695-") && name.ends_with(extension), "{name}");
            assert_eq!(asked(&name), Some(name.as_str()));
        }
        for (path, name) in [
            ("..%2f", None),
            ("../../a.png", Some("a.png")),
            ("", None),
            (".hidden", None),
            ("..", None),
            ("a\0.png", None),
            ("a b.png", None),
        ] {
            assert_eq!(asked(path), name, "{path:?}");
        }
    }
}
