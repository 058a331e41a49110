//! Which values of an agent's files are secrets.

use serde_json::Value;
use zeroize::Zeroizing;

use super::env_file;

/// Bytes below which a value is no secret.
const LEAST_BYTES: usize = 4;

/// Bytes below which digits alone are no secret: dates, ports and counts look like them.
const DIGITS_LEAST_BYTES: usize = 6;

/// Bytes from which a line of a longer value is a secret by itself.
const LINE_LEAST_BYTES: usize = 16;

/// Bytes from which letters and digits without a space look like a secret, wherever they stand.
const TOKEN_LEAST_BYTES: usize = 20;

/// Values that everybody uses: to hide them would hide nothing and make texts unreadable.
const COMMON: [&str; 38] = [
    "true",
    "false",
    "none",
    "null",
    "nil",
    "yes",
    "no",
    "on",
    "off",
    "enabled",
    "disabled",
    "auto",
    "default",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "trace",
    "production",
    "prod",
    "development",
    "staging",
    "test",
    "testing",
    "local",
    "localhost",
    "http",
    "https",
    "utf-8",
    "utf8",
    "json",
    "text",
    "main",
    "master",
    "latest",
    "127.0.0.1",
    "0.0.0.0",
];

/// Words in the name of something that is a secret.
const SECRET_WORDS: [&str; 9] =
    ["token", "secret", "passw", "credential", "apikey", "key", "auth", "bearer", "_pat"];

/// How well-known secrets begin.
const PREFIXES: [&str; 14] = [
    "sk-",
    "sk_",
    "pk_",
    "rk_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "AIza",
    "eyJ",
    "trinity_mcp_",
];

/// Secrets of one sort that are known of an agent.
pub(super) const SECRETS_MAX: usize = 256;

/// Their bytes in all.
pub(super) const BYTES_MAX: usize = 64 * 1_024;

/// The secrets found so far, each once, in the order they were found; as many as can be known.
#[derive(Default)]
pub(super) struct Found {
    secrets: Vec<Zeroizing<String>>,
    bytes: usize,
    is_too_much: bool,
}

impl Found {
    /// The secrets.
    pub(super) fn into_secrets(self) -> Vec<Zeroizing<String>> {
        self.secrets
    }

    /// Whether there are more than can be known.
    pub(super) fn is_too_much(&self) -> bool {
        self.is_too_much
    }

    /// Takes the values of a file of environment variables.
    pub(super) fn in_env(&mut self, text: &str) {
        for (name, value) in env_file::parse(text) {
            self.value(&value, is_secret_name(&name));
        }
    }

