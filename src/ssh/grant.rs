//! Who may come in, to which agent, and until when.

use std::fmt;
use std::time::Duration;

use greenroom_actors::documents::Document;
use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use rand::RngExt;
use rand::distr::Alphanumeric;
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::error::SshError;

/// How long access lasts at least and at most.
pub const TTL_MIN: Duration = Duration::from_secs(360);
/// See [`TTL_MIN`].
pub const TTL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Letters and digits of a password: 142 random bits.
const PASSWORD_LENGTH: usize = 24;

/// Bytes of a public key at most, as it is written.
const KEY_MAX_BYTES: usize = 4096;

/// Where grants are kept.
pub(super) const SHELF: &str = "ssh";

/// By what somebody comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means {
    /// A password that is made here.
    Password,
    /// The private key to this public one, which is in the format of OpenSSH.
    Key(String),
}

/// Access that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGrant {
    /// To which agent.
    pub agent: AgentId,
    /// The name of the person whom the agent then hears.
    pub user: String,
    /// The agent's port; 0 where it has none of its own, and any free one will do.
    pub port: u16,
    /// By what.
    pub means: Means,
    /// For how long; what is less or more than may be is as much as may be.
    pub ttl: Duration,
}

/// Access that was given.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its id.
    pub id: Uuid,
    /// Where the agent is reached.
    pub port: u16,
    /// The password, shown once, where that is the means.
    pub password: Option<String>,
    /// When it ends.
    pub expires_at: UnixMillis,
}

impl fmt::Debug for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, port, expires_at, password: _ } = self;
        f.debug_struct("Granted")
            .field("id", id)
            .field("port", port)
            .field("expires_at", expires_at)
            .finish_non_exhaustive()
    }
}

/// Access as it is kept: nothing in it lets anybody in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) id: Uuid,
    pub(super) agent: AgentId,
    pub(super) user: String,
    pub(super) port: u16,
    pub(super) secret: Secret,
    pub(super) expires_at: UnixMillis,
}

/// What somebody must know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Secret {
    /// The SHA-256 of the password. That is enough: nobody chose it, and 142 random bits are not
    /// found by trying, however fast that goes.
    Password([u8; 32]),
    /// The public key.
    Key(#[serde(with = "openssh")] PublicKey),
}

/// A public key as the text that it is known by.
mod openssh {
    use russh::keys::PublicKey;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&key.to_openssh().map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        let text = String::deserialize(from)?;
        PublicKey::from_openssh(&text).map_err(de::Error::custom)
    }
}

impl Secret {
    /// The secret for those means, and the password if one was made.
    pub(super) fn of(means: &Means) -> Result<(Self, Option<String>), SshError> {
        match means {
            Means::Password => {
                let letters = rand::rng().sample_iter(Alphanumeric).take(PASSWORD_LENGTH);
                let password: String = letters.map(char::from).collect();
                Ok((Self::Password(hashed(&password)), Some(password)))
            }
            Means::Key(text) => Ok((Self::Key(key(text)?), None)),
        }
    }

    pub(super) fn is_password(&self, password: &str) -> bool {
        match self {
            Self::Password(hash) => hash.ct_eq(&hashed(password)).into(),
            Self::Key(_) => false,
        }
    }

    pub(super) fn is_key(&self, key: &PublicKey) -> bool {
        matches!(self, Self::Key(own) if own.key_data() == key.key_data())
    }
}

impl Grant {
    pub(super) fn document(&self, now: UnixMillis) -> Document {
        Document {
            shelf: SHELF.to_owned(),
            key: self.id.to_string(),
            value: serde_json::to_value(self).unwrap_or_default(),
            updated_at: now,
        }
    }
}

fn hashed(password: &str) -> [u8; 32] {
    Sha256::digest(password.as_bytes()).into()
}

/// Reads a public key, and refuses those that would let nobody in.
fn key(text: &str) -> Result<PublicKey, SshError> {
    let refused = |reason: &str| Err(SshError::Key(reason.to_owned()));
    let text = text.trim();
    if text.len() > KEY_MAX_BYTES {
        return refused(&format!("is longer than {KEY_MAX_BYTES} bytes"));
    }
    let Ok(mut key) = PublicKey::from_openssh(text) else {
        return refused("is not in the format of OpenSSH: a type, a space, and base64");
    };
    match key.key_data() {
        KeyData::Ed25519(_)
        | KeyData::Ecdsa(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_) => {}
        _ => return refused("is of a type that this host cannot check: use ed25519 or ecdsa"),
    }
    key.set_comment("");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for this test; nobody has its private key.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKG7onBtZnUt1jd2gFoRm25zwWmsHmIhpMtVyzMA4jDz";

    #[test]
    fn a_password_is_kept_as_its_hash_and_found_again() {
        let (secret, password) = Secret::of(&Means::Password).unwrap();
        let password = password.unwrap();
        assert_eq!(password.len(), 24);
        assert!(password.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        assert!(secret.is_password(&password));
        assert!(!secret.is_password("") && !secret.is_password(&password.to_lowercase()));
        let grant = Grant {
            id: Uuid::nil(),
            agent: AgentId::new(),
            user: "admin".to_owned(),
            port: 2222,
            secret,
            expires_at: UnixMillis(1),
        };
        let document = grant.document(UnixMillis(0));
        assert!(!document.value.to_string().contains(&password));
        assert_eq!(serde_json::from_value::<Grant>(document.value).unwrap(), grant);
    }

    #[test]
    fn keys_that_could_let_nobody_in_are_refused() {
        let (secret, password) = Secret::of(&Means::Key(format!("{ED25519} me@host"))).unwrap();
        assert_eq!(password, None);
        assert!(secret.is_key(&PublicKey::from_openssh(ED25519).unwrap()));
        assert!(!secret.is_password(ED25519));
        for (text, reason) in [
            ("", "format"),
            ("ssh-ed25519", "format"),
            ("ssh-ed25519 notbase64!", "format"),
            ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAQQDDrHhTHYGR", "format"),
            (&"a".repeat(5000), "longer"),
        ] {
            let refused = Secret::of(&Means::Key(text.to_owned())).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }
}
