//! `config.toml` says what the defaults are.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::Config;

const FILE: &str = include_str!("../../config.toml");

/// The file with each default, and perhaps each example, no longer commented out.
fn uncommented(with_examples: bool) -> String {
    let line = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first.is_ascii_lowercase()) => rest,
        Some(rest) if with_examples => rest.strip_prefix(": ").unwrap_or(line),
        _ => line,
    };
    FILE.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                leaves(value, &format!("{path}.{key}"), into);
            }
        }
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

#[test]
fn every_key_stands_there_with_its_default() {
    let mut written = BTreeMap::new();
    let table = uncommented(false).parse::<Table>().unwrap();
    leaves(&Value::Table(table), "", &mut written);
    let mut defaults = BTreeMap::new();
    leaves(&Value::try_from(Config::default()).unwrap(), "", &mut defaults);
    assert_eq!(written, defaults);
}

#[test]
fn as_it_stands_and_with_its_defaults_it_changes_nothing() {
    assert_eq!(toml::from_str::<Config>(FILE).unwrap(), Config::default());
    assert_eq!(toml::from_str::<Config>(&uncommented(false)).unwrap(), Config::default());
}

#[test]
fn its_examples_are_keys_that_exist() {
    let with_examples = toml::from_str::<Config>(&uncommented(true)).unwrap();
    assert!(with_examples.elizaos.auth_token.is_some());
    assert!(with_examples.models.contains_key("small"));
}

#[test]
fn every_key_without_a_default_has_an_example() {
    let mut written = BTreeMap::new();
    leaves(&Value::Table(uncommented(true).parse::<Table>().unwrap()), "", &mut written);
    // An unknown key is refused with the names of all that exist.
    for section in ["elizaos", "runtime", "speech", "credentials", "models.small"] {
        let refused = toml::from_str::<Config>(&format!("[{section}]\n\"?\" = 1")).unwrap_err();
        let (_, known) = refused.message().split_once("expected ").unwrap();
        for key in known.split('`').skip(1).step_by(2) {
            let is_there = |path: &String| {
                let path = path.trim_start_matches('.');
                path.strip_prefix(section)
                    .is_some_and(|rest| rest.trim_start_matches('.').split('.').next() == Some(key))
            };
            assert!(written.keys().any(is_there), "[{section}] {key}");
        }
    }
}
