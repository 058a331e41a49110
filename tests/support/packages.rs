//! The clients that others wrote: npm packages of fixed versions, and scripts that use them.
//!
//! `tests/clients` lists and locks them. They are installed beside the other things that are built,
//! so that a checkout stays clean, and once for all tests.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the list, the lock and the scripts are.
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");

/// Where they are installed.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/clients");

/// Says, once an installation is whole, what it was made from.
const STAMP: &str = "installed.txt";

/// How long a script may take. A guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(300);

/// The programs that they need, and the packages of Debian that bring those.
pub(crate) const NODE: [(&str, &str); 2] = [("node", "nodejs"), ("npm", "npm")];

/// The installed packages.
pub(crate) struct Packages(());

impl Packages {
    /// Installs them, unless that has been done.
    pub(crate) async fn installed() -> Self {
        tokio::task::spawn_blocking(install).await.unwrap();
        Self(())
    }

    /// The folder of a package that was unpacked without what it depends on.
    pub(crate) fn unpacked(&self, package: &str) -> PathBuf {
        Path::new(FOLDER).join("unpacked").join(package)
    }

    /// The folder of a package that was installed with all that it depends on.
    pub(crate) fn installed_at(&self, package: &str) -> PathBuf {
        Path::new(FOLDER).join("node_modules").join(package)
    }

    /// Runs a script of `tests/clients`, shows what it says, and fails where it fails.
    pub(crate) async fn run(&self, script: &str, arguments: &[&str]) {
        let mut node = tokio::process::Command::new("node");
        node.arg(script).args(arguments).current_dir(FOLDER).kill_on_drop(true);
        let output = node.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        let output = tokio::time::timeout(PATIENCE, output).await;
        let output = output.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {script}"));
        let output = output.unwrap();
        // Past the harness, which would hide what a test says that succeeds.
        std::io::stdout().lock().write_all(&output.stdout).unwrap();
        assert!(output.status.success(), "{script} {arguments:?} failed: {}", output.status);
    }
}

/// Brings the folder up to date. One process or test does it; the others wait for it.
fn install() {
    fs::create_dir_all(FOLDER).unwrap();
    let lock = File::create(Path::new(FOLDER).join("lock")).unwrap();
    lock.lock().unwrap();
    copy(Path::new(SOURCE), Path::new(FOLDER));
    let wish = ["package.json", "package-lock.json", "install.mjs"];
    let wish = wish.map(|name| fs::read_to_string(Path::new(SOURCE).join(name)).unwrap()).concat();
    let stamp = Path::new(FOLDER).join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wish) {
        return;
    }
    // Absent, or an older one's.
    let _ = fs::remove_file(&stamp);
    let mut node = Command::new("node");
    let output = node.arg("install.mjs").current_dir(FOLDER).stdin(Stdio::null()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the npm packages cannot be installed: {complaint}");
    fs::write(stamp, wish).unwrap();
}

/// Copies a folder. A file is replaced at once: a script may be read meanwhile.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        let to = to.join(&name);
        if name == "node_modules" {
            // Somebody's own, made by hand.
        } else if from.is_dir() {
            copy(&from, &to);
        } else {
            let new = to.with_extension("new");
            fs::copy(&from, &new).unwrap();
            fs::rename(&new, &to).unwrap();
        }
    }
}
