//! Access to an agent by SSH, for a while.

use std::time::Duration;

use actix_web::http::header::HOST;
use actix_web::post;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::Call;
use super::error::TrinityError;
use super::mount::Mount;
use super::{Answer, times};
use crate::ssh::{Means, NewGrant, SshError, TTL_MAX, TTL_MIN, USER};

/// What public keys begin with.
const KEY_TYPES: [&str; 5] = ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-", "ssh-dss"];

/// Hours that access lasts where nobody says for how long.
const TTL_HOURS: f64 = 4.0;

const SECONDS_PER_HOUR: f64 = 3_600.0;

pub(super) fn routes(at: &mut Mount) {
    at.service(grant);
}

#[derive(Default, Deserialize, ToSchema)]
struct Wish {
    /// Hours; as many as may be where it is less than 0.1 or more than 24.
    ttl_hours: Option<f64>,
    /// `key` or `password`.
    auth_method: Option<String>,
    /// The public key, in the format of OpenSSH.
    public_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Access {
    /// `success`.
    status: &'static str,
    agent: String,
    auth_method: String,
    connection: Connection,
    expires_at: String,
    expires_in_hours: f64,
    instructions: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Connection {
    command: String,
    host: String,
    port: u16,
    user: &'static str,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// Gives access to an agent's files and to its console.
#[utoipa::path(
    tag = "Configuration",
    params(("name" = String, Path)),
    request_body = Option<Wish>,
    responses(
        (status = 200, body = Access),
        (status = 501, description = "There is no SSH here", body = super::error::ErrorBody)
    )
)]
#[post("/api/agents/{name}/ssh-access")]
async fn grant(call: Call<Wish>) -> Answer<Access> {
    call.admin()?;
    let wish = call.fields_if_any()?.unwrap_or_default();
    let host = &call.shared.host;
    if !host.preferences.allows_ssh() {
        let told =
            "SSH access is disabled: set ssh_access_enabled to true in the operations settings";
        return Err(TrinityError::forbidden(told));
    }
    let agent = call.found().await?.ok_or_else(TrinityError::no_agent)?;
    if !agent.is_running() {
        return Err(TrinityError::bad("Agent must be running to be reached over SSH"));
    }
    let auth_method = wish.auth_method.unwrap_or_else(|| "key".to_owned());
    let means = match auth_method.as_str() {
        "password" => Means::Password,
        "key" => Means::Key(key(wish.public_key)?),
        _ => return Err(TrinityError::bad("auth_method must be 'key' or 'password'")),
    };
    let ttl = ttl(wish.ttl_hours);
    let granted = host.ssh.grant(NewGrant {
        agent: agent.id,
        user: call.principal.user.username.clone(),
        port: host.roster.port_of(agent.id).await?,
        means,
        ttl,
    });
    let granted = granted.await.map_err(refusal)?;
    let (port, at) = (granted.port, reached_at(&call));
    let plain = format!("ssh -p {port} {USER}@{at}");
    let command = match &granted.password {
        Some(password) => format!("sshpass -p {password} {plain}"),
        None => plain.clone(),
    };
    let mut instructions = vec![
        format!("Connect with: {plain}"),
        format!("Copy files with: sftp -P {port} {USER}@{at}"),
        "The session is a console that talks with the agent; there is no shell".to_owned(),
    ];
    if let Some(fingerprint) = host.ssh.fingerprint() {
        instructions.push(format!("The host's key is {fingerprint}"));
    }
    if host.ssh.is_on_loopback() {
        instructions.push("SSH is reached from the host's own machine alone".to_owned());
    }
    Ok(Json(Access {
        status: "success",
        agent: agent.name,
        auth_method,
        connection: Connection { command, host: at, port, user: USER, password: granted.password },
        expires_at: times::iso(granted.expires_at),
        expires_in_hours: ttl.as_secs_f64() / SECONDS_PER_HOUR,
        instructions,
    }))
}

fn key(given: Option<String>) -> Result<String, TrinityError> {
    let given = given.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
    let required = || TrinityError::bad("public_key is required for auth_method 'key'");
    let key = given.ok_or_else(required)?;
    if !KEY_TYPES.iter().any(|sort| key.starts_with(sort)) {
        return Err(TrinityError::bad("Invalid public key format"));
    }
    Ok(key)
}

fn ttl(hours: Option<f64>) -> Duration {
    // What is no number lasts as long as what nobody asked for.
    let hours = hours.filter(|hours| !hours.is_nan()).unwrap_or(TTL_HOURS);
    let (least, most) = (TTL_MIN.as_secs_f64(), TTL_MAX.as_secs_f64());
    Duration::from_secs_f64((hours * SECONDS_PER_HOUR).clamp(least, most))
}

/// The name that clients reach this host by: it stands in a command, so that nothing but a name or an
/// address is taken from a request.
fn reached_at(call: &Call<Wish>) -> String {
    if let Some(host) = &call.shared.settings.public_host {
        return host.clone();
    }
    named(call.header(HOST.as_str()).unwrap_or_default()).unwrap_or("localhost").to_owned()
}

/// The host in a header of that name, without its port.
fn named(header: &str) -> Option<&str> {
    let name = match header.strip_prefix('[') {
        Some(address) => address.split_once(']')?.0,
        None => header.split(':').next()?,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:_".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte != b'-');
    (begins && name.bytes().all(is_plain)).then_some(name)
}

fn refusal(error: SshError) -> TrinityError {
    match error {
        SshError::Disabled => TrinityError::not_here(error.to_string()),
        SshError::Key(reason) => {
            TrinityError::bad(format!("Invalid public key format: the public key {reason}"))
        }
        SshError::TooMany { .. } | SshError::Port { .. } => {
            TrinityError::unavailable(error.to_string())
        }
        SshError::HostKey(cause) => TrinityError::inside(cause),
        SshError::Core(error) => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_host_comes_into_a_command() {
        for (header, expected) in [
            ("greenroom.example:8000", Some("greenroom.example")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("[::1]:8000", Some("::1")),
            ("", None),
            ("-oProxyCommand=x", None),
            ("a;rm -rf", None),
            ("$(id)", None),
            ("[::1", None),
        ] {
            assert_eq!(named(header), expected, "{header}");
        }
    }

    #[test]
    fn access_lasts_a_tenth_of_an_hour_to_a_day() {
        for (hours, seconds) in [
            (None, 14_400),
            (Some(0.5), 1_800),
            (Some(0.0), 360),
            (Some(-3.0), 360),
            (Some(1e300), 86_400),
            (Some(f64::INFINITY), 86_400),
            (Some(f64::NAN), 14_400),
        ] {
            assert_eq!(ttl(hours).as_secs(), seconds, "{hours:?}");
        }
    }
}
