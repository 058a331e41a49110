//! Asks: what agents want to know of people. An agent writes them into a file of its workspace, and finds
//! the answers there.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{self, AgentId};
use greenroom_actors::registry::Registry;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Organisation;
use super::asks_file::{self, BYTES_MAX, FILE, Said};
use super::error::OrganisationError;
use super::happening::Happening;
use super::ledger::{Ledger, Record};
use super::notices::at_most;
use crate::accounts::{Principal, User};
use crate::workspace::{WorkPath, WorkspaceError};

/// Asks of one agent that may wait at once; further ones stay in its file until some are answered. More
/// would only make people answer without reading.
const PENDING_MAX: usize = 25;

const ANSWER_MAX_BYTES: usize = 16 * 1024;

/// How much an ask may matter.
const PRIORITIES: [&str; 4] = ["critical", "high", "medium", "low"];

/// How often files that are known are looked at, and how many such looks go by until new ones are
/// looked for.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const LOOKS_PER_SEARCH: u32 = 12;

/// Something an agent wants to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Its id.
    pub id: Uuid,
    /// Who wants to know.
    pub agent: AgentId,
    /// What the agent calls it.
    pub request_id: String,
    /// What it is, in the agent's word: `approval`, `question`, `alert`.
    pub kind: String,
    /// How far it has come.
    pub status: AskStatus,
    /// One of `critical`, `high`, `medium`, `low`.
    pub priority: String,
    /// What it is about.
    pub title: String,
    /// What the agent wants to know.
    pub question: String,
    /// Answers to choose from.
    pub options: Option<Value>,
    /// More about it.
    pub context: Option<Value>,
    /// When it was asked.
    pub created_at: UnixMillis,
    /// When no answer is of use any more.
    pub expires_at: Option<UnixMillis>,
    /// The answer.
    pub response: Option<String>,
    /// More words of the answer.
    pub response_text: Option<String>,
    /// The id and the address, or the name, of the user who has answered.
    pub responded_by: Option<(i64, String)>,
    /// When it was answered.
    pub responded_at: Option<UnixMillis>,
    /// When the agent had read the answer.
    pub acknowledged_at: Option<UnixMillis>,
}

/// How far an ask has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskStatus {
    /// Nobody has answered.
    Pending,
    /// Somebody has.
    Responded,
    /// The agent has read the answer.
    Acknowledged,
    /// Nobody has answered in time.
    Expired,
    /// Somebody has called it off.
    Cancelled,
}

impl AskStatus {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Responded => "responded",
            Self::Acknowledged => "acknowledged",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What somebody says to an ask.
#[derive(Clone, Debug)]
pub enum Decision {
    /// An answer, and more words.
    Respond(String, Option<String>),
    /// Nobody will answer.
    Cancel,
}

/// Which asks are wanted.
#[derive(Clone, Debug, Default)]
pub struct AskFilter {
    /// Of this agent alone.
    pub agent: Option<AgentId>,
    /// Only in this state, by its word.
    pub status: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this priority.
    pub priority: Option<String>,
    /// Only those asked after this.
    pub since: Option<UnixMillis>,
}

/// How the asks stand that somebody may see.
#[derive(Clone, Debug, Default)]
pub struct AskCensus {
    /// By status.
    pub by_status: BTreeMap<&'static str, u64>,
    /// Those that wait, by kind.
    pub by_kind: BTreeMap<String, u64>,
    /// Those that wait, by priority.
    pub by_priority: BTreeMap<&'static str, u64>,
    /// Those that wait, by agent.
    pub by_agent: HashMap<AgentId, u64>,
    /// How many wait.
    pub pending: u64,
    /// Milliseconds that those which were answered have waited, on average.
    pub waited_ms: Option<u64>,
    /// How many were answered since midnight, UTC.
    pub answered_today: u64,
}

/// What lists are chosen by.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    status: AskStatus,
    /// Its place among the priorities.
    priority: u8,
    /// Its kind, if that is one of the usual ones; otherwise none can tell from this.
    kind: u64,
    expires_at: Option<UnixMillis>,
    responded_at: Option<UnixMillis>,
}

impl Record for Ask {
    const PREFIX: &'static str = "ask/";
    const KEPT_MAX: usize = 200;
    type Mark = Mark;

