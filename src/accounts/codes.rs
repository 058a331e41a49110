//! Codes that come by e-mail.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use greenroom_actors::time::UnixMillis;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::mail::Letter;
use super::session::Session;
use super::token::Mode;
use super::tries::{Allowance, Tries};
use super::{Accounts, AccountsError, NewListed, NewUser, Role, address};

/// How long a code is good for.
pub const CODE_LIFE: Duration = Duration::from_secs(10 * 60);

/// How many there are of six digits.
const CODES: u32 = 1_000_000;

/// How often an address may ask for a code, and try one.
const REQUESTS: Allowance = Allowance { tries: 3, within: CODE_LIFE };
const GUESSES: Allowance = Allowance { tries: 5, within: CODE_LIFE };

/// The same for one client, whatever the addresses: many people may share one.
const CLIENT_REQUESTS: Allowance = Allowance { tries: 60, within: CODE_LIFE };
const CLIENT_GUESSES: Allowance = Allowance { tries: 60, within: CODE_LIFE };

/// How often one client may ask for access.
const ACCESS_REQUESTS: Allowance = Allowance { tries: 10, within: CODE_LIFE };

/// Addresses with codes at once; the one unseen for longest gives way.
const PENDING_MAX: u64 = 10_000;

/// The codes that are good now. A restart ends them, as they live for minutes.
#[derive(Debug)]
pub(super) struct Codes {
    pending: Cache<String, Arc<Mutex<Vec<Pending>>>>,
    pub(super) requests: Tries<String>,
    pub(super) guesses: Tries<String>,
    client_requests: Tries<u128>,
    client_guesses: Tries<u128>,
    access: Tries<u128>,
}

/// A code, of which only a keyed digest is known.
#[derive(Debug)]
struct Pending {
    digest: Zeroizing<[u8; 32]>,
    expires_at: UnixMillis,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            pending: Cache::builder()
                .max_capacity(PENDING_MAX)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(CODE_LIFE)
                .build(),
            requests: Tries::new(REQUESTS),
            guesses: Tries::new(GUESSES),
            client_requests: Tries::new(CLIENT_REQUESTS),
            client_guesses: Tries::new(CLIENT_GUESSES),
            access: Tries::new(ACCESS_REQUESTS),
        }
    }
}

impl Codes {
    fn add(&self, email: String, pending: Pending, now: UnixMillis) {
        let codes = self.pending.get_with(email, Arc::default);
        let mut codes = codes.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|code| now < code.expires_at);
        codes.push(pending);
    }

    /// Whether that is one of them; if so, they are all used up.
    fn take(&self, email: &str, digest: &[u8; 32], now: UnixMillis) -> bool {
        let Some(codes) = self.pending.get(email) else { return false };
        let mut codes = codes.lock().unwrap_or_else(PoisonError::into_inner);
        let live = codes.iter().filter(|code| now < code.expires_at);
        let is_one = live.fold(Choice::from(0), |found, code| found | code.digest.ct_eq(digest));
        let is_one = bool::from(is_one);
        if is_one {
            codes.clear();
        }
        is_one
    }
}

impl Accounts {
    /// Sends a code to an address, if it may log in; whether it may. `client` is where it is asked for.
    ///
    /// # Errors
    /// [`AccountsError::SetupRequired`], [`AccountsError::EmailLoginDisabled`],
    /// [`AccountsError::NotAnAddress`], [`AccountsError::TooManyTries`].
    pub fn send_code(&self, email: &str, client: u128) -> Result<bool, AccountsError> {
        let email = self.login_address(email)?;
        let now = self.now();
        let codes = &self.inner.codes;
        codes.client_requests.admit(client, now).map_err(AccountsError::TooManyTries)?;
        codes.requests.admit(email.clone(), now).map_err(AccountsError::TooManyTries)?;
        if !self.is_listed(&email) {
            return Ok(false);
        }
        self.send_new(codes, email.clone(), email)?;
        Ok(true)
    }

