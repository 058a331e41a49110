//! Notices: what agents tell the people who look after them.

use std::sync::Arc;

use greenroom_actors::error::CoreError;
use greenroom_actors::ids::AgentId;
use greenroom_actors::masks::Mask;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::OrganisationError;
use super::happening::Happening;
use super::ids::ShortId;
use super::ledger::{Ledger, Record};
use super::{Organisation, desk_of};
use crate::accounts::Principal;

/// What a notice may be.
pub(super) const KINDS: [&str; 5] = ["alert", "info", "status", "completion", "question"];

/// How much one may matter, from the least.
pub(super) const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

const TITLE_MAX_CHARS: usize = 200;
const MESSAGE_MAX_BYTES: usize = 16 * 1024;
const CATEGORY_MAX_BYTES: usize = 128;
const METADATA_MAX_BYTES: usize = 16 * 1024;

pub(super) type Notices = Ledger<Notice>;

/// What an agent, or a person, tells people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: ShortId,
    /// Who tells it; of a person, their [desk](desk_of).
    pub agent: AgentId,
    /// The name of the person who tells it, where it is one.
    pub person: Option<String>,
    /// One of `alert`, `info`, `status`, `completion`, `question`.
    pub kind: String,
    /// What it is about.
    pub title: String,
    /// The whole of it.
    pub message: Option<String>,
    /// One of `low`, `normal`, `high`, `urgent`.
    pub priority: String,
    /// A word to sort it by.
    pub category: Option<String>,
    /// More about it.
    pub metadata: Option<Map<String, Value>>,
    /// How far it has come.
    pub status: NoticeStatus,
    /// When it was told.
    pub created_at: UnixMillis,
    /// When it was seen or dismissed.
    pub settled_at: Option<UnixMillis>,
    /// The id of the user who has seen or dismissed it.
    pub settled_by: Option<i64>,
}

/// How far a notice has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoticeStatus {
    /// Nobody has seen it.
    Pending,
    /// Somebody has.
    Acknowledged,
    /// Nobody wants to see it.
    Dismissed,
}

impl NoticeStatus {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Acknowledged => "acknowledged",
            Self::Dismissed => "dismissed",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Pending, Self::Acknowledged, Self::Dismissed];
        all.into_iter().find(|status| status.as_str() == word)
    }
}

/// Something to be told.
#[derive(Clone, Debug, Default)]
pub struct NewNotice {
    /// What it is: one of `alert`, `info`, `status`, `completion`, `question`.
    pub kind: String,
    /// What it is about: at most 200 characters.
    pub title: String,
    /// The whole of it: at most 16 KiB.
    pub message: Option<String>,
    /// How much it matters: one of `low`, `normal`, `high`, `urgent`.
    pub priority: String,
    /// A word to sort it by.
    pub category: Option<String>,
    /// More about it.
    pub metadata: Option<Map<String, Value>>,
    /// The key of the call that tells it: the same call tells one thing.
    pub key: Option<Uuid>,
}

/// Which notices are wanted.
#[derive(Clone, Debug, Default)]
pub struct NoticeFilter {
    /// Only in this state.
    pub status: Option<NoticeStatus>,
    /// Only of these priorities; of any if empty.
    pub priorities: Vec<String>,
}

/// What lists are chosen by.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    status: NoticeStatus,
    /// Its place among the priorities.
    priority: usize,
}

impl Record for Notice {
    const PREFIX: &'static str = "notice/";
    const KEPT_MAX: usize = 200;
    type Mark = Mark;

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn agent(&self) -> AgentId {
        self.agent
    }

    fn created_at(&self) -> UnixMillis {
        self.created_at
    }

    fn mark(&self) -> Mark {
        let priority = PRIORITIES.iter().position(|word| *word == self.priority).unwrap_or(1);
        Mark { status: self.status, priority }
    }

    fn is_done(mark: Mark) -> bool {
        mark.status != NoticeStatus::Pending
    }
}

impl NewNotice {
    /// Takes out what must not be told of whoever tells it.
    fn hide(&mut self, mask: &Mask) {
        mask.hide(&mut self.title);
        [&mut self.message, &mut self.category].into_iter().flatten().for_each(|it| mask.hide(it));
        self.metadata.iter_mut().for_each(|metadata| mask.hide_in_map(metadata));
    }

    fn check(&self) -> Result<(), OrganisationError> {
        one_of("notification_type", &KINDS, &self.kind)?;
        one_of("priority", &PRIORITIES, &self.priority)?;
        if self.title.chars().count() > TITLE_MAX_CHARS {
            let reason = format!("too long (at most {TITLE_MAX_CHARS} characters)");
            return Err(OrganisationError::invalid("title", reason));
        }
        at_most("message", self.message.as_ref().map_or(0, String::len), MESSAGE_MAX_BYTES)?;
        at_most("category", self.category.as_ref().map_or(0, String::len), CATEGORY_MAX_BYTES)?;
        let metadata = self.metadata.as_ref().map(serde_json::to_vec);
        let metadata = metadata.map_or(0, |text| text.map_or(usize::MAX, |text| text.len()));
        at_most("metadata", metadata, METADATA_MAX_BYTES)
    }
}

