//! What a test needs beyond the compiler, and how to do without such tests.

use std::env;

/// Names the kinds of tests that are left out, with commas between them.
const SKIP: &str = "GREENROOM_TESTS_SKIP";

/// Whether the tests of a kind are to be run: yes, unless [`SKIP`] names it. Each program that
/// they need is named with the Debian package that brings it; a test without it fails.
pub(crate) fn wanted(kind: &str, programs: &[(&str, &str)]) -> bool {
    let skipped = env::var(SKIP).unwrap_or_default();
    if skipped.split(',').any(|skipped| skipped.trim() == kind) {
        println!("left out: {SKIP} names {kind}");
        return false;
    }
    let absent = programs.iter().filter(|(program, _)| !is_there(program));
    let absent = absent.map(|(_, package)| *package).collect::<Vec<_>>();
    assert!(
        absent.is_empty(),
        "these tests need programs that are not here: apt-get install {} (or leave the tests out \
         with {SKIP}={kind})",
        absent.join(" ")
    );
    true
}

fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
