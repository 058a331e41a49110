//! Sharing: an agent is made visible and usable to whoever has an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::registry::Registry;
use greenroom_actors::triggers::TriggerPatch;
use tokio::sync::Mutex;

use super::error::OrganisationError;
use super::happening::Happening;
use super::notices::NewNotice;
use super::{Organisation, shelf};
use crate::accounts::{AccountsError, NewListed, Role, User, address};
use crate::roster::Share;

/// With how many one agent is shared at most.
const SHARES_MAX: usize = 1_000;

/// Schedules that a notice names; of others it says how many they are.
const NAMED_MAX: usize = 20;

/// Why an address is on the list of those who may log in.
const SOURCE: &str = "agent_sharing";

const COUNTER: &str = "counter/shares";

/// The numbers of shares: none is ever given twice.
pub(super) struct Numbers {
    last: AtomicU64,
    turn: Mutex<()>,
}

impl Numbers {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let last = shelf::one(registry, COUNTER).await?.unwrap_or(0);
        Ok(Self { last: AtomicU64::new(last), turn: Mutex::default() })
    }

    /// A number that nobody had, durable before it is used.
    async fn next(&self, registry: &Registry) -> Result<u64, CoreError> {
        let _turn = self.turn.lock().await;
        let next = self.last.load(Ordering::Acquire).saturating_add(1);
        registry.keep(vec![shelf::set(registry, COUNTER.to_owned(), &next)?]).await?;
        self.last.store(next, Ordering::Release);
        Ok(next)
    }
}

impl Organisation {
    /// Shares an agent with whoever has that address, who may have no account yet. Where people log in
    /// by e-mail, the address may from now on.
    ///
    /// # Errors
    /// [`OrganisationError::NotAnAddress`], [`OrganisationError::Yourself`],
    /// [`OrganisationError::Shared`], [`OrganisationError::TooMany`], [`OrganisationError::Core`].
    pub async fn share(
        &self,
        agent: AgentId,
        by: &User,
        email: &str,
    ) -> Result<Share, OrganisationError> {
        let email = address(email).ok_or(OrganisationError::NotAnAddress)?;
        if by.email.as_deref() == Some(email.as_str()) {
            return Err(OrganisationError::Yourself);
        }
        if self.roster().entry(agent).share_with(&email).is_some() {
            return Err(OrganisationError::Shared(email));
        }
        let (this, by) = (self.clone(), by.clone());
        self.whole(async move {
            let share = Share {
                id: this.inner.numbers.next(this.registry()).await?,
                email: email.clone(),
                by_id: by.id,
                by: by.email.clone().unwrap_or_else(|| by.username.clone()),
                created_at: this.registry().clock().now(),
                allows_proactive: false,
            };
            let added = share.clone();
            this.roster()
                .amend(agent, |entry| {
                    if entry.share_with(&added.email).is_some() {
                        return Err(OrganisationError::Shared(added.email));
                    }
                    if entry.shares.len() >= SHARES_MAX {
                        return Err(OrganisationError::TooMany {
                            what: "shares",
                            limit: SHARES_MAX,
                        });
                    }
                    entry.shares.push(added);
                    Ok(())
                })
                .await?;
            this.let_in(&by, &email).await;
            this.tell(Happening::Shared(agent, email));
            Ok(share)
        })
        .await
    }

    /// Lets an address log in, if people log in so.
    async fn let_in(&self, by: &User, email: &str) {
        if !self.accounts().is_email_enabled() {
            return;
        }
        let listed = NewListed {
            email: email.to_owned(),
            added_by: Some(by.username.clone()),
            default_role: Role::User,
            source: SOURCE,
        };
        match self.accounts().list(listed).await {
            Ok(_) | Err(AccountsError::Listed(_)) => {}
            // The agent is shared all the same; an administrator can put the address on the list.
            Err(error) => tracing::warn!(%error, "an address was not put on the list of logins"),
        }
    }

