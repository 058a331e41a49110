//! What an operator may say about credentials.

use serde::{Deserialize, Serialize};

use super::bundle::Key;

/// The `[credentials]` section of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CredentialSettings {
    /// The key of encrypted bundles, in 64 hexadecimal digits; absent: there are none.
    #[serde(skip_serializing)]
    pub key: Option<Key>,
    /// The address of the MCP server that is added to what an agent is given; empty: none is.
    pub mcp_url: String,
}

impl CredentialSettings {
    /// Checks what no type says.
    ///
    /// # Errors
    /// What is wrong, the key first.
    pub fn check(&self) -> Result<(), String> {
        let is_address = |text: &str| {
            reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if self.mcp_url.is_empty() || is_address(&self.mcp_url) {
            Ok(())
        } else {
            Err("mcp_url must be an http or https address".to_owned())
        }
    }
}
