//! The state machine of an agent, as values.
//!
//! ```text
//!            start, restart            pause
//!  stopped ────────────────> running ─────────> paused
//!     ^  ^                    │   ^  <─────────    │
//!     │  └────────────────────┘   │ resume, start  │
//!     │           stop            │  restart       │
//!     └───────────────────────────┼────────────────┘ stop
//!          stop                   │
//!  failed ────────> stopped       │ start, resume, restart
//!     └───────────────────────────┘
//! ```
//!
//! That is what may be asked for; who insists gets from every state to every other
//! ([`Lifecycle::insisting`]).
//!
//! What the operator asked for ([`Desired`]) is durable. What is so now ([`State`]) follows from it
//! and from whether the agent has failed.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::budget::Scope;
use crate::error::CoreError;
use crate::time::UnixMillis;

/// What the operator asked for. Survives every restart of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// The agent does nothing.
    #[default]
    Stopped,
    /// The agent answers and, if it is autonomous, ticks.
    Running,
    /// The agent keeps its place: no ticks, no calls; messages wait.
    Paused,
}

/// What is so now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Does nothing.
    Stopped,
    /// Is being brought up.
    Starting,
    /// Answers and, if autonomous, ticks.
    Running,
    /// Keeps its place.
    Paused,
    /// Is being brought down.
    Stopping,
    /// Crashed more often than its restart intensity allows; waits for an operator.
    Failed,
}

/// What an operator can ask of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// Run.
    Start,
    /// Keep your place.
    Pause,
    /// Go on after a pause.
    Resume,
    /// Do nothing, at once.
    Stop,
    /// Stop if running, then start; not counted as a crash.
    Restart,
}

/// That an agent acts without being spoken to, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Autonomy {
    /// Milliseconds from one tick to the next, before jitter; at least 1.
    pub every_ms: u32,
}

impl Autonomy {
    /// An autonomy that ticks each `period`, which is held within 1 ms and some 49 days.
    #[must_use]
    pub fn every(period: Duration) -> Self {
        Self { every_ms: u32::try_from(period.as_millis()).unwrap_or(u32::MAX).max(1) }
    }

    /// The time from one tick to the next, before jitter.
    #[must_use]
    pub fn period(self) -> Duration {
        Duration::from_millis(u64::from(self.every_ms.max(1)))
    }
}

/// Why an agent is paused, where no operator asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Pause {
    /// A budget has no room for its calls.
    Budget {
        /// Which one.
        scope: Scope,
        /// When the agent goes on by itself; never, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<UnixMillis>,
    },
}

impl Pause {
    /// The reason, in one word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Budget { .. } => "budget",
        }
    }

    /// When the agent goes on by itself.
    #[must_use]
    pub fn until(&self) -> Option<UnixMillis> {
        match self {
            Self::Budget { until, .. } => *until,
        }
    }
}

/// An agent's durable lifecycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// What the operator asked for.
    pub desired: Desired,
    /// When it was last started; kept by a pause, forgotten by a stop. A running agent has none if
    /// somebody insisted on resuming it after a stop.
    pub started_at: Option<UnixMillis>,
    /// `None`: it acts only when spoken to.
    pub autonomy: Option<Autonomy>,
    /// Model settings given at the last start (`temperature`, `maxTokens`, …); forgotten by a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overrides: Option<Box<Map<String, Value>>>,
    /// Why it is [`State::Failed`]; `None` if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<str>>,
    /// Why it is [`State::Paused`], where no operator asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Box<Pause>>,
}

impl Lifecycle {
    /// What is so now, as far as the durable state says.
    #[must_use]
    pub fn state(&self) -> State {
        match (&self.failure, self.desired) {
            (Some(_), _) => State::Failed,
            (None, Desired::Stopped) => State::Stopped,
            (None, Desired::Running) => State::Running,
            (None, Desired::Paused) => State::Paused,
        }
    }

    /// The lifecycle after `command`, given at `now`.
    ///
    /// # Errors
    /// [`CoreError::WrongState`] where the diagram above has no such edge.
    pub fn after(&self, command: Command, now: UnixMillis) -> Result<Self, CoreError> {
        let state = self.state();
        match (state, command) {
            (State::Stopped | State::Failed, Command::Start)
            | (State::Failed, Command::Resume)
            | (State::Stopped | State::Running | State::Paused | State::Failed, Command::Restart) => {
                Ok(self.begun(now))
            }
            (State::Paused, Command::Start | Command::Resume) => Ok(self.resumed()),
            (State::Running, Command::Pause) => Ok(self.paused()),
            // From now on it is the operator's own pause: the agent does not go on by itself.
            (State::Paused, Command::Pause) if self.pause.is_some() => Ok(self.paused()),
            (State::Running | State::Paused | State::Failed, Command::Stop) => Ok(self.stopped()),
            (state, command) => Err(CoreError::WrongState { command, state }),
        }
    }

    /// The lifecycle after `command`, given at `now` by somebody who takes no refusal: it goes to
    /// where the command leads, from every state. A start always begins anew, a resume never does,
    /// and a command that leads to where it is changes nothing.
    #[must_use]
    pub fn insisting(&self, command: Command, now: UnixMillis) -> Self {
        match command {
            Command::Start | Command::Restart => self.begun(now),
            Command::Resume => self.resumed(),
            Command::Pause => self.paused(),
            Command::Stop => self.stopped(),
        }
    }

    /// Running since `now`.
    fn begun(&self, now: UnixMillis) -> Self {
        Self { started_at: Some(now), ..self.resumed() }
    }