    /// Ends what [`share`](Self::share) began: from now on they neither see nor use the agent, and nor
    /// do their own agents. What they had it do at set times is paused, and its owner told.
    ///
    /// # Errors
    /// [`OrganisationError::NotShared`], [`OrganisationError::Core`].
    pub async fn unshare(&self, agent: AgentId, email: &str) -> Result<Share, OrganisationError> {
        let (this, email) = (self.clone(), email.trim().to_lowercase());
        self.whole(async move {
            if this.roster().entry(agent).share_with(&email).is_none() {
                return Err(OrganisationError::NotShared(email));
            }
            // First, so that the share is there still, to be ended again, where this cannot be done.
            this.pause_schedules(agent, &email).await?;
            let share = this
                .roster()
                .amend(agent, |entry| {
                    let nth = entry.shares.iter().position(|share| share.email == email);
                    let nth = nth.ok_or_else(|| OrganisationError::NotShared(email.clone()))?;
                    Ok::<_, OrganisationError>(entry.shares.remove(nth))
                })
                .await?;
            this.shut_out(agent, &email).await?;
            this.tell(Happening::Unshared(agent, email.clone()));
            // What they began in between: from here on they begin nothing.
            if let Err(error) = this.pause_schedules(agent, &email).await {
                tracing::warn!(%agent, %error, "schedules of somebody who left may go on");
            }
            Ok(share)
        })
        .await
    }

    /// The user of that address, if they may use the agent for its being shared with them alone.
    fn leaving(&self, agent: AgentId, email: &str) -> Option<Arc<User>> {
        let user = self.accounts().user_by_email(email)?;
        let owns = self.roster().entry(agent).owner == user.username;
        (!user.is_admin() && !owns).then_some(user)
    }

    /// Pauses what somebody had an agent do at set times who may not use it any longer: that is at its
    /// owner's cost, who is told of it.
    async fn pause_schedules(&self, agent: AgentId, email: &str) -> Result<(), OrganisationError> {
        let Some(user) = self.leaving(agent, email) else { return Ok(()) };
        let mut paused = Vec::new();
        for trigger in self.registry().triggers(agent).await? {
            if !trigger.is_enabled || trigger.created_by != user.username {
                continue;
            }
            let off = TriggerPatch::enabled(false);
            match self.registry().amend_trigger(agent, trigger.id, off).await {
                Ok(_) => paused.push(trigger.name),
                // Removed meanwhile.
                Err(CoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if paused.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = paused.iter().take(NAMED_MAX).map(String::as_str).collect();
        let rest = paused.len().saturating_sub(named.len());
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let message = format!(
            "This agent is not shared with {email} any longer. Schedules that they made are paused: \
             {}{more}. They can be enabled again.",
            named.join(", ")
        );
        let notice = NewNotice {
            kind: "alert".to_owned(),
            title: "Schedules are paused".to_owned(),
            message: Some(message),
            priority: "high".to_owned(),
            category: Some("schedules".to_owned()),
            ..NewNotice::default()
        };
        self.notify(agent, notice).await?;
        Ok(())
    }

    /// The agents of somebody who may not use an agent any longer may not call it either.
    async fn shut_out(&self, agent: AgentId, email: &str) -> Result<(), OrganisationError> {
        let Some(user) = self.leaving(agent, email) else { return Ok(()) };
        for caller in self.roster().callers_of(agent) {
            if self.roster().entry(caller).owner == user.username {
                self.forbid(caller, agent).await?;
            }
        }
        Ok(())
    }

    /// Says whether an agent may write to somebody first with whom it is shared.
    ///
    /// # Errors
    /// [`OrganisationError::NotAnAddress`], [`OrganisationError::NotShared`],
    /// [`OrganisationError::Core`].
    pub async fn allow_proactive(
        &self,
        agent: AgentId,
        email: &str,
        allows: bool,
    ) -> Result<Share, OrganisationError> {
        let email = address(email).ok_or(OrganisationError::NotAnAddress)?;
        let this = self.clone();
        self.whole(async move {
            let amended = this.roster().amend(agent, |entry| {
                let share = entry.shares.iter_mut().find(|share| share.email == email);
                let share = share.ok_or(OrganisationError::NotShared(email))?;
                share.allows_proactive = allows;
                Ok(share.clone())
            });
            amended.await
        })
        .await
    }
}
