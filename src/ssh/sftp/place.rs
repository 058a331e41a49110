//! Paths as clients of `sftp` say them.

use russh_sftp::protocol::StatusCode;
use russh_sftp::server::StatusReply;

use crate::workspace::WorkPath;

/// Where clients see the workspace.
const HOME: &str = "/home/developer";

/// Bytes of a path at most, as a client says it.
const PATH_MAX_BYTES: usize = 4096;

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A folder above the workspace, which only leads there.
    Above {
        /// Its own path.
        path: &'static str,
        /// The only thing in it.
        child: &'static str,
    },
    /// The workspace, or something in it.
    Within(WorkPath),
}

impl Place {
    /// Reads a path. One that is not absolute begins at the workspace, and above the root there is the
    /// root.
    pub(super) fn of(text: &str) -> Result<Self, StatusReply> {
        if text.len() > PATH_MAX_BYTES {
            return Err(StatusCode::Failure.with_message("the path is too long"));
        }
        let mut names: Vec<&str> = Vec::new();
        let home = if text.starts_with('/') { "" } else { HOME };
        for name in home.split('/').chain(text.split('/')) {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        match names.as_slice() {
            [] => Ok(Self::Above { path: "/", child: "home" }),
            ["home"] => Ok(Self::Above { path: "/home", child: "developer" }),
            ["home", "developer", within @ ..] => match within.join("/").parse() {
                Ok(path) => Ok(Self::Within(path)),
                Err(error) => Err(StatusCode::Failure.with_message(error.to_string())),
            },
            _ => Err(StatusCode::NoSuchFile.into()),
        }
    }

    /// What is in the workspace; nothing else can be changed, or be a file.
    pub(super) fn within(self) -> Result<WorkPath, StatusReply> {
        match self {
            Self::Within(path) => Ok(path),
            Self::Above { .. } => {
                Err(StatusCode::PermissionDenied.with_message("above the workspace"))
            }
        }
    }

    /// As clients see it: absolute.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Above { path, .. } => (*path).to_owned(),
            Self::Within(path) if path.is_home() => HOME.to_owned(),
            Self::Within(path) => format!("{HOME}/{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_but_the_way_home_lies_outside() {
        for (text, shown) in [
            (".", Some(HOME)),
            ("", Some(HOME)),
            ("a/b.txt", Some("/home/developer/a/b.txt")),
            ("/home/developer/a/../b/", Some("/home/developer/b")),
            ("..", Some("/home")),
            ("../..", Some("/")),
            ("../../../../..", Some("/")),
            ("/", Some("/")),
            ("/home/developer", Some(HOME)),
            ("../developer/x", Some("/home/developer/x")),
            ("../../etc/passwd", None),
            ("/etc/passwd", None),
            ("/home/developer2", None),
            ("/home/other/x", None),
            ("a\\b", None),
            ("a\0b", None),
        ] {
            assert_eq!(Place::of(text).ok().map(|place| place.shown()).as_deref(), shown, "{text}");
        }
        assert!(Place::of(&"a".repeat(5000)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_shown_leads_to_the_same_place(text in "[a-c./ ]{0,24}|/home/developer[a./]{0,9}") {
            if let Ok(place) = Place::of(&text) {
                prop_assert_eq!(&Place::of(&place.shown()).unwrap(), &place);
            }
        }
    }
}
