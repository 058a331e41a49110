//! Environment variables: which of them set which key.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::ConfigError;
use super::origin::Origin;

/// What Greenroom's own variables begin with.
const PREFIX: &str = "GREENROOM_";

/// Between the sections and the key in the name of a variable.
const SEPARATOR: &str = "__";

/// Greenroom's short name for the filter of the log.
const LOG: &str = "GREENROOM_LOG";

/// The keys of addresses that two variables of their ecosystem set half each: the host and the port.
const ADDRESSES: [(&str, &str, &str); 2] = [
    ("elizaos.bind", "SERVER_HOST", "SERVER_PORT"),
    ("milady.bind", "MILADY_API_BIND", "MILADY_PORT"),
];

/// The addresses that the file says, which variables change by halves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binds {
    pub(super) elizaos: SocketAddr,
    pub(super) milady: SocketAddr,
}

/// Variables of Greenroom that set no key of the configuration: they speak to the command line.
const NOT_SETTINGS: [&str; 5] =
    [LOG, "GREENROOM_CONFIG", "GREENROOM_URL", "GREENROOM_TOKEN", "GREENROOM_PASSWORD"];

/// How a variable's value becomes that of a key.
type Reading = fn(&str) -> Result<String, String>;

/// The ecosystems' own variables, the stronger ones later, with the key that each sets.
const ALIASES: [(&str, &str, Reading); 33] = [
    ("ELIZA_SERVER_AUTH_TOKEN", "elizaos.auth_token", as_is),
    ("SERVER_API_KEY", "elizaos.socket_token", as_is),
    ("API_CORS_ORIGIN", "elizaos.cors_origin", as_is),
    ("CORS_ORIGIN", "elizaos.cors_origin", as_is),
    ("EXPRESS_MAX_PAYLOAD", "elizaos.json_max_bytes", size),
    ("ELIZA_UI_ENABLE", "elizaos.ui", as_is),
    ("APP_VERSION", "elizaos.app_version", as_is),
    ("SESSION_DEFAULT_TIMEOUT_MINUTES", "elizaos.sessions.default_timeout_minutes", |value| {
        minutes(value, 1, 10_080)
    }),
    ("SESSION_MIN_TIMEOUT_MINUTES", "elizaos.sessions.min_timeout_minutes", |value| {
        minutes(value, 1, 60)
    }),
    ("SESSION_MAX_TIMEOUT_MINUTES", "elizaos.sessions.max_timeout_minutes", |value| {
        minutes(value, 60, 10_080)
    }),
    ("SESSION_MAX_DURATION_MINUTES", "elizaos.sessions.max_duration_minutes", |value| {
        minutes(value, 60, 20_160)
    }),
    ("SESSION_WARNING_THRESHOLD_MINUTES", "elizaos.sessions.warning_threshold_minutes", |value| {
        minutes(value, 1, 60)
    }),
    ("SESSION_CLEANUP_INTERVAL_MINUTES", "elizaos.sessions.cleanup_interval_minutes", |value| {
        minutes(value, 1, 60)
    }),
    ("MILADY_API_TOKEN", "milady.auth_token", as_is),
    ("MILADY_STATE_DIR", "milady.state_dir", as_is),
    ("MILADY_ALLOWED_ORIGINS", "milady.allowed_origins", as_is),
    ("MILADY_ALLOW_NULL_ORIGIN", "milady.allows_null_origin", one),
    ("MILADY_ALLOW_WS_QUERY_TOKEN", "milady.allows_query_token", one),
    ("MILADY_PAIRING_DISABLED", "milady.pairing", |value| Ok((value != "1").to_string())),
    ("MILADY_TRIGGERS_ENABLED", "milady.triggers_enabled", |value| {
        Ok((!matches!(value.to_ascii_lowercase().as_str(), "0" | "false")).to_string())
    }),
    ("MILADY_TRIGGERS_MAX_ACTIVE", "milady.triggers_active_max", as_is),
    ("SECRET_KEY", "accounts.secret_key", as_is),
    ("ADMIN_PASSWORD", "accounts.admin_password", as_is),
    ("EMAIL_AUTH_ENABLED", "accounts.email.enabled", |value| {
        Ok(matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes").to_string())
    }),
    ("SMTP_FROM", "accounts.email.from", as_is),
    ("SMTP_HOST", "accounts.smtp.host", as_is),
    ("SMTP_PORT", "accounts.smtp.port", port),
    ("SMTP_USER", "accounts.smtp.user", as_is),
    ("SMTP_PASSWORD", "accounts.smtp.password", as_is),
    ("CREDENTIAL_ENCRYPTION_KEY", "credentials.key", as_is),
    ("LOG_JSON_FORMAT", "log.format", log_format),
    ("LOG_LEVEL", "log.filter", as_is),
    (LOG, "log.filter", as_is),
];

/// What variables set: the key, the variable and the value.
pub(super) type Set = (String, String, String);

/// What the variables set, the stronger ones later.
///
/// # Errors
/// A variable of an ecosystem that cannot be read.
pub(super) fn settings(
    variables: &BTreeMap<String, String>,
    binds: Binds,
) -> Result<Vec<Set>, ConfigError> {
    let mut settings = Vec::new();
    let read = |name: &str, reading: Reading| match present(variables, name) {
        None => Ok(None),
        Some(value) => reading(value).map(Some).map_err(|reason| ConfigError::Misread {
            origin: Origin::Variable(name.to_owned()),
            reason,
        }),
    };
    for (key, host_name, port_name) in ADDRESSES {
        let mut address = if key == "elizaos.bind" { binds.elizaos } else { binds.milady };
        // Both readings have just been checked to be what is parsed here.
        if let Some(value) = read(host_name, host)? {
            value.parse::<IpAddr>().into_iter().for_each(|host| address.set_ip(host));
            settings.push((key.to_owned(), host_name.to_owned(), address.to_string()));
        }
        if let Some(value) = read(port_name, port)? {
            value.parse::<u16>().into_iter().for_each(|port| address.set_port(port));
            settings.push((key.to_owned(), port_name.to_owned(), address.to_string()));
        }
    }
    for (name, key, reading) in ALIASES {
        if let Some(value) = read(name, reading)? {
            settings.push((key.to_owned(), name.to_owned(), value));
        }
    }
    for (name, value) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        if !NOT_SETTINGS.contains(&name.as_str()) {
            let key = rest.to_ascii_lowercase().replace(SEPARATOR, ".");
            settings.push((key, name.clone(), value.clone()));
        }
    }
    Ok(settings)
}

