//! What an operator says about the Model Context Protocol: the section `[mcp]`.

use serde::{Deserialize, Serialize};

/// The `[mcp]` section of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct McpSettings {
    /// Whether the host's own operations are served as tools, at `/mcp` of the elizaOS listener.
    pub serves: bool,
}

impl Default for McpSettings {
    fn default() -> Self {
        Self { serves: true }
    }
}
