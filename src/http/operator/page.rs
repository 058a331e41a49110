//! Pages: which part of a list a request wants.

use serde::Deserialize;

use super::error::OperatorError;

/// Rows in one answer where nothing is said.
const USUAL: u32 = 50;

/// The part of a list that a query asks for.
#[derive(Deserialize)]
pub(super) struct Page {
    offset: Option<String>,
    limit: Option<String>,
}

impl Page {
    /// How many rows to pass over, and how many to show, at most `most`.
    pub(super) fn read(&self, most: u32) -> Result<(u32, u32), OperatorError> {
        self.read_usually(USUAL, most)
    }

    /// The same, of `usual` rows where nothing is said.
    pub(super) fn read_usually(&self, usual: u32, most: u32) -> Result<(u32, u32), OperatorError> {
        let offset = number("offset", self.offset.as_deref())?.unwrap_or(0);
        let limit = number("limit", self.limit.as_deref())?.unwrap_or(usual);
        Ok((offset, limit.min(most)))
    }
}

/// A number of a query, if it is there.
pub(super) fn number(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<u32>, OperatorError> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error| OperatorError::Invalid {
        field,
        reason: std::num::ParseIntError::to_string(&error),
    })
}
