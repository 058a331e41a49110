//! Paths within a workspace, read once and clean from then on.

use std::fmt;
use std::str::FromStr;

use super::error::WorkspaceError;

/// Bytes of a path.
const PATH_MAX_BYTES: usize = 1024;

/// Bytes of one name in it: what file systems hold.
const NAME_MAX_BYTES: usize = 255;

/// Names in a path.
pub(super) const DEPTH_MAX: usize = 16;

/// A path relative to a workspace: plain names, with `.` and `..` folded. Without any name it is the
/// workspace itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkPath {
    names: Vec<String>,
}

impl WorkPath {
    /// The workspace itself.
    pub const HOME: Self = Self { names: Vec::new() };

    /// The names, outermost first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether it is the workspace itself.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.names.is_empty()
    }

    /// The last name, if it is not the workspace itself.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.names.last().map(String::as_str)
    }

    /// The folder it lies in; of the workspace itself, the workspace.
    #[must_use]
    pub fn parent(&self) -> Self {
        let names = self.names.split_last().map_or(&[][..], |(_, above)| above);
        Self { names: names.to_vec() }
    }

    /// What lies in it under a name that was found there.
    pub(super) fn found(&self, name: &str) -> Self {
        let names = self.names.iter().cloned().chain([name.to_owned()]).collect();
        Self { names }
    }

    /// Its first names.
    pub(super) fn first(&self, count: usize) -> Self {
        Self { names: self.names.iter().take(count).cloned().collect() }
    }
}

impl FromStr for WorkPath {
    type Err = WorkspaceError;

    /// Reads a path.
    ///
    /// # Errors
    /// [`WorkspaceError::Path`] if it is absolute, leads above the workspace, is too long or too
    /// deep, or holds what no name should.
    fn from_str(text: &str) -> Result<Self, WorkspaceError> {
        let refused = |reason: &str| Err(WorkspaceError::Path(reason.to_owned()));
        if text.len() > PATH_MAX_BYTES {
            return refused(&format!("is longer than {PATH_MAX_BYTES} bytes"));
        }
        if text.starts_with('/') {
            return refused("must be relative to the workspace, without a slash before it");
        }
        // A backslash separates elsewhere: one path must not mean two things.
        if text.contains(|letter: char| letter.is_control() || letter == '\\') {
            return refused("holds a backslash or a control character");
        }
        let mut names: Vec<String> = Vec::new();
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    if names.pop().is_none() {
                        return refused("leads out of the workspace");
                    }
                }
                name if name.len() > NAME_MAX_BYTES => {
                    return refused(&format!("has a name longer than {NAME_MAX_BYTES} bytes"));
                }
                name => names.push(name.to_owned()),
            }
        }
        if names.len() > DEPTH_MAX {
            return refused(&format!("is deeper than {DEPTH_MAX} folders"));
        }
        Ok(Self { names })
    }
}

impl fmt::Display for WorkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_home() { f.write_str(".") } else { f.write_str(&self.names.join("/")) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_folded_and_those_that_lead_out_refused() {
        for (text, expected) in [
            ("a.txt", Some("a.txt")),
            ("a//b/./c/", Some("a/b/c")),
            ("a/../b", Some("b")),
            ("a/b/../../c d", Some("c d")),
            ("", Some(".")),
            (".", Some(".")),
            ("a/..", Some(".")),
            (".env", Some(".env")),
            ("...", Some("...")),
            ("..", None),
            ("a/../../b", None),
            ("/etc/passwd", None),
            ("a\\b", None),
            ("a\0b", None),
            ("a\nb", None),
        ] {
            let path = text.parse::<WorkPath>().ok().map(|path| path.to_string());
            assert_eq!(path.as_deref(), expected, "{text:?}");
        }
        assert!("a/".repeat(DEPTH_MAX + 1).parse::<WorkPath>().is_err());
        assert!("a".repeat(NAME_MAX_BYTES + 1).parse::<WorkPath>().is_err());
        assert!("a/../".repeat(PATH_MAX_BYTES).parse::<WorkPath>().is_err());
    }

    proptest! {
        #[test]
        fn a_clean_path_is_read_as_itself(text in "[a-c./ ]{0,24}") {
            if let Ok(path) = text.parse::<WorkPath>() {
                prop_assert_eq!(&path.to_string().parse::<WorkPath>().unwrap(), &path);
                let is_plain = |name: &String| !["", ".", ".."].contains(&name.as_str());
                prop_assert!(path.names().iter().all(is_plain));
            }
        }
    }
}
