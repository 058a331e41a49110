//! Paths within a workspace, read once and clean from then on.

use std::fmt;
use std::str::FromStr;

use super::error::WorkspaceError;

/// Bytes of a path.
const PATH_MAX_BYTES: usize = 4096;

/// Bytes of one name in it: what file systems hold.
const NAME_MAX_BYTES: usize = 255;

/// Names in a path.
pub(super) const DEPTH_MAX: usize = 64;

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

    /// What a client means that says a path as one sees it whose home is that absolute path: from
    /// the root, or from the home.
    ///
    /// # Errors
    /// [`WorkspaceError::Outside`] if it is not in the home, and what reading a path says.
    pub fn below(home: &str, text: &str) -> Result<Self, WorkspaceError> {
        let text = match text.strip_prefix('/') {
            Some(absolute) => absolute.to_owned(),
            None => format!("{home}/{text}"),
        };
        // By component, as links are not followed anywhere; above the root there is the root.
        let mut names = Vec::new();
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let mut names = names.into_iter();
        for name in home.split('/').filter(|name| !name.is_empty()) {
            if names.next() != Some(name) {
                return Err(WorkspaceError::Outside);
            }
        }
        names.collect::<Vec<_>>().join("/").parse()
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
        let too_long = || refused(&format!("has a name longer than {NAME_MAX_BYTES} bytes"));
        if text.len() > PATH_MAX_BYTES {
            return refused(&format!("is longer than {PATH_MAX_BYTES} bytes"));
        }
        if text.starts_with('/') {
            return refused("must be relative to the workspace, without a slash before it");
        }
        if text.contains(is_strange) {
            return refused("holds a backslash or a control character");
        }
        let mut names: Vec<String> = Vec::new();
        for name in text.split('/') {
            match name {
                "" | "." => {}
                ".." => {
                    names.pop().ok_or(WorkspaceError::Outside)?;
                }
                name if name.len() > NAME_MAX_BYTES => return too_long(),
                name => names.push(name.to_owned()),
            }
        }
        if names.len() > DEPTH_MAX {
            return refused(&format!("is deeper than {DEPTH_MAX} folders"));
        }
        Ok(Self { names })
    }
}

/// A backslash separates elsewhere, and one path must not mean two things.
fn is_strange(letter: char) -> bool {
    letter.is_control() || letter == '\\'
}

/// Whether a path can lead to what has that name in a folder.
pub(super) fn is_plain(name: &str) -> bool {
    name.len() <= NAME_MAX_BYTES
        && !["", ".", ".."].contains(&name)
        && !name.contains(|letter| letter == '/' || is_strange(letter))
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
        assert!(matches!("a/../..".parse::<WorkPath>(), Err(WorkspaceError::Outside)));
        assert!("a/../".repeat(PATH_MAX_BYTES).parse::<WorkPath>().is_err());
    }

    #[test]
    fn a_client_says_paths_from_its_root_or_its_home() {
        let home = "/home/developer";
        for (text, expected) in [
            ("", Some(".")),
            (".", Some(".")),
            ("/home/developer", Some(".")),
            ("/home/developer/", Some(".")),
            ("//home//developer/./a", Some("a")),
            ("/home/developer/content/../a b", Some("a b")),
            ("content/x", Some("content/x")),
            ("../developer/x", Some("x")),
            ("/../home/developer/x", Some("x")),
            ("/tmp/../home/developer/x", Some("x")),
            ("..%2f..%2fetc", Some("..%2f..%2fetc")),
            ("...", Some("...")),
            ("/home/developer2/x", None),
            ("/home/develope", None),
            ("/home/Developer/x", None),
            ("/home", None),
            ("/", None),
            ("..", None),
            ("../../etc/passwd", None),
            ("a/../../developer2/x", None),
            ("/home/developer/../other", None),
            ("/etc/passwd", None),
        ] {
            let read = WorkPath::below(home, text);
            match expected {
                Some(path) => assert_eq!(read.unwrap().to_string(), path, "{text:?}"),
                None => assert!(matches!(read, Err(WorkspaceError::Outside)), "{text:?}"),
            }
        }
        for text in ["a\0", "a\nb", "a\\b"] {
            let read = WorkPath::below(home, text);
            assert!(matches!(read, Err(WorkspaceError::Path(_))), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_client_says_stays_below_its_home(text in "[a-c./]{0,24}|.{0,12}") {
            if let Ok(path) = WorkPath::below("/a/b", &text) {
                prop_assert!(path.names().iter().all(|name| is_plain(name)));
                prop_assert_eq!(&WorkPath::below("/a/b", &format!("/a/b/{path}")).unwrap(), &path);
            }
        }

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
