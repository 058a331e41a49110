//! Sessions: a talk of one person with one agent, in a channel of its own, that ends after a while.
//!
//! The rules are those of elizaOS 1.7.2, but a session is durable: it outlives the process.

use std::time::Duration;

use greenroom_actors::channels::{MessageServer, Session, SessionTimeout};
use greenroom_actors::character::AgentRecord;
use greenroom_actors::error::CoreError;
use greenroom_actors::facts::Fact;
use greenroom_actors::ids::{AgentId, EntityId, SessionId};
use greenroom_actors::lifecycle::State;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Messaging, NewChannel};

/// Sessions removed in one go of the sweep.
const SWEEP: u32 = 256;

/// The bounds of sessions, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionRules {
    /// How long a session lasts that nobody says otherwise of.
    pub default_timeout_minutes: u32,
    /// How long it lasts at least.
    pub min_timeout_minutes: u32,
    /// How long it lasts at most without activity.
    pub max_timeout_minutes: u32,
    /// How long it lasts at most in all.
    pub max_duration_minutes: u32,
    /// How long before its end it counts as about to end.
    pub warning_threshold_minutes: u32,
    /// How often those that have ended are removed.
    pub cleanup_interval_minutes: u32,
}

impl Default for SessionRules {
    fn default() -> Self {
        Self {
            default_timeout_minutes: 30,
            min_timeout_minutes: 5,
            max_timeout_minutes: 1_440,
            max_duration_minutes: 720,
            warning_threshold_minutes: 5,
            cleanup_interval_minutes: 5,
        }
    }
}

/// What somebody wishes of a session's timeout; absent fields come from the agent, then the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeoutWish {
    /// Minutes to its end.
    pub timeout_minutes: Option<f64>,
    /// Whether activity renews it.
    pub auto_renew: Option<bool>,
    /// Minutes to its end at the latest.
    pub max_duration_minutes: Option<f64>,
    /// Minutes before its end from which it is about to end.
    pub warning_threshold_minutes: Option<f64>,
}

/// A session to be begun.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSession {
    /// The agent.
    pub agent_id: AgentId,
    /// The person.
    pub user_id: EntityId,
    /// Anything else.
    pub metadata: Map<String, Value>,
    /// What is wished of its timeout.
    pub timeout: TimeoutWish,
}

/// A session after something happened in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Renewed {
    /// The session.
    pub session: Session,
    /// Whether that renewed it.
    pub was_renewed: bool,
}

