//! Opening what lies in a folder by its name: never through a link, and never waiting for a pipe.

use std::io;
use std::path::Path;

use cap_std::fs::{Dir, File, OpenOptions};

/// Opens the file of that name, to be read.
///
/// # Errors
/// What the file system says; that it is a link, or no file.
pub(crate) fn file(folder: &Dir, name: impl AsRef<Path>) -> io::Result<File> {
    let file = folder.open_with(name, &options(false))?;
    // A pipe or a device that came in place of a file is open by now, and nothing was read of it.
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Opens the folder of that name.
///
/// # Errors
/// What the file system says; that it is a link, or no folder.
#[cfg(unix)]
pub(crate) fn folder(above: &Dir, name: impl AsRef<Path>) -> io::Result<Dir> {
    Ok(Dir::from_std_file(above.open_with(name, &options(true))?.into_std()))
}

/// Opens the folder of that name.
///
/// # Errors
/// What the file system says.
#[cfg(not(unix))]
pub(crate) fn folder(above: &Dir, name: impl AsRef<Path>) -> io::Result<Dir> {
    above.open_dir(name)
}

#[cfg(unix)]
fn options(is_folder: bool) -> OpenOptions {
    use cap_std::fs::OpenOptionsExt;
    use rustix::fs::OFlags;

    let kind = if is_folder { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | kind;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(i32::try_from(flags.bits()).unwrap_or(0));
    options
}

#[cfg(not(unix))]
fn options(_is_folder: bool) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Whether an error of opening says that a link or something of another kind came in place of what
/// was there.
pub(crate) fn is_replaced(error: &io::Error) -> bool {
    let is_link = error.raw_os_error() == link_error();
    is_link || matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput)
}

#[cfg(unix)]
fn link_error() -> Option<i32> {
    Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn link_error() -> Option<i32> {
    None
}
