//! Pairing: a browser gets the token for a code that only whoever reads the log can know.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload, ServiceConfig, get, post};
use actix_web::{HttpRequest, HttpResponse};
use greenroom_actors::time::UnixMillis;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::Answer;
use super::body;
use super::error::MiladyError;
use super::routes::on;
use super::shared::Shared;
use crate::http::rate::{Limiter, Quota};
use crate::telemetry;

/// What a code is made of: no letter that could be taken for a digit.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Characters of a code: a million million codes, of which five may be tried.
const LENGTH: usize = 8;

/// How long a code is good for.
const LIFE: Duration = Duration::from_mins(10);

/// How many codes a client may try.
const ATTEMPTS: Quota = Quota { max: 5, window: Duration::from_mins(10) };

/// The code that is good now, and who has tried one.
pub(super) struct Pairing {
    code: Mutex<Option<Code>>,
    attempts: Limiter,
}

#[derive(Clone, Copy)]
struct Code {
    text: [u8; LENGTH],
    expires_at: UnixMillis,
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NotPaired {
    TooManyAttempts,
    Expired,
    Wrong,
}

impl Default for Pairing {
    fn default() -> Self {
        Self { code: Mutex::new(None), attempts: Limiter::new(ATTEMPTS) }
    }
}

impl Pairing {
    /// When the code expires that is good now. Where there is none, one is made, and told in the log.
    fn expires_at(&self, now: UnixMillis) -> UnixMillis {
        let mut code = self.lock();
        match *code {
            Some(live) if live.is_live(now) => live.expires_at,
            _ => code.insert(Code::made(now)).expires_at,
        }
    }

