//! The clients that others wrote in Python: packages of fixed versions.
//!
//! `tests/clients/requirements.txt` lists them. They are installed beside the other things that are
//! built, so that a checkout stays clean, and once for all tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What is installed.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/requirements.txt");

/// Where it is installed.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/python");

/// Says, once an installation is whole, what it was made from.
const STAMP: &str = "installed.txt";

/// The part of the folder that is made anew for another list.
const VENV: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/python/venv");

/// The programs that they need, and the packages of Debian that bring those.
pub(crate) const PYTHON: [(&str, &str); 1] = [("python3", "python3-venv python3-pip")];

/// The installed packages.
pub(crate) struct Venv(());

impl Venv {
    /// Installs them, unless that has been done.
    pub(crate) async fn installed() -> Self {
        tokio::task::spawn_blocking(install).await.unwrap();
        Self(())
    }

    /// Where a program of theirs is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        Path::new(VENV).join("bin").join(name)
    }
}

/// Brings the folder up to date. One process or test does it; the others wait for it.
fn install() {
    fs::create_dir_all(FOLDER).unwrap();
    let lock = File::create(Path::new(FOLDER).join("lock")).unwrap();
    lock.lock().unwrap();
    let wish = fs::read_to_string(LIST).unwrap();
    let stamp = Path::new(FOLDER).join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wish) {
        return;
    }
    // Absent, or an older one's.
    let _ = fs::remove_file(&stamp);
    run(Command::new("python3").args(["-m", "venv", "--clear", VENV]));
    let python = Path::new(VENV).join("bin/python");
    run(Command::new(python)
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet"])
        .args(["--no-deps", "--only-binary", ":all:", "--requirement", LIST]));
    fs::write(stamp, wish).unwrap();
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the Python packages cannot be installed: {complaint}");
}
