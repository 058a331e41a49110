//! The configuration in words, without its secrets.

use toml::Value;

use super::Config;

/// What stands for a secret.
const MASK: &str = "********";

/// Endings of keys whose values are secrets.
const SECRETS: [&str; 5] = ["token", "secret", "password", "api_key", "key"];

/// The whole configuration as TOML; a secret shows only that it is set.
///
/// # Errors
/// A value that TOML cannot say.
pub fn shown(config: &Config) -> Result<String, toml::ser::Error> {
    let mut value = Value::try_from(config)?;
    mask(&mut value);
    // A token is never written, not even to be masked; that there is one is worth knowing.
    let section = value.get_mut("elizaos").and_then(Value::as_table_mut);
    if let Some(section) = section {
        let elizaos = &config.elizaos;
        for (key, token) in
            [("auth_token", &elizaos.auth_token), ("socket_token", &elizaos.socket_token)]
        {
            if token.is_some() {
                section.insert(key.to_owned(), Value::String(MASK.to_owned()));
            }
        }
    }
    let section = value.get_mut("accounts").and_then(Value::as_table_mut);
    if let Some(section) = section {
        let accounts = &config.accounts;
        for (key, secret) in
            [("secret_key", &accounts.secret_key), ("admin_password", &accounts.admin_password)]
        {
            if secret.is_some() {
                section.insert(key.to_owned(), Value::String(MASK.to_owned()));
            }
        }
        let smtp = section.get_mut("smtp").and_then(Value::as_table_mut);
        if let (Some(smtp), Some(_)) = (smtp, &accounts.smtp.password) {
            smtp.insert("password".to_owned(), Value::String(MASK.to_owned()));
        }
    }
    toml::to_string(&value)
}

/// Whether the value of `key` must not be shown.
pub(super) fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    SECRETS.iter().any(|secret| {
        last.strip_suffix(secret).is_some_and(|head| head.is_empty() || head.ends_with('_'))
    })
}

fn mask(value: &mut Value) {
    let Value::Table(table) = value else { return };
    for (key, value) in table.iter_mut() {
        match value {
            Value::String(secret) if is_secret(key) && !secret.is_empty() => {
                MASK.clone_into(secret);
            }
            other => mask(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_secret, shown};
    use crate::config::Config;

    #[test]
    fn a_secret_shows_only_that_it_is_set() {
        for (section, key) in [
            ("elizaos", "auth_token"),
            ("elizaos", "socket_token"),
            ("accounts", "secret_key"),
            ("accounts", "admin_password"),
            ("accounts.smtp", "password"),
        ] {
            let config = format!("[{section}]\n{key} = \"s3cret\"");
            let config: Config = toml::from_str(&config).unwrap();
            let text = shown(&config).unwrap();
            let masked = format!("{key} = \"********\"");
            assert!(text.contains(&masked) && !text.contains("s3cret"), "{text}");
            let masked = format!("\n{key} = ");
            assert!(!shown(&Config::default()).unwrap().contains(&masked));
        }
    }

    #[test]
    fn names_of_secrets_are_known_and_names_of_variables_are_not_secrets() {
        for (key, secret) in [
            ("elizaos.auth_token", true),
            ("models.fast.api_key", true),
            ("models.fast.api_key_env", false),
            ("elizaos.bind", false),
            ("runtime.max_tokens", false),
        ] {
            assert_eq!(is_secret(key), secret, "{key}");
        }
    }
}
