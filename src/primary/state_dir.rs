//! The folder that is the Milady dialect's own, and whether it may be deleted.

use std::io;
use std::path::{Component, Path, PathBuf};

/// What a part of the path must be called for the folder to be safe to delete.
const NAMES: [&str; 2] = [".milady", "milady"];

/// The folder's name in the data folder.
const FOLDER: &str = "milady";

/// The folder that holds what the Milady dialect keeps in files, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
    /// Whether somebody chose it: then it could be any folder.
    is_chosen: bool,
    /// The folder that holds everything that the host keeps.
    data_dir: PathBuf,
}

/// It is not certain that the folder is this program's alone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state folder is not safe to delete: {0}")]
pub struct UnsafeFolder(&'static str);

impl StateDir {
    /// The folder that was chosen (`~` stands for the home folder), or else one in the data folder.
    #[must_use]
    pub fn new(chosen: Option<&Path>, data_dir: &Path, home: Option<&Path>) -> Self {
        let path = chosen.map(|chosen| expanded(chosen, home));
        Self {
            is_chosen: path.is_some(),
            path: normalised(&path.unwrap_or_else(|| data_dir.join(FOLDER))),
            data_dir: normalised(data_dir),
        }
    }

    /// Where it is, in full.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it may be deleted. A folder that was chosen must lie below the home folder, and be called
    /// after Milady or lie in one that is; the one in the data folder is the host's own.
    ///
    /// # Errors
    /// [`UnsafeFolder`], with the reason.
    pub fn check(&self, home: Option<&Path>) -> Result<(), UnsafeFolder> {
        if !self.is_chosen {
            return Ok(());
        }
        if holds(&self.path, &self.data_dir) {
            return Err(UnsafeFolder("everything that the host keeps lies in it"));
        }
        let home = home.map(normalised).ok_or(UnsafeFolder("there is no home folder"))?;
        let path = &self.path;
        if path.parent().is_none() {
            return Err(UnsafeFolder("it is the root of the file system"));
        }
        if *path == home {
            return Err(UnsafeFolder("it is the home folder"));
        }
        if home.parent().is_none() || !path.starts_with(&home) {
            return Err(UnsafeFolder("it does not lie below the home folder"));
        }
        let is_named = path.components().any(|part| {
            let part = part.as_os_str().to_string_lossy().trim().to_lowercase();
            NAMES.contains(&part.as_str())
        });
        is_named.then_some(()).ok_or(UnsafeFolder("no part of it is called .milady or milady"))
    }

    /// Deletes it with all that is in it. That it is not there is well. Blocks.
    ///
    /// # Errors
    /// What the file system says.
    pub fn delete(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            deleted => deleted,
        }
    }
}

/// The home folder of whoever runs the host.
pub(super) fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// Whether `folder` is or holds the other one, by whatever names they go.
fn holds(folder: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    other.starts_with(folder) || real(other).starts_with(real(folder))
}

fn expanded(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The path in full, without `.` and `..`, whether or not it is there.
fn normalised(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_of_miladys_below_the_home_folder_is_safe() {
        let home = Some(Path::new("/home/ada"));
        for (chosen, expected) in [
            ("~/.milady", true),
            ("/home/ada/.milady", true),
            ("/home/ada/ Milady /x", true),
            ("/home/ada/x/../.milady/state", true),
            ("/", false),
            ("/home/ada", false),
            ("~", false),
            ("/home/ada/.milady/..", false),
            ("/home/ada/.milady/../../eve/milady", false),
            ("/home/ada/notmilady", false),
            ("/srv/milady", false),
            ("/home/adaline/milady", false),
        ] {
            let folder = StateDir::new(Some(Path::new(chosen)), Path::new("/data"), home);
            let checked = folder.check(home);
            assert_eq!(checked.is_ok(), expected, "{chosen}: {checked:?}");
            if let Err(error) = checked {
                assert!(error.to_string().contains("safe to delete"));
            }
            assert!(folder.check(None).is_err());
        }
        for data_dir in ["/home/ada/.milady", "/home/ada/.milady/data"] {
            let chosen = Some(Path::new("~/.milady"));
            assert!(StateDir::new(chosen, Path::new(data_dir), home).check(home).is_err());
        }
        let own = StateDir::new(None, Path::new("/data"), home);
        assert_eq!((own.path(), own.check(None)), (Path::new("/data/milady"), Ok(())));
    }
}