/// The value of a variable of another program, where an empty one means: not set.
fn present<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
}

fn as_is(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

/// A switch as Milady takes it: `1` alone is on.
fn one(value: &str) -> Result<String, String> {
    Ok((value == "1").to_string())
}

fn host(value: &str) -> Result<String, String> {
    let host = match value {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        value => value.parse::<IpAddr>().ok(),
    };
    let host = host.ok_or_else(|| "must be an IP address or localhost".to_owned())?;
    Ok(host.to_string())
}

fn port(value: &str) -> Result<String, String> {
    let port = value.parse::<u16>().ok().ok_or_else(|| "must be 0 to 65535".to_owned())?;
    Ok(port.to_string())
}

/// A size as elizaOS takes it: a number of bytes, or with `kb`, `mb` or `gb` behind it.
fn size(value: &str) -> Result<String, String> {
    let value = value.to_ascii_lowercase();
    let units = [("kb", 1_u64 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("b", 1), ("", 1)];
    let found = units.iter().find_map(|(name, unit)| Some((value.strip_suffix(name)?, *unit)));
    let bytes =
        found.and_then(|(number, unit)| number.trim().parse::<u64>().ok()?.checked_mul(unit));
    bytes
        .map(|bytes| bytes.to_string())
        .ok_or_else(|| "must be a size such as 2mb or 2097152".to_owned())
}

/// Minutes as elizaOS takes them: what is beyond the bounds becomes the nearer bound.
fn minutes(value: &str, least: u32, most: u32) -> Result<String, String> {
    let value =
        value.parse::<u32>().ok().ok_or_else(|| "must be a number of minutes".to_owned())?;
    Ok(value.clamp(least, most).to_string())
}

fn log_format(value: &str) -> Result<String, String> {
    match value {
        "true" => Ok("json".to_owned()),
        "false" => Ok("human".to_owned()),
        _ => Err("must be true or false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(variables: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let elizaos = SocketAddr::from(([127, 0, 0, 1], 3000));
        let milady = SocketAddr::from(([127, 0, 0, 1], 2138));
        let set = settings(&variables, Binds { elizaos, milady });
        let set = set.map_err(|error| error.to_string())?;
        Ok(set.into_iter().map(|(key, _, value)| (key, value)).collect())
    }

    #[test]
    fn the_ecosystems_variables_become_keys() {
        for (variables, key, value) in [
            (&[("SERVER_PORT", "81")][..], "elizaos.bind", "127.0.0.1:81"),
            (&[("SERVER_HOST", "::1"), ("SERVER_PORT", "81")], "elizaos.bind", "[::1]:81"),
            (&[("SERVER_HOST", "localhost")], "elizaos.bind", "127.0.0.1:3000"),
            (
                &[("SERVER_PORT", "81"), ("GREENROOM_ELIZAOS__BIND", "127.0.0.1:82")],
                "elizaos.bind",
                "127.0.0.1:82",
            ),
            (&[("EXPRESS_MAX_PAYLOAD", "2mb")], "elizaos.json_max_bytes", "2097152"),
            (&[("EXPRESS_MAX_PAYLOAD", "100 KB")], "elizaos.json_max_bytes", "102400"),
            (&[("EXPRESS_MAX_PAYLOAD", "5")], "elizaos.json_max_bytes", "5"),
            (&[("MILADY_PORT", "81")], "milady.bind", "127.0.0.1:81"),
            (&[("MILADY_API_BIND", "0.0.0.0"), ("MILADY_PORT", "81")], "milady.bind", "0.0.0.0:81"),
            (&[("MILADY_ALLOW_WS_QUERY_TOKEN", "1")], "milady.allows_query_token", "true"),
            (&[("MILADY_ALLOW_WS_QUERY_TOKEN", "yes")], "milady.allows_query_token", "false"),
            (&[("MILADY_PAIRING_DISABLED", "1")], "milady.pairing", "false"),
            (&[("LOG_JSON_FORMAT", "true")], "log.format", "json"),
            (&[("SECRET_KEY", "s")], "accounts.secret_key", "s"),
            (&[("EMAIL_AUTH_ENABLED", "False")], "accounts.email.enabled", "false"),
            (&[("SMTP_PORT", "465")], "accounts.smtp.port", "465"),
            (&[("ELIZA_SERVER_AUTH_TOKEN", "t")], "elizaos.auth_token", "t"),
            (&[("GREENROOM_MODELS__FAST__MODEL", "m")], "models.fast.model", "m"),
        ] {
            assert_eq!(set(variables).unwrap().get(key).map(String::as_str), Some(value), "{key}");
        }
        assert!(
            set(&[("LOG_LEVEL", ""), ("GREENROOM_URL", "http://h"), ("HOME", "/")])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn minutes_beyond_the_bounds_become_the_nearer_bound() {
        for (name, value, key, minutes) in [
            ("SESSION_MIN_TIMEOUT_MINUTES", "0", "min_timeout_minutes", "1"),
            ("SESSION_DEFAULT_TIMEOUT_MINUTES", "99999", "default_timeout_minutes", "10080"),
            ("SESSION_MAX_DURATION_MINUTES", "90", "max_duration_minutes", "90"),
        ] {
            let set = set(&[(name, value)]).unwrap();
            assert_eq!(set.get(&format!("elizaos.sessions.{key}")).unwrap(), minutes);
        }
        assert!(set(&[("SESSION_MAX_TIMEOUT_MINUTES", "long")]).is_err());
    }

    #[test]
    fn what_cannot_be_read_names_its_variable() {
        for (name, value) in
            [("SERVER_PORT", "x"), ("SERVER_HOST", "example.org"), ("EXPRESS_MAX_PAYLOAD", "much")]
        {
            assert!(set(&[(name, value)]).unwrap_err().contains(name));
        }
    }
}
