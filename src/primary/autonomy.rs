//! Whether the primary agent acts by itself, and how often.

use std::time::Duration;

use greenroom_actors::agent::SetAutonomy;
use greenroom_actors::error::CoreError;
use greenroom_actors::lifecycle::{Autonomy, State};

use super::Primary;

/// The shortest time between two ticks that can be asked for.
pub const PERIOD_MIN: Duration = Duration::from_secs(5);

/// The longest.
pub const PERIOD_MAX: Duration = Duration::from_secs(600);

/// Whether the primary agent acts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutonomyState {
    /// Whether it should.
    pub is_enabled: bool,
    /// Whether it does: a paused or stopped agent does not tick.
    pub is_active: bool,
    /// The time between two ticks.
    pub period: Duration,
}

impl Primary {
    /// Whether the primary agent acts by itself. Without an agent: no.
    ///
    /// # Errors
    /// [`CoreError::Store`].
    pub async fn autonomy(&self) -> Result<AutonomyState, CoreError> {
        let usual = self.usual_autonomy().await;
        let Some(record) = self.agent().await? else {
            return Ok(AutonomyState {
                is_enabled: false,
                is_active: false,
                period: usual.period(),
            });
        };
        let lifecycle = &record.lifecycle;
        let is_active = lifecycle.state() == State::Running && lifecycle.autonomy.is_some();
        // A pause and a stop switch it off, and yet it can be switched on meanwhile.
        let switched = self.inner.standing.lock().await.autonomy;
        Ok(AutonomyState {
            is_enabled: switched.unwrap_or(is_active),
            is_active,
            period: lifecycle.autonomy.unwrap_or(usual).period(),
        })
    }

    /// Switches it on or off, and sets how often it ticks, within [`PERIOD_MIN`] and [`PERIOD_MAX`];
    /// `None` leaves either as it is. An agent that becomes autonomous ticks at once.
    ///
    /// # Errors
    /// [`CoreError::Store`], and what keeps a message from the agent.
    pub async fn set_autonomy(
        &self,
        is_enabled: Option<bool>,
        period: Option<Duration>,
    ) -> Result<AutonomyState, CoreError> {
        let period = period.map(|period| period.clamp(PERIOD_MIN, PERIOD_MAX));
        let period = period.map(Autonomy::every);
        let before = self.autonomy().await?;
        let Some(record) = self.agent().await? else { return Ok(before) };
        let every_ms = period.or(record.lifecycle.autonomy).map(|every| every.every_ms);
        let is_on = is_enabled.unwrap_or(record.lifecycle.autonomy.is_some());
        let usual = self.usual_autonomy().await;
        let next = is_on.then(|| period.or(record.lifecycle.autonomy).unwrap_or(usual));
        if next != record.lifecycle.autonomy {
            self.inner.registry.ask(record.id, SetAutonomy(next)).await?;
        }
        // Of a running agent its own state tells it.
        let is_running = record.lifecycle.state() == State::Running;
        self.stand(|standing| {
            standing.tick_every_ms = every_ms.unwrap_or(standing.tick_every_ms);
            standing.autonomy = if is_running { None } else { is_enabled.or(standing.autonomy) };
        })
        .await?;
        self.autonomy().await
    }
}