    fn id(&self) -> Uuid {
        self.id
    }

    fn agent(&self) -> AgentId {
        self.agent
    }

    fn created_at(&self) -> UnixMillis {
        self.created_at
    }

    fn mark(&self) -> Mark {
        Mark {
            status: self.status,
            priority: place(&self.priority),
            kind: kind_mark(&self.kind),
            expires_at: self.expires_at,
            responded_at: self.responded_at,
        }
    }

    fn is_done(mark: Mark) -> bool {
        !matches!(mark.status, AskStatus::Pending | AskStatus::Responded)
    }
}

fn place(priority: &str) -> u8 {
    let place = PRIORITIES.iter().position(|word| *word == priority);
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(2)
}

fn kind_mark(kind: &str) -> u64 {
    ids::derived(&format!("ask:{kind}")).as_u64_pair().0
}

/// The id of what an agent calls so.
fn id_of(agent: AgentId, request_id: &str) -> Uuid {
    ids::derived(&format!("ask:{agent}:{request_id}"))
}

pub(super) struct Asks {
    ledger: Ledger<Ask>,
    /// The files that are known, as they were when they were last read.
    seen: Mutex<HashMap<AgentId, (u64, UnixMillis)>>,
    turns: super::turns::Turns,
}

impl Asks {
    pub(super) async fn open(registry: &Registry) -> Result<Self, CoreError> {
        let ledger = Ledger::open(registry).await?;
        Ok(Self { ledger, seen: Mutex::default(), turns: super::turns::Turns::default() })
    }

    pub(super) fn agents(&self) -> Vec<AgentId> {
        self.ledger.agents()
    }

    pub(super) async fn forget(&self, agent: AgentId) -> Result<(), CoreError> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&agent);
        self.ledger.forget(agent).await
    }

    /// Whether a file is other than when it was last read.
    fn is_news(&self, agent: AgentId, now: (u64, UnixMillis)) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&agent) != Some(&now)
    }

    fn note(&self, agent: AgentId, seen: Option<(u64, UnixMillis)>) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match seen {
            Some(seen) => drop(all.insert(agent, seen)),
            None => drop(all.remove(&agent)),
        }
    }

    fn known(&self) -> Vec<AgentId> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.keys().copied().collect()
    }

    fn pending(&self, agent: AgentId) -> usize {
        let mut count = 0_usize;
        self.ledger.survey(Some(&[agent]), |_, _, mark| {
            count = count.saturating_add(usize::from(mark.status == AskStatus::Pending));
        });
        count
    }
}

impl Organisation {
    /// Looks after the files of agents that ask, until the future is dropped: those that are known
    /// every few seconds, and now and then for new ones. An agent without such a file costs nothing.
    pub async fn look_after_asks(&self) {
        let clock = Arc::clone(self.registry().clock());
        loop {
            for _ in 0..LOOKS_PER_SEARCH {
                for agent in self.inner.asks.known() {
                    self.look(agent).await;
                }
                self.expire().await;
                clock.sleep(LOOK_EVERY).await;
            }
            match self.inner.resources.workspaces.with_file(FILE).await {
                Ok(agents) => {
                    for agent in agents {
                        self.look(agent).await;
                    }
                }
                Err(error) => tracing::warn!(%error, "workspaces cannot be looked through"),
            }
        }
    }

    async fn look(&self, agent: AgentId) {
        if let Err(error) = self.read_asks(agent).await {
            tracing::warn!(%agent, %error, "what an agent asks cannot be read");
        }
    }

    /// Reads what an agent asks, if its file has changed, and writes the answers there.
    ///
    /// # Errors
    /// [`OrganisationError::Core`].
    pub async fn read_asks(&self, agent: AgentId) -> Result<(), OrganisationError> {
        let this = self.clone();
        self.whole(async move { this.exchange(agent).await }).await
    }