    /// Takes what looks like a secret in a file of MCP servers; of headers and environments, everything.
    pub(super) fn in_servers(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(value) => self.in_json(&value, false),
            // Cut short, or being written: what looks like a secret all the same.
            Err(_no_json) => {
                let is_between = |sign: char| sign == '"' || sign.is_whitespace();
                let words = text.split(is_between).filter(|word| looks_secret(word));
                words.for_each(|word| self.value(word, true));
            }
        }
    }

    /// Takes a value that is a secret wherever it stands, such as one that was sealed.
    pub(super) fn secret(&mut self, value: &str) {
        self.value(value, true);
    }

    fn in_json(&mut self, value: &Value, is_all: bool) {
        match value {
            Value::String(text) if is_all || looks_secret(text) => self.header(text),
            Value::String(text) => self.in_address(text),
            Value::Array(values) => values.iter().for_each(|value| self.in_json(value, is_all)),
            Value::Object(map) => {
                for (name, value) in map {
                    let within = matches!(name.as_str(), "headers" | "env");
                    self.in_json(value, is_all || within || is_secret_name(name));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The value of a header; where it names a scheme first, what stands behind it.
    fn header(&mut self, text: &str) {
        match text.split_once(' ') {
            Some(("Bearer" | "bearer" | "Basic" | "basic" | "Token" | "token", secret)) => {
                self.value(secret.trim(), true);
            }
            _ => self.value(text, false),
        }
    }

    /// The password and the values of the query of an address.
    fn in_address(&mut self, text: &str) {
        let Ok(url) = reqwest::Url::parse(text) else { return };
        if let Some(password) = url.password() {
            self.value(password, true);
        }
        for (name, value) in url.query_pairs() {
            if is_secret_name(&name) || looks_secret(&value) {
                self.value(&value, true);
            }
        }
    }

    fn value(&mut self, value: &str, is_named_so: bool) {
        let value = value.trim();
        let is_place = value.starts_with("${") && value.ends_with('}');
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let least = if is_number && !is_named_so { DIGITS_LEAST_BYTES } else { LEAST_BYTES };
        let is_common = COMMON.iter().any(|common| value.eq_ignore_ascii_case(common));
        if value.len() < least || is_place || is_common {
            return;
        }
        self.add(value);
        if value.contains('\n') {
            let lines = value.lines().map(str::trim);
            lines.filter(|line| line.len() >= LINE_LEAST_BYTES).for_each(|line| self.add(line));
        }
    }

    fn add(&mut self, secret: &str) {
        if self.secrets.iter().any(|known| known.as_str() == secret) {
            return;
        }
        let bytes = self.bytes.saturating_add(secret.len());
        if bytes > BYTES_MAX || self.secrets.len() >= SECRETS_MAX {
            self.is_too_much = true;
            return;
        }
        self.bytes = bytes;
        self.secrets.push(Zeroizing::new(secret.to_owned()));
    }
}

/// Whether what is called so is a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word)) || name == "pat"
}

/// Whether a text looks like a secret by itself.
fn looks_secret(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.=+".contains(&byte);
    let has = |sort: fn(&u8) -> bool| text.as_bytes().iter().any(sort);
    let is_mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    let is_long = text.len() >= TOKEN_LEAST_BYTES && is_mixed;
    let is_known = text.len() >= 8 && PREFIXES.iter().any(|prefix| text.starts_with(prefix));
    (is_long || is_known || text.starts_with("Bearer ")) && {
        let text = text.strip_prefix("Bearer ").unwrap_or(text);
        text.bytes().all(is_word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(take: impl FnOnce(&mut Found)) -> Vec<String> {
        let mut found = Found::default();
        take(&mut found);
        found.into_secrets().iter().map(|secret| secret.to_string()).collect()
    }

    #[test]
    fn values_of_an_environment_are_secrets_unless_they_are_common() {
        let text = "API_KEY=sk-1234\nDEBUG=true\nPORT=8080\nPIN_TOKEN=4711\nMODE=Production\n\
                    A=abc\nDB=postgres://u:p@h/d\nREF=${API_KEY}\nAGAIN=sk-1234\nYEARS=20252026\n\
                    PEM=\"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort\"";
        let expected = [
            "sk-1234",
            "4711",
            "postgres://u:p@h/d",
            "20252026",
            "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\nshort",
            "-----BEGIN KEY-----",
            "MIIEvQIBADANBgkqhkiG",
        ];
        assert_eq!(found(|found| found.in_env(text)), expected);
    }

    #[test]
    fn of_servers_headers_and_what_looks_like_a_secret_are_taken() {
        let text = r#"{"mcpServers": {"one": {
            "type": "http", "url": "https://h/mcp?api_key=queried&page=12&u=plain-words",
            "headers": {"Authorization": "Bearer trinity_mcp_abc", "X-Team": "blue-team"}},
          "two": {"command": "npx", "args": ["-y", "@scope/server-with-a-long-name",
            "ghp_0123456789", "AbCd0123456789abcdefgh"],
            "env": {"REGION": "eu-west-1", "NAME": "${NAME}", "ON": "true"},
            "options": {"clientSecret": "hush-hush", "level": "info"}}}}"#;
        let expected = [
            "queried",
            "trinity_mcp_abc",
            "blue-team",
            "ghp_0123456789",
            "AbCd0123456789abcdefgh",
            "eu-west-1",
            "hush-hush",
        ];
        assert_eq!(found(|found| found.in_servers(text)), expected);
        assert!(found(|found| found.in_servers("no JSON")).is_empty());
        let cut = &text[..text.find("X-Team").unwrap()];
        assert_eq!(found(|found| found.in_servers(cut)), ["trinity_mcp_abc"]);
    }

    #[test]
    fn what_is_too_long_keeps_nothing_else_from_being_known() {
        let long = "x".repeat(BYTES_MAX + 1);
        let text = format!("LONG_KEY={long}\nNEXT_KEY=sk-next");
        let mut all = Found::default();
        all.in_env(&text);
        assert!(all.is_too_much());
        assert_eq!(
            all.into_secrets().iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            ["sk-next"]
        );
    }
}