    /// Takes a code, which is then used up. Where none is good any more, the next one is made.
    fn take(&self, given: &str, client: IpAddr, now: UnixMillis) -> Result<(), NotPaired> {
        if self.attempts.count(client, now).is_refused {
            return Err(NotPaired::TooManyAttempts);
        }
        let mut code = self.lock();
        let Some(live) = code.filter(|live| live.is_live(now)) else {
            *code = Some(Code::made(now));
            return Err(NotPaired::Expired);
        };
        if !live.is(given) {
            return Err(NotPaired::Wrong);
        }
        *code = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Code>> {
        // The code is whole whatever a panic interrupted.
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Code {
    fn made(now: UnixMillis) -> Self {
        let code =
            Self { text: rand::random::<[u8; LENGTH]>().map(letter), expires_at: now.plus(LIFE) };
        let (code_shown, minutes) = (code.shown(), LIFE.as_secs() / 60);
        // Not into what is kept of the log: whoever may read that need not have the token.
        tracing::info!(
            target: telemetry::UNKEPT,
            code = code_shown, minutes, "a browser can be paired with this code"
        );
        code
    }

    fn is_live(&self, now: UnixMillis) -> bool {
        now < self.expires_at
    }

    /// Whether `given` is this code, however it is written.
    fn is(&self, given: &str) -> bool {
        let given = given.bytes().filter(u8::is_ascii_alphanumeric);
        // One more than a code has, so that a longer text is not taken for its beginning.
        let given: Vec<u8> = given.take(LENGTH + 1).map(|byte| byte.to_ascii_uppercase()).collect();
        given.ct_eq(self.text.as_slice()).into()
    }

    /// As people read it: four and four.
    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.text);
        let (first, second) = text.split_at_checked(LENGTH / 2).unwrap_or((&text, ""));
        format!("{first}-{second}")
    }
}

/// One of 32 letters, each as likely as the others.
fn letter(byte: u8) -> u8 {
    ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'A')
}

pub(super) fn routes(at: &mut ServiceConfig) {
    at.service(on("/api/auth/status").route(get().to(status)))
        .service(on("/api/auth/pair").route(post().to(pair)));
}

async fn status(shared: Data<Shared>) -> Answer {
    let is_enabled = shared.token.is_some() && shared.settings.pairing;
    let expires_at = is_enabled.then(|| shared.pairing.expires_at(shared.now()));
    Ok(HttpResponse::Ok().json(json!({
        "required": shared.token.is_some(),
        "pairingEnabled": is_enabled,
        "expiresAt": expires_at,
    })))
}

async fn pair(shared: Data<Shared>, request: HttpRequest, payload: Payload) -> Answer {
    let refused = |status, words: &'static str| Err(MiladyError::refused(status, words));
    let Some(token) = &shared.token else { return Err(MiladyError::bad("Pairing not enabled")) };
    if !shared.settings.pairing {
        return refused(StatusCode::FORBIDDEN, "Pairing disabled");
    }
    let sent = body::brief(&request, payload).await?;
    let given = sent.get("code").and_then(Value::as_str).unwrap_or_default();
    let client = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
    match shared.pairing.take(given, client, shared.now()) {
        Ok(()) => {
            tracing::info!(%client, "a client was paired");
            Ok(HttpResponse::Ok().json(json!({"token": token.reveal()})))
        }
        Err(NotPaired::TooManyAttempts) => {
            refused(StatusCode::TOO_MANY_REQUESTS, "Too many attempts, please try again later")
        }
        Err(NotPaired::Expired) => {
            refused(StatusCode::GONE, "Pairing code expired; a new one is in the server's log")
        }
        Err(NotPaired::Wrong) => refused(StatusCode::FORBIDDEN, "Invalid pairing code"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn with_code(pairing: &Pairing, now: UnixMillis) -> String {
        pairing.expires_at(now);
        let code = pairing.lock().unwrap();
        code.shown()
    }

    #[test]
    fn a_code_is_eight_letters_that_nobody_confuses() {
        let code = Code::made(UnixMillis(0)).shown();
        assert_eq!((code.len(), code.find('-')), (9, Some(4)));
        for letter in code.replace('-', "").bytes() {
            assert!(ALPHABET.contains(&letter), "{code}");
        }
        assert_ne!(code, Code::made(UnixMillis(0)).shown());
    }

    #[test]
    fn a_code_is_taken_once_however_it_is_written() {
        let now = UnixMillis(1_000);
        for write in [
            |code: &str| code.to_owned(),
            |code: &str| code.replace('-', ""),
            |code: &str| format!(" {} ", code.to_lowercase().replace('-', " ")),
        ] {
            let pairing = Pairing::default();
            let code = write(&with_code(&pairing, now));
            assert_eq!(pairing.take(&format!("{code}A"), CLIENT, now), Err(NotPaired::Wrong));
            assert_eq!(pairing.take(&code, CLIENT, now), Ok(()));
            assert_eq!(pairing.take(&code, CLIENT, now), Err(NotPaired::Expired));
        }
    }

    #[test]
    fn a_code_lives_ten_minutes_and_the_next_one_is_another() {
        let pairing = Pairing::default();
        let code = with_code(&pairing, UnixMillis(0));
        assert_eq!(pairing.expires_at(UnixMillis(599_999)), UnixMillis(600_000));
        assert_eq!(pairing.take(&code, CLIENT, UnixMillis(600_000)), Err(NotPaired::Expired));
        let next = with_code(&pairing, UnixMillis(600_000));
        assert_ne!(next, code);
        assert_eq!(pairing.take(&next, CLIENT, UnixMillis(600_001)), Ok(()));
    }

    #[test]
    fn five_codes_may_be_tried_in_ten_minutes() {
        let pairing = Pairing::default();
        let code = with_code(&pairing, UnixMillis(0));
        for _ in 0..5 {
            assert_eq!(pairing.take("", CLIENT, UnixMillis(1)), Err(NotPaired::Wrong));
        }
        let late = Err(NotPaired::TooManyAttempts);
        assert_eq!(pairing.take(&code, CLIENT, UnixMillis(2)), late);
        assert_eq!(pairing.take("", OTHER, UnixMillis(2)), Err(NotPaired::Wrong));
        assert_eq!(pairing.take("", CLIENT, UnixMillis(600_001)), Err(NotPaired::Expired));
    }
}
