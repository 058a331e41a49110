//! The accounts as the host finds them when it comes up.

use std::sync::{Arc, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::codes::Codes;
use super::handover::Handover;
use super::index::Index;
use super::kept::{self, KeptUser, Password, Shelf, set};
use super::keys::KeptKey;
use super::mail::Courier;
use super::password::{Hasher, PASSWORD_MAX, judge};
use super::secret::Confidential;
use super::session::LOGIN_TRIES;
use super::settings::AccountsSettings;
use super::token::Signet;
use super::tries::Tries;
use super::user::{ADMIN, ADMIN_ID, Role, User};
use super::{Accounts, AccountsError, Inner};
use crate::preferences::Preferences;
use crate::secrets::Secrets;

/// What accounts need of the host.
pub struct Resources {
    /// The one way to the store.
    pub registry: Registry,
    /// Seals what is kept.
    pub secrets: Arc<Secrets>,
    /// What people have set over the API.
    pub preferences: Preferences,
    /// Brings people their codes.
    pub courier: Arc<dyn Courier>,
    /// Where the machine's operator hands a password over, if anywhere.
    pub handover: Option<Handover>,
}

/// The host's secret as kept.
#[derive(Serialize, Deserialize)]
struct KeptSecret {
    sealed: String,
}

impl Accounts {
    /// Reads what is kept, and sees to it that there is an administrator.
    ///
    /// # Errors
    /// [`AccountsError::Core`] if it can be neither read nor kept.
    pub async fn open(
        resources: Resources,
        settings: &AccountsSettings,
    ) -> Result<Self, AccountsError> {
        let Resources { registry, secrets, preferences, courier, handover } = resources;
        let now = registry.clock().now();
        let signet = match &settings.secret_key {
            Some(configured) => Signet::new(configured.reveal().as_bytes()),
            None => Signet::new(&kept_secret(&registry, &secrets, now).await?),
        };
        let hasher = Hasher::new();
        let index = read(&registry, &hasher, settings.admin_password.as_ref(), now).await?;
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        let setup_token = Confidential::new(&token).ok_or(AccountsError::Failed)?;
        let accounts = Inner {
            registry,
            preferences,
            courier,
            is_email_enabled: settings.email.enabled,
            index: RwLock::new(index),
            signet,
            hasher,
            logins: Tries::new(LOGIN_TRIES),
            codes: Codes::default(),
            proofs: Codes::default(),
            setup_token,
            handover,
            change: tokio::sync::Mutex::new(()),
            changed: watch::Sender::new(()),
        };
        let accounts = Self { inner: Arc::new(accounts) };
        if let Err(error) = accounts.take_over().await {
            tracing::error!(%error, "the password that was handed over is not taken");
        }
        Ok(accounts)
    }
}

/// What tokens are signed with: kept sealed, and made where there is none.
async fn kept_secret(
    registry: &Registry,
    secrets: &Secrets,
    now: UnixMillis,
) -> Result<Zeroizing<Vec<u8>>, AccountsError> {
    if let Some(kept) = kept::one(&**registry.store(), Shelf::Secret).await? {
        let kept = serde_json::from_value::<KeptSecret>(kept).ok();
        let opened = kept.and_then(|kept| secrets.open(&kept.sealed));
        if let Some(secret) = opened.and_then(|text| URL_SAFE_NO_PAD.decode(&*text).ok()) {
            return Ok(Zeroizing::new(secret));
        }
        tracing::warn!(
            "the secret that tokens are signed with cannot be opened, as the host's salt is another: \
             a new one is made, and everybody has to log in again"
        );
    }
    let secret = Zeroizing::new(rand::random::<[u8; 32]>().to_vec());
    let sealed = secrets.seal(&Zeroizing::new(URL_SAFE_NO_PAD.encode(&*secret)));
    registry.keep(vec![set(Shelf::Secret, &KeptSecret { sealed }, now)]).await?;
    Ok(secret)
}

async fn read(
    registry: &Registry,
    hasher: &Hasher,
    configured: Option<&Confidential>,
    now: UnixMillis,
) -> Result<Index, AccountsError> {
    let store = &**registry.store();
    let mut index = Index::default();
    for KeptUser { user, password } in kept::all(store, kept::USERS).await? {
        if let Some(password) = password {
            index.set_password(user.id, password);
        }
        index.set_user(Arc::new(user));
    }
    for key in kept::all::<KeptKey>(store, kept::KEYS).await?.into_iter().filter_map(KeptKey::key) {
        index.set_key(Arc::new(key));
    }
    for listed in kept::all::<super::whitelist::Listed>(store, kept::LISTED).await? {
        index.listed.insert(listed.email.clone(), Arc::new(listed));
    }
    let admin = index.user(ADMIN_ID).cloned();
    let is_new = admin.is_none();
    let admin = admin.unwrap_or_else(|| Arc::new(first_user(now)));
    let mut password = index.password(ADMIN_ID).cloned();
    let changed = match configured {
        Some(configured) => follow(&mut password, hasher, configured.reveal(), now).await?,
        None => false,
    };
    if is_new || changed {
        let user = User::clone(&admin);
        let kept = KeptUser { user, password: password.clone() };
        registry.keep(vec![set(Shelf::User(ADMIN_ID), &kept, now)]).await?;
        index.set_user(admin);
        if let Some(password) = password {
            index.set_password(ADMIN_ID, password);
        }
    }
    Ok(index)
}

/// Takes the password of the configuration, unless it was taken before. Whether it did.
async fn follow(
    password: &mut Option<Password>,
    hasher: &Hasher,
    configured: &Zeroizing<String>,
    now: UnixMillis,
) -> Result<bool, AccountsError> {
    let before = password.as_ref().and_then(|password| password.configured.clone());
    if hasher.is(configured.clone(), before).await? {
        return Ok(false);
    }
    if let Err(weakness) = judge(configured) {
        tracing::warn!(%weakness, "the configured password of admin is easy to guess");
    }
    let hash = hasher.hash(configured.clone()).await?;
    let changed = Password::after(password.as_ref(), hash.clone(), now);
    *password = Some(Password { configured: Some(hash), ..changed });
    Ok(true)
}

fn first_user(now: UnixMillis) -> User {
    User {
        id: ADMIN_ID,
        username: ADMIN.to_owned(),
        email: None,
        role: Role::Admin,
        name: None,
        picture: None,
        created_at: now,
        last_login: None,
    }
}

/// Whether a configured password can be used at all.
pub(super) fn is_usable(configured: &Confidential) -> bool {
    configured.reveal().chars().count() <= PASSWORD_MAX
}
