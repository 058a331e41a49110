//! Environment variables: which of them set which key.

use std::collections::BTreeMap;

/// What Greenroom's own variables begin with.
const PREFIX: &str = "GREENROOM_";

/// Between the sections and the key in the name of a variable.
const SEPARATOR: &str = "__";

/// Variables of Greenroom that set no key of the configuration: they speak to the command line.
const NOT_SETTINGS: [&str; 3] = ["GREENROOM_CONFIG", "GREENROOM_URL", "GREENROOM_TOKEN"];

/// The ecosystems' own variables, and Greenroom's short one, with the key that each sets.
const ALIASES: [(&str, &str); 2] = [("LOG_LEVEL", "log.filter"), ("GREENROOM_LOG", "log.filter")];

/// Variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// The variable whose value sets `key`, and that value.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) variable: String,
    pub(super) value: String,
}

/// What the variables set, the stronger ones later.
pub(super) fn settings(variables: &Variables) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (name, key) in ALIASES {
        // An empty variable of another program means: not set.
        if let Some(value) = variables.get(name).filter(|value| !value.is_empty()) {
            settings.push(Setting {
                key: key.to_owned(),
                variable: name.to_owned(),
                value: value.clone(),
            });
        }
    }
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if NOT_SETTINGS.contains(&name.as_str()) || name == "GREENROOM_LOG" {
            continue;
        }
        settings.push(Setting {
            key: rest.to_ascii_lowercase().replace(SEPARATOR, "."),
            variable: name.clone(),
            value: value.clone(),
        });
    }
    settings
}