/// That a word is one of those that may be.
pub(super) fn one_of(
    field: &'static str,
    allowed: &[&str],
    word: &str,
) -> Result<(), OrganisationError> {
    if allowed.contains(&word) {
        return Ok(());
    }
    Err(OrganisationError::invalid(field, format!("must be one of {}", allowed.join(", "))))
}

/// That something is no longer than may be.
pub(super) fn at_most(
    field: &'static str,
    bytes: usize,
    most: usize,
) -> Result<(), OrganisationError> {
    if bytes <= most {
        return Ok(());
    }
    Err(OrganisationError::invalid(field, format!("must have at most {most} bytes")))
}

impl Organisation {
    /// An agent tells people something.
    ///
    /// # Errors
    /// [`OrganisationError::Invalid`], [`OrganisationError::Core`].
    pub async fn notify(
        &self,
        agent: AgentId,
        new: NewNotice,
    ) -> Result<Arc<Notice>, OrganisationError> {
        self.notice(agent, None, new).await
    }

    /// Whoever asks tells people something: an agent with a key of its own, or a person.
    ///
    /// # Errors
    /// As [`notify`](Self::notify).
    pub async fn notify_by(
        &self,
        principal: &Principal,
        new: NewNotice,
    ) -> Result<Arc<Notice>, OrganisationError> {
        let (agent, person) = self.author(principal);
        self.notice(agent, person, new).await
    }

    /// Under whom something is filed that a request brings, and the person's name if it is one.
    pub(super) fn author(&self, principal: &Principal) -> (AgentId, Option<String>) {
        match principal.agent() {
            Some(agent) => (agent, None),
            None => (desk_of(principal.user.id), Some(principal.user.username.clone())),
        }
    }

    async fn notice(
        &self,
        agent: AgentId,
        person: Option<String>,
        mut new: NewNotice,
    ) -> Result<Arc<Notice>, OrganisationError> {
        // Documents pass no mask on their way to the store. A person's desk has none.
        if let Some(mask) = self.registry().mask(agent) {
            new.hide(&mask);
        }
        new.check()?;
        let this = self.clone();
        self.whole(async move {
            let notice = Arc::new(Notice {
                id: new.key.map_or_else(ShortId::random, ShortId::of_key),
                agent,
                person,
                kind: new.kind,
                title: new.title,
                message: new.message,
                priority: new.priority,
                category: new.category,
                metadata: new.metadata,
                status: NoticeStatus::Pending,
                created_at: this.registry().clock().now(),
                settled_at: None,
                settled_by: None,
            });
            if this.inner.notices.add(&notice).await? {
                this.tell(Happening::Noticed(Arc::clone(&notice)));
            }
            Ok(notice)
        })
        .await
    }

    /// The notices that somebody may see, newest first; of one agent if given.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn notices(
        &self,
        principal: &Principal,
        agent: Option<AgentId>,
        filter: &NoticeFilter,
        limit: usize,
    ) -> Result<Vec<Notice>, CoreError> {
        let seen = agent.map(|agent| vec![agent]).or_else(|| self.seen_by(principal));
        let is_wanted = |_, mark: Mark| {
            let priority = PRIORITIES.get(mark.priority).copied().unwrap_or_default();
            filter.status.is_none_or(|status| status == mark.status)
                && (filter.priorities.is_empty()
                    || filter.priorities.iter().any(|wanted| wanted == priority))
        };
        let ids = self.inner.notices.pick(seen.as_deref(), is_wanted, (0, limit));
        self.inner.notices.show(&ids).await
    }

    /// How many notices of an agent nobody has seen.
    #[must_use]
    pub fn notices_pending(&self, agent: AgentId) -> usize {
        let mut count = 0_usize;
        self.inner.notices.survey(Some(&[agent]), |_, _, mark| {
            count = count.saturating_add(usize::from(mark.status == NoticeStatus::Pending));
        });
        count
    }

    /// One notice, if it is there.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn find_notice(&self, id: ShortId) -> Result<Option<Notice>, CoreError> {
        self.inner.notices.get(id.0).await
    }

    /// Says that somebody has seen a notice, or that nobody wants to.
    ///
    /// # Errors
    /// [`OrganisationError::Missing`], [`OrganisationError::Core`].
    pub async fn settle_notice(
        &self,
        id: ShortId,
        status: NoticeStatus,
        by: i64,
    ) -> Result<Notice, OrganisationError> {
        let this = self.clone();
        self.whole(async move {
            let now = this.registry().clock().now();
            let settled = this.inner.notices.amend(id.0, "notification", |notice| {
                notice.status = status;
                notice.settled_at = Some(now);
                notice.settled_by = Some(by);
                Ok(())
            });
            settled.await
        })
        .await
    }
}