    /// Sends a new code that is good for `who`, which has that address.
    pub(super) fn send_new(
        &self,
        codes: &Codes,
        who: String,
        email: String,
    ) -> Result<(), AccountsError> {
        let now = self.now();
        let code = Zeroizing::new(format!("{:06}", rand::random_range(0..CODES)));
        let digest = self.digest_of(&who, &code).ok_or(AccountsError::Failed)?;
        codes.add(who, Pending { digest, expires_at: now.plus(CODE_LIFE) }, now);
        self.inner.courier.bring(Letter { to: email, code });
        Ok(())
    }

    /// Whether that is a code for `who`; if so, it is used up. Each look counts as a guess.
    pub(super) fn guess(&self, codes: &Codes, who: &str, code: &str) -> Result<(), AccountsError> {
        let now = self.now();
        codes.guesses.admit(who.to_owned(), now).map_err(AccountsError::TooManyTries)?;
        let digest = self.digest_of(who, code.trim()).ok_or(AccountsError::Failed)?;
        if codes.take(who, &digest, now) { Ok(()) } else { Err(AccountsError::WrongCode) }
    }

    /// Logs in whoever has read the code; at the first time, they become a user. `client` is where it
    /// comes from: whoever gets too many wrong from there has to wait, whichever the addresses.
    ///
    /// # Errors
    /// [`AccountsError::SetupRequired`], [`AccountsError::EmailLoginDisabled`],
    /// [`AccountsError::TooManyTries`], [`AccountsError::WrongCode`], [`AccountsError::Core`].
    pub async fn login_by_code(
        &self,
        email: &str,
        code: &str,
        client: u128,
    ) -> Result<Session, AccountsError> {
        let email = match self.login_address(email) {
            Err(AccountsError::NotAnAddress) => None,
            email => Some(email?),
        };
        let codes = &self.inner.codes;
        // Before the address's own, so that nobody uses up those of others without end.
        let guesses = &codes.client_guesses;
        guesses.admit(client, self.now()).map_err(AccountsError::TooManyTries)?;
        let email = email.ok_or(AccountsError::WrongCode)?;
        self.guess(codes, &email, code)?;
        guesses.take_back(&client);
        // Whoever was taken off the list in the meantime is not let in.
        let listed = self.index().listed.get(&email).cloned();
        let role = listed.ok_or(AccountsError::WrongCode)?.default_role;
        codes.guesses.forgive(&email);
        let user = self.enrol(NewUser { email, role }).await?;
        self.begin(user.id, Mode::Email).await
    }

    /// Puts an address on the list because somebody asked for it; whether it was there before.
    ///
    /// # Errors
    /// [`AccountsError::SetupRequired`], [`AccountsError::EmailLoginDisabled`],
    /// [`AccountsError::NotAnAddress`], [`AccountsError::TooManyTries`], [`AccountsError::Core`].
    pub async fn ask_for_access(&self, email: &str, client: u128) -> Result<bool, AccountsError> {
        let email = self.login_address(email)?;
        let access = &self.inner.codes.access;
        access.admit(client, self.now()).map_err(AccountsError::TooManyTries)?;
        let new =
            NewListed { email, added_by: None, default_role: Role::User, source: "access_request" };
        match self.list(new).await {
            Ok(_) => Ok(false),
            Err(AccountsError::Listed(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The address of somebody who would log in by e-mail, where that is possible at all.
    fn login_address(&self, email: &str) -> Result<String, AccountsError> {
        if !self.is_set_up() {
            return Err(AccountsError::SetupRequired);
        }
        if !self.is_email_enabled() {
            return Err(AccountsError::EmailLoginDisabled);
        }
        address(email).ok_or(AccountsError::NotAnAddress)
    }

    /// A million codes are soon tried: their digests say nothing without the host's secret.
    fn digest_of(&self, email: &str, code: &str) -> Option<Zeroizing<[u8; 32]>> {
        self.signet().derive(format!("code {email} {code}").as_bytes())
    }
}
