//! The host's own entry in a file of MCP servers.

use serde_json::{Map, Value, json};

/// The name of the entry.
const NAME: &str = "trinity";

/// The MCP server of this host, as one agent reaches it.
#[derive(Clone)]
pub struct OwnServer {
    /// Its address.
    pub url: String,
    /// The agent's key.
    pub key: String,
}

/// The file with the entry for that server; as it is where it is no such file.
pub(super) fn with_entry(text: String, own: &OwnServer) -> String {
    let Ok(Value::Object(mut file)) = serde_json::from_str::<Value>(&text) else { return text };
    let servers = file.entry("mcpServers").or_insert_with(|| Value::Object(Map::new()));
    let Value::Object(servers) = servers else { return text };
    let entry = json!({
        "type": "http",
        "url": own.url,
        "headers": {"Authorization": format!("Bearer {}", own.key)},
    });
    servers.insert(NAME.to_owned(), entry);
    serde_json::to_string_pretty(&file).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_added_to_a_file_that_is_one() {
        let own = OwnServer { url: "http://h/mcp".to_owned(), key: "trinity_mcp_k".to_owned() };
        let with = |text: &str| with_entry(text.to_owned(), &own);
        let added: Value =
            serde_json::from_str(&with(r#"{"mcpServers": {"a": {"url": "u"}}, "b": 1}"#)).unwrap();
        let entry = json!({"type": "http", "url": "http://h/mcp",
            "headers": {"Authorization": "Bearer trinity_mcp_k"}});
        assert_eq!(added, json!({"mcpServers": {"a": {"url": "u"}, "trinity": entry}, "b": 1}));
        assert!(with("{}").contains("trinity_mcp_k"));
        for other in ["", "text", "[]", r#"{"mcpServers": []}"#] {
            assert_eq!(with(other), other);
        }
    }
}