    /// Running as it did before.
    fn resumed(&self) -> Self {
        Self { desired: Desired::Running, failure: None, pause: None, ..self.clone() }
    }

    /// Paused by an operator.
    fn paused(&self) -> Self {
        Self { desired: Desired::Paused, failure: None, pause: None, ..self.clone() }
    }

    fn stopped(&self) -> Self {
        Self {
            desired: Desired::Stopped,
            started_at: None,
            overrides: None,
            failure: None,
            pause: None,
            autonomy: self.autonomy,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
        })
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Restart => "restart",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle(state: State) -> Lifecycle {
        let started_at = (state != State::Stopped).then_some(UnixMillis(5));
        Lifecycle {
            desired: match state {
                State::Stopped => Desired::Stopped,
                State::Paused => Desired::Paused,
                _ => Desired::Running,
            },
            started_at,
            failure: (state == State::Failed).then(|| "it broke".into()),
            ..Lifecycle::default()
        }
    }

    #[test]
    fn each_state_takes_each_command_as_the_diagram_says() {
        use Command::{Pause, Restart, Resume, Start, Stop};
        use State::{Failed, Paused, Running, Stopped};
        let table = [
            (Stopped, [Some(Running), None, None, None, Some(Running)]),
            (Running, [None, Some(Paused), None, Some(Stopped), Some(Running)]),
            (Paused, [Some(Running), None, Some(Running), Some(Stopped), Some(Running)]),
            (Failed, [Some(Running), None, Some(Running), Some(Stopped), Some(Running)]),
        ];
        for (from, row) in table {
            for (command, to) in [Start, Pause, Resume, Stop, Restart].into_iter().zip(row) {
                let after = lifecycle(from).after(command, UnixMillis(9));
                match to {
                    Some(to) => assert_eq!(after.unwrap().state(), to, "{from} {command}"),
                    None => {
                        let refused = CoreError::WrongState { command, state: from };
                        assert_eq!(after, Err(refused));
                    }
                }
            }
        }
    }

    #[test]
    fn who_insists_gets_from_every_state_to_where_the_command_leads() {
        use Command::{Pause, Restart, Resume, Start, Stop};
        let now = UnixMillis(9);
        for from in [State::Stopped, State::Running, State::Paused, State::Failed] {
            let before =
                Lifecycle { autonomy: Some(Autonomy { every_ms: 60_000 }), ..lifecycle(from) };
            for (command, to, started_at) in [
                (Start, State::Running, Some(now)),
                (Restart, State::Running, Some(now)),
                (Resume, State::Running, before.started_at),
                (Pause, State::Paused, before.started_at),
                (Stop, State::Stopped, None),
            ] {
                let after = before.insisting(command, now);
                let seen = (after.state(), after.started_at, after.autonomy);
                assert_eq!(seen, (to, started_at, before.autonomy), "{from} {command}");
                let is_there = from == to && !matches!(command, Start | Restart);
                assert_eq!(after == before, is_there, "{from} {command}");
                assert_eq!(after.insisting(command, now), after, "{from} {command} twice");
            }
        }
    }

    #[test]
    fn insisting_differs_from_asking_only_in_what_is_refused_and_in_the_uptime() {
        use Command::{Pause, Restart, Resume, Start, Stop};
        for from in [State::Stopped, State::Running, State::Paused, State::Failed] {
            for command in [Start, Pause, Resume, Stop, Restart] {
                let before = lifecycle(from);
                let Ok(asked) = before.after(command, UnixMillis(9)) else { continue };
                let insisted = before.insisting(command, UnixMillis(9));
                let is_of_uptime = (from == State::Paused && command == Start)
                    || (from == State::Failed && command == Resume);
                assert_eq!(asked.started_at != insisted.started_at, is_of_uptime);
                let alike = Lifecycle { started_at: asked.started_at, ..insisted };
                assert_eq!(alike, asked, "{from} {command}");
            }
        }
    }

    #[test]
    fn a_pause_of_a_stopped_agent_has_no_uptime_and_a_resume_gives_it_none() {
        let paused = lifecycle(State::Stopped).insisting(Command::Pause, UnixMillis(7));
        let resumed = paused.insisting(Command::Resume, UnixMillis(8));
        assert_eq!((paused.started_at, resumed.started_at), (None, None));
        assert_eq!((paused.state(), resumed.state()), (State::Paused, State::Running));
    }

    #[test]
    fn an_operators_pause_takes_the_place_of_a_budgets_and_every_other_command_ends_it() {
        let pause = Pause::Budget { scope: Scope::OwnerDay, until: Some(UnixMillis(9)) };
        let rests = Lifecycle { pause: Some(Box::new(pause)), ..lifecycle(State::Paused) };
        for command in
            [Command::Pause, Command::Start, Command::Resume, Command::Restart, Command::Stop]
        {
            let asked = rests.after(command, UnixMillis(7)).unwrap();
            for after in [asked, rests.insisting(command, UnixMillis(7))] {
                assert_eq!(after.pause, None, "{command}");
                assert_eq!(after.state() == State::Paused, command == Command::Pause);
            }
        }
    }

    #[test]
    fn pausing_keeps_uptime_and_stopping_ends_it() {
        let running = lifecycle(State::Running);
        let paused = running.after(Command::Pause, UnixMillis(7)).unwrap();
        assert_eq!(paused.started_at, Some(UnixMillis(5)));
        let resumed = paused.after(Command::Resume, UnixMillis(8)).unwrap();
        assert_eq!(resumed.started_at, Some(UnixMillis(5)));
        assert_eq!(resumed.after(Command::Stop, UnixMillis(9)).unwrap().started_at, None);
    }
}
