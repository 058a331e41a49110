//! YAML that strangers wrote, within bounds.

use serde_json::Value;
use serde_saphyr::{Budget, Options, from_str_with_options};

/// Bytes of a document.
pub const YAML_MAX_BYTES: usize = 256 * 1024;

/// Nodes of a document, those counted again that it refers to by name.
const NODES_MAX: usize = 50_000;

/// Values within one another.
const DEPTH_MAX: usize = 64;

/// Times that a document refers to what stands elsewhere in it.
const ALIASES_MAX: usize = 1_000;

/// Reads a document.
///
/// # Errors
/// In words what is wrong with it.
pub fn read(text: &str) -> Result<Value, String> {
    if text.len() > YAML_MAX_BYTES {
        return Err(format!("it is longer than {YAML_MAX_BYTES} bytes"));
    }
    let mut budget = Budget::default();
    budget.max_nodes = NODES_MAX;
    budget.max_events = NODES_MAX.saturating_mul(4);
    budget.max_depth = DEPTH_MAX;
    budget.max_aliases = ALIASES_MAX;
    budget.max_anchors = ALIASES_MAX;
    budget.max_total_scalar_bytes = YAML_MAX_BYTES.saturating_mul(4);
    let mut options = Options::default();
    options.budget = Some(budget);
    options.with_snippet = false;
    from_str_with_options(text, options).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_are_read_and_bombs_are_not() {
        let read_well = read("name: a\nlist: [1, {b: c}]\nnone: ~\ntext: |\n  x\n  y\n").unwrap();
        let expected =
            json!({"name": "a", "list": [1, {"b": "c"}], "none": null, "text": "x\ny\n"});
        assert_eq!(read_well, expected);
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        let long = " ".repeat(YAML_MAX_BYTES + 1);
        let deep = "[".repeat(10_000);
        for text in [bomb.as_str(), &long, &deep, "a: b: c", "a: *none", "a: 1\na: 2"] {
            assert!(read(text).is_err(), "{}", text.get(..20).unwrap_or(text));
        }
    }
}