/// Why a session was not reached.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SessionsError {
    /// There is none of that id.
    #[error("session {0} not found")]
    NotFound(SessionId),
    /// It has ended, and is gone now.
    #[error("session {id} expired")]
    Expired {
        /// Which session.
        id: SessionId,
        /// When it ended.
        at: UnixMillis,
    },
    /// It has lasted as long as it may.
    #[error("session {id} has lasted as long as it may")]
    Spent {
        /// Which session.
        id: SessionId,
        /// When it began.
        created_at: UnixMillis,
        /// How long it may last, in minutes.
        max_duration_minutes: f64,
    },
    /// The core refused.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl SessionRules {
    /// Whether the values can be.
    ///
    /// # Errors
    /// The name of the key at fault and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in [
            ("default_timeout_minutes", self.default_timeout_minutes),
            ("min_timeout_minutes", self.min_timeout_minutes),
            ("max_duration_minutes", self.max_duration_minutes),
            ("cleanup_interval_minutes", self.cleanup_interval_minutes),
        ] {
            if value == 0 {
                return Err(format!("{key} is 0, and must be at least 1"));
            }
        }
        if self.max_timeout_minutes < self.min_timeout_minutes {
            return Err("max_timeout_minutes is less than min_timeout_minutes".to_owned());
        }
        Ok(())
    }

    /// How often sessions that have ended are removed.
    #[must_use]
    pub fn cleanup_every(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.cleanup_interval_minutes.max(1)))
    }

    /// The timeout of a session: what is wished, else what the agent's settings say, else the rules;
    /// held within the bounds.
    #[must_use]
    pub fn timeout(&self, wish: TimeoutWish, agent: &AgentRecord) -> SessionTimeout {
        let setting = |key: &str| agent.character.setting(key);
        let minutes = |key: &str| setting(key).and_then(number);
        // Not `clamp`, which panics where the bounds cross.
        let within = |value: f64, least: f64, most: f64| value.min(most).max(least);
        let max_timeout = f64::from(self.max_timeout_minutes);
        let timeout_minutes = wish
            .timeout_minutes
            .or_else(|| minutes("SESSION_TIMEOUT_MINUTES"))
            .unwrap_or(f64::from(self.default_timeout_minutes));
        let timeout_minutes =
            within(timeout_minutes, f64::from(self.min_timeout_minutes), max_timeout);
        let max_duration_minutes = wish
            .max_duration_minutes
            .or_else(|| minutes("SESSION_MAX_DURATION_MINUTES"))
            .unwrap_or(f64::from(self.max_duration_minutes));
        let max_duration_minutes = within(max_duration_minutes, timeout_minutes, max_timeout * 2.0);
        let warning_threshold_minutes = wish
            .warning_threshold_minutes
            .or_else(|| minutes("SESSION_WARNING_THRESHOLD_MINUTES"))
            .unwrap_or(f64::from(self.warning_threshold_minutes))
            .max(1.0);
        let auto_renew = wish
            .auto_renew
            .or_else(|| setting("SESSION_AUTO_RENEW").and_then(flag))
            .unwrap_or(true);
        SessionTimeout {
            timeout_minutes,
            auto_renew,
            max_duration_minutes,
            warning_threshold_minutes,
        }
    }
}

/// A timeout as elizaOS shows it, in minutes.
#[must_use]
pub fn shown(timeout: SessionTimeout) -> Value {
    json!({
        "timeoutMinutes": whole(timeout.timeout_minutes),
        "autoRenew": timeout.auto_renew,
        "maxDurationMinutes": whole(timeout.max_duration_minutes),
        "warningThresholdMinutes": whole(timeout.warning_threshold_minutes),
    })
}

/// A number without a fraction where it has none, as JavaScript writes it.
fn whole(number: f64) -> Value {
    let text = number.to_string();
    text.parse::<i64>().map_or_else(|_| json!(number), Value::from)
}

/// A number, or a text that is one.
pub fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