    async fn exchange(&self, agent: AgentId) -> Result<(), OrganisationError> {
        let asks = &self.inner.asks;
        let _turn = asks.turns.of(agent.0).await;
        let workspace = self.inner.resources.workspaces.free(agent);
        let path: WorkPath = FILE.parse()?;
        let about = match workspace.about(path.clone()).await {
            Ok(about) => about,
            Err(WorkspaceError::Store(error)) => return Err(error.into()),
            // There is none, or a link or a file stands in its way.
            Err(_) => {
                asks.note(agent, None);
                return Ok(());
            }
        };
        let stamp = (about.bytes, about.changed_at);
        if !asks.is_news(agent, stamp) {
            return Ok(());
        }
        let read = match workspace.read(path.clone(), 0, BYTES_MAX).await {
            Err(WorkspaceError::Missing(_)) => return Ok(()),
            // A folder of that name asks nothing.
            Err(WorkspaceError::NotAFile(_) | WorkspaceError::Special(_)) => {
                asks.note(agent, Some(stamp));
                return Ok(());
            }
            read => read?,
        };
        if read.size > BYTES_MAX {
            asks.note(agent, Some(stamp));
            tracing::warn!(%agent, bytes = read.size, "a file of asks is too large to be read");
            return Ok(());
        }
        let said = asks_file::read(&read.bytes);
        let mut is_all = true;
        let mut answers = HashMap::new();
        for one in said {
            is_all &= self.take(agent, &one, &mut answers).await?;
        }
        if !answers.is_empty() {
            let written = workspace
                .revise(path.clone(), BYTES_MAX, move |held| asks_file::answered(held, &answers))
                .await;
            match written {
                // It is read anew at the next look.
                Ok(true) => {
                    asks.note(agent, Some((0, UnixMillis(0))));
                    return Ok(());
                }
                Ok(false) | Err(WorkspaceError::Missing(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // What did not find room is looked at again.
        asks.note(agent, Some(if is_all { stamp } else { (0, UnixMillis(0)) }));
        Ok(())
    }

    /// Takes one entry of the file; whether there was room for it.
    async fn take(
        &self,
        agent: AgentId,
        said: &Said,
        answers: &mut HashMap<String, Ask>,
    ) -> Result<bool, OrganisationError> {
        let asks = &self.inner.asks;
        let id = id_of(agent, &said.id);
        let Some(known) = asks.ledger.get(id).await? else {
            if said.status != "pending" {
                return Ok(true);
            }
            if asks.pending(agent) >= PENDING_MAX {
                return Ok(false);
            }
            let now = self.registry().clock().now();
            let mask = self.registry().mask(agent);
            let ask = Arc::new(said.ask(agent, id, now, mask.as_deref()));
            if asks.ledger.add(&ask).await? {
                self.tell(Happening::Asked(ask));
            }
            return Ok(true);
        };
        match (known.status, said.status.as_str()) {
            (AskStatus::Responded, "acknowledged") => {
                let now = self.registry().clock().now();
                let read = asks.ledger.amend(id, "queue item", |ask| {
                    ask.status = AskStatus::Acknowledged;
                    ask.acknowledged_at = Some(now);
                    Ok(())
                });
                self.tell(Happening::AskAcknowledged(Arc::new(read.await?)));
            }
            (AskStatus::Responded | AskStatus::Expired | AskStatus::Cancelled, "pending") => {
                answers.insert(said.id.clone(), known);
            }
            _ => {}
        }
        Ok(true)
    }

    /// Ends what nobody has answered in time.
    async fn expire(&self) {
        let now = self.registry().clock().now();
        let ids = self.inner.asks.ledger.pick(
            None,
            |_, mark| {
                mark.status == AskStatus::Pending && mark.expires_at.is_some_and(|at| at <= now)
            },
            (0, 500),
        );
        for id in ids {
            let expired = self.inner.asks.ledger.amend(id, "queue item", |ask| {
                if ask.status == AskStatus::Pending {
                    ask.status = AskStatus::Expired;
                }
                Ok(())
            });
            match expired.await {
                Ok(ask) => self.inner.asks.note(ask.agent, Some((0, UnixMillis(0)))),
                Err(error) => tracing::warn!(%error, "an ask could not be ended"),
            }
        }
    }

    /// The asks that somebody may see, newest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn asks(
        &self,
        principal: &Principal,
        filter: &AskFilter,
        page: (usize, usize),
    ) -> Result<Vec<Ask>, CoreError> {
        let seen = filter.agent.map(|agent| vec![agent]).or_else(|| self.seen_by(principal));
        let kind = filter.kind.as_deref().map(kind_mark);
        let is_wanted = |at: UnixMillis, mark: Mark| {
            let priority = PRIORITIES.get(usize::from(mark.priority)).copied();
            filter.status.as_deref().is_none_or(|status| status == mark.status.as_str())
                && kind.is_none_or(|kind| kind == mark.kind)
                && filter.priority.as_deref().is_none_or(|wanted| Some(wanted) == priority)
                && filter.since.is_none_or(|since| at > since)
        };
        let ids = self.inner.asks.ledger.pick(seen.as_deref(), is_wanted, page);
        self.inner.asks.ledger.show(&ids).await
    }

    /// One ask, if it is there.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn find_ask(&self, id: Uuid) -> Result<Option<Ask>, CoreError> {
        self.inner.asks.ledger.get(id).await
    }

    /// Answers an ask, or calls it off. The agent finds it in its file.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Settled`], [`OrganisationError::Invalid`],
    /// [`OrganisationError::Core`].
    pub async fn decide(
        &self,
        id: Uuid,
        by: &User,
        decision: Decision,
    ) -> Result<Ask, OrganisationError> {
        if let Decision::Respond(response, text) = &decision {
            at_most("response", response.len(), ANSWER_MAX_BYTES)?;
            at_most("response_text", text.as_ref().map_or(0, String::len), ANSWER_MAX_BYTES)?;
        }
        let (this, by) = (self.clone(), by.clone());
        self.whole(async move {
            let asks = &this.inner.asks;
            let now = this.registry().clock().now();
            let decided = asks.ledger.amend(id, "queue item", |ask| {
                if ask.status != AskStatus::Pending {
                    return Err(OrganisationError::Settled(ask.status.as_str()));
                }
                match decision {
                    Decision::Cancel => ask.status = AskStatus::Cancelled,
                    Decision::Respond(response, text) => {
                        ask.status = AskStatus::Responded;
                        (ask.response, ask.response_text) = (Some(response), text);
                        let name = by.email.unwrap_or(by.username);
                        ask.responded_by = Some((by.id, name));
                        ask.responded_at = Some(now);
                    }
                }
                Ok(())
            });
            let ask = decided.await?;
            asks.note(ask.agent, Some((0, UnixMillis(0))));
            if ask.status == AskStatus::Responded {
                this.tell(Happening::AskAnswered(Arc::new(ask.clone())));
            }
            // The answer is kept; where it cannot be written now, the next look brings it.
            if let Err(error) = this.exchange(ask.agent).await {
                tracing::warn!(agent = %ask.agent, %error, "an answer is not in its file yet");
            }
            Ok(ask)
        })
        .await
    }

    /// How the asks stand that somebody may see.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn ask_census(&self, principal: &Principal) -> Result<AskCensus, CoreError> {
        let seen = self.seen_by(principal);
        let now = self.registry().clock().now();
        let midnight = UnixMillis(now.0.saturating_sub(now.0.rem_euclid(86_400_000)));
        let mut census = AskCensus::default();
        let (mut waited, mut answered) = (0_u64, 0_u64);
        let up = |count: &mut u64| *count = count.saturating_add(1);
        self.inner.asks.ledger.survey(seen.as_deref(), |agent, at, mark| {
            up(census.by_status.entry(mark.status.as_str()).or_default());
            if mark.status == AskStatus::Pending {
                let priority = PRIORITIES.get(usize::from(mark.priority)).copied();
                up(census.by_priority.entry(priority.unwrap_or("medium")).or_default());
                up(census.by_agent.entry(agent).or_default());
                up(&mut census.pending);
            }
            if let Some(responded_at) = mark.responded_at {
                let ms = responded_at.since(at).as_millis();
                waited = waited.saturating_add(u64::try_from(ms).unwrap_or(u64::MAX));
                up(&mut answered);
                if responded_at >= midnight {
                    up(&mut census.answered_today);
                }
            }
        });
        census.waited_ms = waited.checked_div(answered);
        // Kinds are words of the agents: those that wait are read.
        let is_pending = |_, mark: Mark| mark.status == AskStatus::Pending;
        let ids = self.inner.asks.ledger.pick(seen.as_deref(), is_pending, (0, 1_000));
        for ask in self.inner.asks.ledger.show(&ids).await? {
            up(census.by_kind.entry(ask.kind).or_default());
        }
        Ok(census)
    }
}
