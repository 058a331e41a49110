//! Passwords: which are good enough, and how they are kept.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::AccountsError;
use super::common::COMMON;

/// Characters of a password at least.
pub const PASSWORD_MIN: usize = 12;

/// Characters of a password at most: each takes time to work on.
pub const PASSWORD_MAX: usize = 128;

/// Passwords worked on at once: each takes 19 MiB and a core for a while.
const AT_ONCE: usize = 2;

/// Passwords that are worked on or wait for it; further ones are refused.
const PLACES: usize = 32;

/// What is wrong with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    /// It has too few characters.
    #[error("Password must be at least {PASSWORD_MIN} characters long")]
    TooShort,
    /// It has too many characters.
    #[error("Password must be at most {PASSWORD_MAX} characters long")]
    TooLong,
    /// It has no capital letter.
    #[error("Password must contain at least one uppercase letter")]
    NoUpper,
    /// It has no small letter.
    #[error("Password must contain at least one lowercase letter")]
    NoLower,
    /// It has no digit.
    #[error("Password must contain at least one digit")]
    NoDigit,
    /// It has nothing but letters and digits.
    #[error("Password must contain at least one special character")]
    NoSpecial,
    /// Many people have chosen it before.
    #[error("Password is too common; choose a less predictable one")]
    Common,
}

/// Whether a password is good enough.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn judge(password: &str) -> Result<(), Weakness> {
    let length = password.chars().count();
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let checks = [
        (length >= PASSWORD_MIN, Weakness::TooShort),
        (length <= PASSWORD_MAX, Weakness::TooLong),
        (!is_common(password), Weakness::Common),
        (has(char::is_uppercase), Weakness::NoUpper),
        (has(char::is_lowercase), Weakness::NoLower),
        (has(char::is_numeric), Weakness::NoDigit),
        (has(|letter| !letter.is_alphanumeric() && !letter.is_control()), Weakness::NoSpecial),
    ];
    let wrong = checks.into_iter().find(|(holds, _)| !holds);
    wrong.map_or(Ok(()), |(_, weakness)| Err(weakness))
}

/// Whether it is one of the words that many people choose, whatever they put around and instead of
/// its letters.
fn is_common(password: &str) -> bool {
    let plain: String = password
        .chars()
        .flat_map(char::to_lowercase)
        .map(|letter| match letter {
            '@' | '4' => 'a',
            '0' => 'o',
            '1' | '!' => 'i',
            '3' => 'e',
            '$' | '5' => 's',
            '7' => 't',
            other => other,
        })
        .collect();
    let core = plain.trim_matches(|letter: char| !letter.is_alphabetic());
    let lower = password.to_lowercase();
    // What is left at the ends of such a word: `Password1234!` ends in what reads as `i2ei`.
    let ends = |text: &str, word: &str| {
        text.strip_prefix(word).is_some_and(|rest| {
            rest.chars().count() <= 4
                || rest.chars().all(|letter| !letter.is_alphabetic() || "ieaoste".contains(letter))
        })
    };
    COMMON.iter().any(|word| *word == lower || ends(core, word))
}

/// A kept password: the text of a PHC string, which holds neither the password nor a way back to it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Hashed(String);

impl Hashed {
    /// Whether it can be a password's, and takes no more to find out than one of ours.
    pub(super) fn is_sound(&self) -> bool {
        let ours = argon2();
        PasswordHash::new(&self.0).ok().is_some_and(|hash| {
            let params = Params::try_from(&hash).ok();
            hash.algorithm.as_str() == "argon2id"
                && params.is_some_and(|params| {
                    params.m_cost() <= Params::DEFAULT_M_COST.max(ours.params().m_cost())
                        && params.t_cost() <= Params::DEFAULT_T_COST
                        && params.p_cost() <= Params::DEFAULT_P_COST
                })
        })
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed(hidden)")
    }
}

/// Works on passwords, beside the threads that answer, and not on too many at once.
#[derive(Clone)]
pub(super) struct Hasher {
    places: Arc<Semaphore>,
    cores: Arc<Semaphore>,
    /// What a password is compared with where there is none.
    nobody: Hashed,
}

