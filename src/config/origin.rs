//! Where a value stands: which line, variable or flag gave it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is the default.
    Default,
    /// In a file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// In an environment variable.
    Variable(String),
    /// On the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "the defaults"),
            Self::File { file, line } => write!(f, "{}, line {line}", file.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "{name}"),
        }
    }
}

/// The keys of a TOML text by where they begin, each with its sections.
#[derive(Debug, Default)]
pub(super) struct Positions {
    keys: BTreeMap<usize, String>,
}

impl Positions {
    /// Those of `text`; none if it is not TOML.
    pub(super) fn of(text: &str) -> Self {
        let mut positions = Self::default();
        if let Ok(table) = DeTable::parse(text) {
            positions.enter("", table.get_ref());
        }
        positions
    }

    fn enter(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            if let DeValue::Table(inner) = value.get_ref() {
                self.enter(&path, inner);
            }
            self.keys.insert(key.span().start, path);
        }
    }

    /// The key that what stands at `offset` belongs to.
    pub(super) fn key_at(&self, offset: usize) -> Option<&str> {
        self.keys.range(..=offset).next_back().map(|(_, key)| key.as_str())
    }

    /// Where `key` begins.
    pub(super) fn start_of(&self, key: &str) -> Option<usize> {
        self.keys.iter().find(|(_, path)| path.as_str() == key).map(|(start, _)| *start)
    }
}

/// The line, from 1, that the byte at `offset` lies in.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
