//! How people and agents are organised: with whom agents are shared, what they are found under, which
//! may call which; what agents tell people and ask of them; what they tell one another; and the links
//! by which anybody may talk to them.
//!
//! Each rule is kept here, below the APIs. Everything is durable before it is seen, belongs to agents by
//! their ids and not by their names, is bounded for each of them, and goes when they go.

mod asks;
mod asks_file;
mod error;
mod folders;
mod happening;
mod ids;
mod ledger;
mod links;
mod notices;
mod permits;
mod sharing;
mod shelf;
mod signals;
mod subscriptions;
mod tags;
mod template;
mod tools;
mod turns;
mod views;
mod visits;

use std::collections::HashSet;
use std::sync::Arc;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::AgentQuery;
use greenroom_actors::registry::Registry;
use tokio::sync::broadcast;

pub use asks::{Ask, AskCensus, AskFilter, AskStatus, Decision};
pub use error::OrganisationError;
pub use happening::Happening;
pub use ids::{ShortId, desk_of};
pub use links::{Link, LinkPatch, NewLink};
pub use notices::{NewNotice, Notice, NoticeFilter, NoticeStatus};
pub use permits::PERMITS_MAX;
pub use signals::{Emission, EmissionFilter, NewEmission};
pub use subscriptions::{NewSubscription, Subscription, SubscriptionPatch};
pub use tags::{TAG_MAX_CHARS, TAGS_MAX};
pub use tools::{Outlet, OutletTools};
pub use views::{NewView, View, ViewPatch};
pub use visits::{SaidSoFar, Visit, Visitor};

use crate::accounts::{Accounts, Principal};
use crate::roster::Roster;
use crate::secrets::Secrets;
use crate::workspace::Workspaces;
use asks::Asks;
use links::Links;
use notices::Notices;
use sharing::Numbers;
use signals::Signals;
use subscriptions::Subscriptions;
use views::Views;
use visits::Visits;

/// Happenings that wait for one who watches; one that does not keep up misses the oldest.
const WATCH_BUFFER: usize = 1_024;

/// The organisation of a host. Clones share everything.
#[derive(Clone)]
pub struct Organisation {
    inner: Arc<Inner>,
}

struct Inner {
    resources: Resources,
    numbers: Numbers,
    notices: Notices,
    asks: Asks,
    signals: Signals,
    subscriptions: Subscriptions,
    views: Views,
    links: Links,
    visits: Visits,
    happenings: broadcast::Sender<Arc<Happening>>,
}

/// What it is built on.
#[derive(Clone)]
pub struct Resources {
    /// The way to the agents.
    pub registry: Registry,
    /// What people have said of the agents.
    pub roster: Roster,
    /// Who may use the host.
    pub accounts: Accounts,
    /// The agents' own folders.
    pub workspaces: Workspaces,
    /// Seals what is a secret.
    pub secrets: Arc<Secrets>,
}

impl Organisation {
    /// Reads what is kept; what belongs to agents that are gone is let go.
    ///
    /// # Errors
    /// [`CoreError::Store`] if it cannot be read.
    pub async fn open(resources: Resources) -> Result<Self, CoreError> {
        let registry = &resources.registry;
        resources.workspaces.lent_by(resources.roster.lending());
        let inner = Inner {
            numbers: Numbers::open(registry).await?,
            notices: Notices::open(registry).await?,
            asks: Asks::open(registry).await?,
            signals: Signals::open(registry).await?,
            subscriptions: Subscriptions::open(registry).await?,
            views: Views::open(registry).await?,
            links: Links::open(&resources).await?,
            visits: Visits::open(registry).await?,
            happenings: broadcast::Sender::new(WATCH_BUFFER),
            resources,
        };
        let organisation = Self { inner: Arc::new(inner) };
        organisation.forget_gone().await?;
        Ok(organisation)
    }

    /// What happens from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Arc<Happening>> {
        self.inner.happenings.subscribe()
    }

    /// Forgets everything that belongs to an agent which is gone.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        self.inner.notices.forget(agent).await?;
        self.inner.asks.forget(agent).await?;
        self.inner.signals.forget(agent).await?;
        self.inner.subscriptions.forget(agent).await?;
        for link in self.inner.links.forget(agent).await? {
            self.inner.visits.forget(link).await?;
        }
        Ok(())
    }

    async fn forget_gone(&self) -> Result<(), CoreError> {
        let mut known: HashSet<AgentId> = HashSet::new();
        known.extend(self.inner.notices.agents());
        known.extend(self.inner.asks.agents());
        known.extend(self.inner.signals.agents());
        known.extend(self.inner.subscriptions.agents());
        known.extend(self.inner.links.agents());
        if known.is_empty() {
            return Ok(());
        }
        let all = AgentQuery { limit: u32::MAX, ..AgentQuery::default() };
        for record in self.registry().store().agents(all).await? {
            known.remove(&record.id);
        }
        for user in self.inner.resources.accounts.users() {
            known.remove(&desk_of(user.id));
        }
        for gone in known {
            self.forget(gone).await?;
        }
        Ok(())
    }

    /// The agents that somebody may see, and their own desk; `None`: everything.
    fn seen_by(&self, principal: &Principal) -> Option<Vec<AgentId>> {
        let mut seen = self.roster().ids_visible_to(principal)?;
        seen.push(desk_of(principal.user.id));
        Some(seen)
    }

    fn tell(&self, happening: Happening) {
        // Nobody may be watching.
        drop(self.inner.happenings.send(Arc::new(happening)));
    }

    /// Carries something out to its end, also where its caller leaves.
    async fn whole<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, OrganisationError>> + Send + 'static,
    ) -> Result<T, OrganisationError> {
        tokio::spawn(work).await.unwrap_or(Err(CoreError::ShuttingDown.into()))
    }

    fn registry(&self) -> &Registry {
        &self.inner.resources.registry
    }

    fn roster(&self) -> &Roster {
        &self.inner.resources.roster
    }

    fn accounts(&self) -> &Accounts {
        &self.inner.resources.accounts
    }
}