impl Hasher {
    pub(super) fn new() -> Self {
        let params = argon2().params().clone();
        let (m, t, p) = (params.m_cost(), params.t_cost(), params.p_cost());
        // No password has this hash, which is of nought alone; to find out takes as long as ever.
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
            cores: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: Hashed(format!("$argon2id$v=19$m={m},t={t},p={p}${salt}${hash}")),
        }
    }

    /// The form in which a password is kept.
    pub(super) async fn hash(&self, password: Zeroizing<String>) -> Result<Hashed, AccountsError> {
        let work = move || {
            let hashed: Result<PasswordHash, _> = argon2().hash_password(password.as_bytes());
            hashed.map(|hashed| Hashed(hashed.to_string())).ok()
        };
        self.work(work).await?.ok_or(AccountsError::Failed)
    }

    /// Whether it is that password. Where there is none, that takes as long to find out.
    pub(super) async fn is(
        &self,
        password: Zeroizing<String>,
        kept: Option<Hashed>,
    ) -> Result<bool, AccountsError> {
        let is_there = kept.is_some();
        let Hashed(kept) = kept.unwrap_or_else(|| self.nobody.clone());
        let work = move || {
            let kept = PasswordHash::new(&kept).ok();
            kept.is_some_and(|kept| argon2().verify_password(password.as_bytes(), &kept).is_ok())
        };
        Ok(self.work(work).await? && is_there)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountsError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let Ok(place) = place else { return Err(AccountsError::Busy) };
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let work = tokio::task::spawn_blocking(move || {
            // Both are kept until it is done, also where nobody waits for it any more.
            let _kept = (place, core);
            work()
        });
        work.await.ok().ok_or(AccountsError::Failed)
    }
}

/// Argon2id with the least that OWASP recommends: 19 MiB, two passes, one lane.
fn argon2() -> Argon2<'static> {
    // A test of something else should not wait for it.
    let params = if cfg!(test) { Params::new(64, 1, 1, None).ok() } else { None };
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn a_password_has_twelve_characters_of_every_sort_and_is_not_common() {
        for (password, weakness) in [
            ("", Some(Weakness::TooShort)),
            ("Aa1!Aa1!Aa1", Some(Weakness::TooShort)),
            ("correct-Horse-7", None),
            ("correct-horse-7", Some(Weakness::NoUpper)),
            ("CORRECT-HORSE-7", Some(Weakness::NoLower)),
            ("correct-Horse-x", Some(Weakness::NoDigit)),
            ("correctHorse77", Some(Weakness::NoSpecial)),
            ("Größer-als-12!", None),
            ("Password1234!", Some(Weakness::Common)),
            ("P@ssw0rd1234!", Some(Weakness::Common)),
            ("Qwertyuiop1!", Some(Weakness::Common)),
            ("Administrator1!", Some(Weakness::Common)),
            ("Trinity12345!", Some(Weakness::Common)),
            ("qwertyqwerty", Some(Weakness::Common)),
        ] {
            assert_eq!(judge(password).err(), weakness, "{password}");
        }
        assert_eq!(judge(&format!("Aa1!{}", "x".repeat(124))), Ok(()));
        assert_eq!(judge(&format!("Aa1!{}", "x".repeat(125))), Err(Weakness::TooLong));
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hasher = Hasher::new();
        let kept = hasher.hash(text("correct-Horse-7")).await.unwrap();
        let again = hasher.hash(text("correct-Horse-7")).await.unwrap();
        assert_ne!(kept, again, "each has its own salt");
        assert!(kept.0.starts_with("$argon2id$v=19$"));
        assert!(!format!("{kept:?}").contains("argon2"));
        assert!(hasher.is(text("correct-Horse-7"), Some(kept.clone())).await.unwrap());
        assert!(!hasher.is(text("correct-Horse-8"), Some(kept.clone())).await.unwrap());
        assert!(!hasher.is(text("correct-Horse-7"), None).await.unwrap());
        assert!(!hasher.is(text("x"), Some(Hashed("nonsense".to_owned()))).await.unwrap());
        assert!(PasswordHash::new(&hasher.nobody.0).is_ok(), "it takes as long");
    }

    #[tokio::test]
    async fn too_many_at_once_are_refused() {
        let hasher = Hasher::new();
        let places = Arc::clone(&hasher.places);
        let _taken = places.acquire_many(u32::try_from(PLACES).unwrap()).await.unwrap();
        assert_eq!(hasher.hash(text("x")).await.unwrap_err(), AccountsError::Busy);
    }
}
