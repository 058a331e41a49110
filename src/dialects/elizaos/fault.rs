//! What is wrong with a document, and where in it: the texts are those of elizaOS' validation.

use std::fmt::Write;

use serde_json::Value;

use crate::http::body;

/// Faults that are listed at most; a document of nothing but faults must not make a long answer.
const FAULTS_MAX: usize = 50;

/// Where in a document a value stands.
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    key: &'a str,
}

impl<'a> Path<'a> {
    pub(super) fn root() -> Self {
        Self { parent: None, key: "" }
    }

    pub(super) fn then(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), key }
    }

    fn write(&self, words: &mut String) {
        let Some(parent) = self.parent else { return };
        parent.write(words);
        if parent.parent.is_some() {
            words.push('.');
        }
        words.push_str(self.key);
    }
}

/// What is wrong with a document.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn add(&mut self, path: &Path<'_>, text: &str) {
        if self.0.len() < FAULTS_MAX {
            let mut words = String::new();
            path.write(&mut words);
            words.push_str(": ");
            words.push_str(text);
            self.0.push(words);
        }
    }

    pub(super) fn wrong(&mut self, path: &Path<'_>, expected: &str, received: Option<&Value>) {
        let received = received.map_or("undefined", |value| {
            let kind = body::kind(value);
            kind.rsplit(' ').next().unwrap_or(kind)
        });
        self.add(path, &format!("Invalid input: expected {expected}, received {received}"));
    }

    pub(super) fn unless(&mut self, holds: bool, path: &Path<'_>) {
        if !holds {
            self.add(path, "Invalid input");
        }
    }

    pub(super) fn unknown<'a>(&mut self, keys: impl ExactSizeIterator<Item = &'a String>) {
        let plural = if keys.len() == 1 { "" } else { "s" };
        let mut words = format!("Unrecognized key{plural}: ");
        for (index, key) in keys.take(FAULTS_MAX).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(words, "{comma}\"{key}\"");
        }
        self.add(&Path::root(), &words);
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, one after the other.
    pub(super) fn words(self) -> String {
        self.0.join("; ")
    }
}
