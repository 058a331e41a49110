//! Bringing codes to people: by e-mail, or else into the log.

use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::codes::CODE_LIFE;
use super::settings::{EmailSettings, SmtpSecurity, SmtpSettings};
use crate::telemetry;

/// Messages on their way at once; further ones are dropped, and their readers ask again.
const SENDING_MAX: usize = 32;

/// A code on its way.
#[derive(Clone)]
pub struct Letter {
    /// The address.
    pub to: String,
    /// The code.
    pub code: Zeroizing<String>,
}

/// Brings letters to people.
pub trait Courier: Send + Sync + 'static {
    /// Begins to bring one. Nobody waits for it: how long it takes would tell whether an address is
    /// known here.
    fn bring(&self, letter: Letter);
}

/// Writes codes into the log, where no server for e-mail is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogCourier;

impl Courier for LogCourier {
    fn bring(&self, letter: Letter) {
        // Not into what is kept of the log: whoever may read that need not be that person.
        tracing::info!(
            target: telemetry::UNKEPT,
            email = letter.to,
            code = letter.code.as_str(),
            "a login code; no server for e-mail is configured"
        );
    }
}

/// Sends e-mail.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    sending: Arc<Semaphore>,
}

/// Whoever brings codes under that configuration.
///
/// # Errors
/// The name of the key at fault and what is wrong with it.
pub fn courier(settings: &super::AccountsSettings) -> Result<Arc<dyn Courier>, String> {
    Ok(match sender(&settings.email, &settings.smtp)? {
        Some(mailer) => Arc::new(mailer),
        None => Arc::new(LogCourier),
    })
}

/// The sender of e-mail, if a server is configured.
pub(super) fn sender(email: &EmailSettings, smtp: &SmtpSettings) -> Result<Option<Mailer>, String> {
    let Some(host) = &smtp.host else { return Ok(None) };
    crate::models::install_tls();
    let from = email.from.as_ref().or(smtp.user.as_ref());
    let from = from
        .and_then(|from| from.parse::<Mailbox>().ok())
        .ok_or_else(|| "email.from must be an address where smtp.host is set".to_owned())?;
    if smtp.timeout_s == 0 {
        return Err("smtp.timeout_s is 0, and must be at least 1".to_owned());
    }
    type Transport = AsyncSmtpTransport<Tokio1Executor>;
    let builder = match smtp.security {
        SmtpSecurity::Starttls => Transport::starttls_relay(host),
        SmtpSecurity::Tls => Transport::relay(host),
        SmtpSecurity::None => Ok(Transport::builder_dangerous(host)),
    };
    let builder = builder.map_err(|error| format!("smtp.host: {error}"))?;
    let timeout = Duration::from_secs(u64::from(smtp.timeout_s));
    let mut builder = builder.port(smtp.port).timeout(Some(timeout));
    if let (Some(user), Some(password)) = (&smtp.user, &smtp.password) {
        let password = String::clone(password.reveal());
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    let sending = Arc::new(Semaphore::new(SENDING_MAX));
    Ok(Some(Mailer { transport: builder.build(), from, sending }))
}

impl Mailer {
    fn message(&self, letter: &Letter) -> Option<Message> {
        let minutes = CODE_LIFE.as_secs() / 60;
        let text = format!(
            "Your login code is {}.\n\nIt is good for {minutes} minutes, and once. If you did not \
             ask for it, you need not do anything.\n",
            letter.code.as_str()
        );
        Message::builder()
            .from(self.from.clone())
            .to(letter.to.parse().ok()?)
            .subject("Your login code")
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .ok()
    }
}

impl Courier for Mailer {
    fn bring(&self, letter: Letter) {
        let Some(message) = self.message(&letter) else {
            tracing::warn!("a login code cannot be sent: not an address that e-mail goes to");
            return;
        };
        let Ok(place) = Arc::clone(&self.sending).try_acquire_owned() else {
            tracing::warn!("a login code is not sent: too many are on their way");
            return;
        };
        let transport = self.transport.clone();
        tokio::spawn(async move {
            if let Err(error) = transport.send(message).await {
                // What the server says may repeat an address, but not the code.
                tracing::warn!(%error, "a login code could not be sent");
            }
            drop(place);
        });
    }
}