fn flag(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

/// When a session ends that was last active at `active`.
fn expiry(timeout: SessionTimeout, created: UnixMillis, active: UnixMillis) -> UnixMillis {
    let minutes =
        |minutes: f64| Duration::try_from_secs_f64(minutes.max(0.0) * 60.0).unwrap_or_default();
    let from = if timeout.auto_renew { active } else { created };
    let latest = created.plus(minutes(timeout.max_duration_minutes));
    from.plus(minutes(timeout.timeout_minutes)).min(latest)
}

impl Messaging {
    /// Begins a session with an agent that runs.
    ///
    /// # Errors
    /// [`CoreError::AgentNotFound`], [`CoreError::NotRunning`], [`CoreError::Store`].
    pub async fn begin_session(
        &self,
        new: NewSession,
        rules: SessionRules,
    ) -> Result<Session, CoreError> {
        let record = self.registry.record(new.agent_id).await?;
        let state = record.lifecycle.state();
        if state != State::Running {
            return Err(CoreError::NotRunning { id: new.agent_id, state });
        }
        let now = self.now();
        let id = SessionId::new();
        let timeout = rules.timeout(new.timeout, &record);
        let mut metadata = json!({
            "sessionId": id, "agentId": new.agent_id, "userId": new.user_id,
            "timeoutConfig": shown(timeout),
        });
        if let Some(all) = metadata.as_object_mut() {
            all.extend(new.metadata.clone());
        }
        let channel = self
            .create_channel(NewChannel {
                id: None,
                server_id: MessageServer::DEFAULT,
                name: format!("session-{id}"),
                kind: "DM".to_owned(),
                source_type: None,
                source_id: None,
                topic: None,
                metadata: metadata.as_object().cloned(),
                participants: vec![new.agent_id.into()],
            })
            .await?;
        let session = Session {
            id,
            agent_id: new.agent_id,
            channel_id: channel.id,
            user_id: new.user_id,
            metadata: new.metadata,
            timeout,
            renewals: 0,
            created_at: now,
            last_activity_at: now,
            expires_at: expiry(timeout, now, now),
        };
        self.registry.keep(vec![Fact::SessionSet(Box::new(session.clone()))]).await?;
        Ok(session)
    }

    /// A session that has not ended; one that has is removed on the way.
    ///
    /// # Errors
    /// [`SessionsError::NotFound`], [`SessionsError::Expired`], [`SessionsError::Core`].
    pub async fn session(&self, id: SessionId) -> Result<Session, SessionsError> {
        let session = self.registry.store().session(id).await.map_err(CoreError::from)?;
        let session = session.ok_or(SessionsError::NotFound(id))?;
        if session.expires_at <= self.now() {
            self.registry.keep(vec![Fact::SessionRemoved(id)]).await?;
            return Err(SessionsError::Expired { id, at: session.expires_at });
        }
        Ok(session)
    }

    /// The sessions that there are, ended ones included until they are swept, oldest first.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn sessions(&self, offset: u32, limit: u32) -> Result<Vec<Session>, CoreError> {
        Ok(self.registry.store().sessions(offset, limit).await?)
    }

    /// Notes that something happened in a session, which renews it if it renews itself.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub async fn touch_session(&self, id: SessionId) -> Result<Renewed, SessionsError> {
        let _turn = self.turns.of(id.0).await;
        let session = self.session(id).await?;
        let now = self.now();
        let renews = session.timeout.auto_renew;
        let after = expiry(session.timeout, session.created_at, now);
        let session = Session {
            last_activity_at: now,
            renewals: session.renewals.saturating_add(u32::from(renews)),
            expires_at: if renews { after } else { session.expires_at },
            ..session
        };
        self.keep_session(&session).await?;
        Ok(Renewed { session, was_renewed: renews })
    }

    /// Renews a session, whether or not it renews itself.
    ///
    /// # Errors
    /// [`SessionsError::Spent`] if it has lasted as long as it may; as [`session`](Self::session).
    pub async fn renew_session(&self, id: SessionId) -> Result<Session, SessionsError> {
        let _turn = self.turns.of(id.0).await;
        let session = self.session(id).await?;
        let now = self.now();
        let renewing = SessionTimeout { auto_renew: true, ..session.timeout };
        let after = expiry(renewing, session.created_at, now);
        if after <= now {
            return Err(SessionsError::Spent {
                id,
                created_at: session.created_at,
                max_duration_minutes: session.timeout.max_duration_minutes,
            });
        }
        let session = Session {
            last_activity_at: now,
            renewals: session.renewals.saturating_add(1),
            expires_at: after,
            ..session
        };
        self.keep_session(&session).await?;
        Ok(session)
    }

    /// Sets a session's timeout anew, from the wish and the agent's settings.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub async fn retime_session(
        &self,
        id: SessionId,
        wish: TimeoutWish,
        rules: SessionRules,
    ) -> Result<Session, SessionsError> {
        let _turn = self.turns.of(id.0).await;
        let session = self.session(id).await?;
        let record = self.registry.record(session.agent_id).await?;
        let timeout = rules.timeout(wish, &record);
        let expires_at = expiry(timeout, session.created_at, session.last_activity_at);
        let session = Session { timeout, expires_at, ..session };
        self.keep_session(&session).await?;
        Ok(session)
    }

    /// Ends a session; its channel and what was said stay.
    ///
    /// # Errors
    /// [`SessionsError::Core`].
    pub async fn end_session(&self, id: SessionId) -> Result<(), SessionsError> {
        let _turn = self.turns.of(id.0).await;
        self.registry.keep(vec![Fact::SessionRemoved(id)]).await?;
        Ok(())
    }

    /// Removes the sessions that have ended; answers with how many.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn sweep_sessions(&self) -> Result<usize, CoreError> {
        let expired = self.registry.store().expired_sessions(self.now(), SWEEP).await?;
        let count = expired.len();
        if count > 0 {
            self.registry.keep(expired.into_iter().map(Fact::SessionRemoved).collect()).await?;
        }
        Ok(count)
    }

    async fn keep_session(&self, session: &Session) -> Result<(), CoreError> {
        self.registry.keep(vec![Fact::SessionSet(Box::new(session.clone()))]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use greenroom_actors::character::Character;
    use greenroom_actors::lifecycle::Lifecycle;

    use super::*;

    fn agent(settings: Value) -> AgentRecord {
        let mut character = Character::named("Ada");
        character.settings = settings.as_object().cloned();
        AgentRecord {
            id: character.agent_id(),
            handle: "ada".to_owned(),
            character,
            enabled: true,
            lifecycle: Lifecycle::default(),
            created_at: UnixMillis(0),
            updated_at: UnixMillis(0),
        }
    }

    #[test]
    fn the_wish_comes_before_the_agent_and_the_agent_before_the_rules() {
        let rules = SessionRules::default();
        let wish = |timeout_minutes| TimeoutWish { timeout_minutes, ..TimeoutWish::default() };
        let settings = json!({"SESSION_TIMEOUT_MINUTES": "45", "SESSION_AUTO_RENEW": "false"});
        for (settings, wished, minutes) in [
            (json!({}), None, 30.0),
            (settings.clone(), None, 45.0),
            (settings.clone(), Some(60.0), 60.0),
            (settings.clone(), Some(1.0), 5.0),
            (settings.clone(), Some(9_999.0), 1_440.0),
            (json!({"SESSION_TIMEOUT_MINUTES": "soon"}), None, 30.0),
        ] {
            let timeout = rules.timeout(wish(wished), &agent(settings));
            assert!((timeout.timeout_minutes - minutes).abs() < f64::EPSILON, "{timeout:?}");
            assert!(timeout.max_duration_minutes >= timeout.timeout_minutes);
        }
        assert!(!rules.timeout(wish(None), &agent(settings)).auto_renew);
    }

    #[test]
    fn bounds_that_cross_and_odd_numbers_do_no_harm() {
        let crossed =
            SessionRules { min_timeout_minutes: 60, max_timeout_minutes: 5, ..Default::default() };
        assert!(crossed.check().is_err());
        let timeout = crossed.timeout(TimeoutWish::default(), &agent(json!({})));
        assert_eq!(shown(timeout)["timeoutMinutes"], json!(60));
        assert_eq!(SessionRules::default().check(), Ok(()));
        for (given, number_of) in
            [(json!("7.5"), Some(7.5)), (json!("NaN"), None), (json!("inf"), None)]
        {
            assert_eq!(number(&given), number_of);
        }
        assert_eq!(whole(7.5), json!(7.5));
    }

    #[test]
    fn a_session_ends_after_its_timeout_and_never_after_its_longest() {
        let timeout = SessionTimeout {
            timeout_minutes: 30.0,
            auto_renew: true,
            max_duration_minutes: 40.0,
            warning_threshold_minutes: 5.0,
        };
        let at = |minutes: u64| UnixMillis(0).plus(Duration::from_secs(60 * minutes));
        assert_eq!(expiry(timeout, at(0), at(5)), at(35));
        assert_eq!(expiry(timeout, at(0), at(20)), at(40));
        let fixed = SessionTimeout { auto_renew: false, ..timeout };
        assert_eq!(expiry(fixed, at(0), at(5)), at(30));
    }
}
