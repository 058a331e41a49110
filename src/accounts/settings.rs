//! What an operator may say about accounts.

use serde::{Deserialize, Serialize};

use super::opening::is_usable;
use super::password::PASSWORD_MAX;
use super::secret::Confidential;

/// The `[accounts]` section of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsSettings {
    /// What tokens are signed with; absent: it is made once, and kept sealed.
    #[serde(skip_serializing)]
    pub secret_key: Option<Confidential>,
    /// The password of `admin`; absent: it is set with the one-time token of the log, or by
    /// `greenroom admin password`.
    #[serde(skip_serializing)]
    pub admin_password: Option<Confidential>,
    /// Logins with a code that comes by e-mail.
    pub email: EmailSettings,
    /// The server that e-mail is sent by.
    pub smtp: SmtpSettings,
}

/// The `[accounts.email]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailSettings {
    /// Whether people may log in so.
    pub enabled: bool,
    /// Whom messages come from; absent: the user of the server, if that is an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Default for EmailSettings {
    fn default() -> Self {
        Self { enabled: true, from: None }
    }
}

/// The `[accounts.smtp]` section.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpSettings {
    /// Where it is; absent: codes are written into the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// Who logs in there; absent: nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password for that.
    #[serde(skip_serializing)]
    pub password: Option<Confidential>,
    /// How the connection is kept secret.
    pub security: SmtpSecurity,
    /// Seconds that it may take to send one.
    pub timeout_s: u32,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: 587,
            user: None,
            password: None,
            security: SmtpSecurity::default(),
            timeout_s: 20,
        }
    }
}

/// How a connection with a server is kept secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// It begins in the open and must then turn to TLS.
    #[default]
    Starttls,
    /// It is TLS from its beginning.
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

impl AccountsSettings {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        if self.admin_password.as_ref().is_some_and(|password| !is_usable(password)) {
            return Err(format!("admin_password has more than {PASSWORD_MAX} characters"));
        }
        super::mail::sender(&self.email, &self.smtp).map(drop)
    }
}
