//! The bounds and intervals of the runtime. Each has a default that fits two cores.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::budget::BudgetSettings;
use crate::character::slug;
use crate::supervisor::RestartIntensity;

/// The bounds and intervals of the runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Threads that agents live on. Absent: one for each two cores. 0: the thread of whoever starts
    /// the runtime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arbiters: Option<u32>,
    /// Seconds from one tick to the next, where an agent is not told otherwise.
    pub tick_every_s: u32,
    /// How far a tick may lie off its time, in per cent of the period, so that agents do not herd.
    pub tick_jitter_percent: u32,
    /// Seconds between two reflections of an autonomous agent. 0: never. So long goals rest, too, that a
    /// run did nothing for, unless something happens before.
    pub reflect_every_s: u32,
    /// Seconds that a run may take in all.
    pub run_deadline_s: u32,
    /// Milliseconds that an asker waits for an agent's answer.
    pub ask_deadline_ms: u32,
    /// Seconds that an asker waits for an agent's reply to a letter.
    pub reply_deadline_s: u32,
    /// Messages that wait for one agent before further ones are refused. At least 64: a shard's
    /// turn, or a burst would be refused by an agent that is idle.
    pub agent_mailbox: u32,
    /// Messages that wait for one shard of the registry before further ones are refused.
    pub shard_mailbox: u32,
    /// Letters that wait for one agent before further ones are refused.
    pub letters_waiting_max: u32,
    /// How often a letter is begun to be dealt with before it is given up.
    pub letter_attempts_max: u32,
    /// Triggers that an agent may have.
    pub triggers_max: u32,
    /// Firings of one agent's triggers that may wait before one by hand is refused.
    pub firings_waiting_max: u32,
    /// Slots of one trigger that are recorded one by one when they are found at once, as after an
    /// outage; the older ones get one record together.
    pub catch_up_slots_max: u32,
    /// Triggers with slots to catch up on that are dealt with in a second, so that a fleet does not wake
    /// up together after an outage.
    pub catch_up_per_s: u32,
    /// Seconds that something may be due without firing before the host says that it is not well.
    pub overdue_after_s: u32,
    /// Memories of the room that a prompt holds.
    pub context_memories: u32,
    /// Bytes of one memory's text that a prompt holds.
    pub context_memory_max_bytes: u32,
    /// Tokens that a prompt may have, by the rule of four bytes to a token; a model that takes fewer gets
    /// fewer.
    pub context_tokens_max: u32,
    /// Memories from elsewhere that a prompt holds, where more was said in the room than it holds.
    pub context_recalled: u32,
    /// Rounds of a run: how often its model is asked before the run is ended.
    pub run_rounds_max: u32,
    /// Calls of tools that a run may make; further ones are refused.
    pub run_calls_max: u32,
    /// Seconds that a call of a tool may take.
    pub tool_deadline_s: u32,
    /// Bytes of a tool's answer that are kept and that the model is told.
    pub tool_output_max_bytes: u32,
    /// Days that a call waits for a person's yes before it counts as denied.
    pub approval_days: u32,
    /// Calls of one agent that wait for a person's yes before further ones are refused.
    pub approvals_waiting_max: u32,
    /// Tools that an agent is offered at most.
    pub tools_max: u32,
    /// Bytes that a model's answer may have.
    pub answer_max_bytes: u32,
    /// Milliseconds before a crashed agent acts again; doubles with each crash in a row.
    pub restart_backoff_ms: u32,
    /// Seconds that this grows to at most.
    pub restart_backoff_max_s: u32,
    /// Seconds that the time between two ticks grows to at most while runs fail in a row.
    pub tick_backoff_max_s: u32,
    /// Agents whose character is kept at hand.
    pub record_cache: u32,
    /// Events that a live subscriber may lag behind before it is served from the store.
    pub subscriber_lag_max: u32,
    /// Seconds in which each agent is looked at once, whether it gets on. 0: never.
    pub liveness_every_s: u32,
    /// How many crashes within which time make an agent fail.
    pub restart_intensity: RestartIntensity,
    /// What agents may spend on models. A section of its own where settings are written down.
    #[serde(skip)]
    pub budget: BudgetSettings,
    /// Handles that no agent is given after its name: words that stand where a handle does in an address
    /// of the host's. The host's own to say, and no setting of whoever runs it.
    #[serde(skip)]
    pub reserved_handles: &'static [&'static str],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            arbiters: None,
            tick_every_s: 60,
            tick_jitter_percent: 5,
            reflect_every_s: 900,
            run_deadline_s: 300,
            ask_deadline_ms: 30_000,
            reply_deadline_s: 120,
            agent_mailbox: 64,
            shard_mailbox: 4_096,
            letters_waiting_max: 256,
            letter_attempts_max: 3,
            triggers_max: 100,
            firings_waiting_max: 256,
            catch_up_slots_max: 10_000,
            catch_up_per_s: 50,
            overdue_after_s: 300,
            context_memories: 20,
            context_memory_max_bytes: 4_096,
            context_tokens_max: 16_000,
            context_recalled: 6,
            run_rounds_max: 16,
            run_calls_max: 64,
            tool_deadline_s: 60,
            tool_output_max_bytes: 16_384,
            approval_days: 7,
            approvals_waiting_max: 64,
            tools_max: 128,
            answer_max_bytes: 262_144,
            restart_backoff_ms: 500,
            restart_backoff_max_s: 60,
            tick_backoff_max_s: 3_600,
            record_cache: 10_000,
            subscriber_lag_max: 256,
            liveness_every_s: 60,
            restart_intensity: RestartIntensity::default(),
            budget: BudgetSettings::default(),
            reserved_handles: &[],
        }
    }
}

impl Settings {
    /// The settings, if they can be.
    ///
    /// # Errors
    /// The name of the setting at fault and what is wrong with it.
    pub fn checked(self) -> Result<Self, String> {
        let at_least = |name: &str, value: u32, least: u32| {
            if value < least {
                Err(format!("{name} is {value}, and must be at least {least}"))
            } else {
                Ok(())
            }
        };
        at_least("tick_every_s", self.tick_every_s, 1)?;
        at_least("run_deadline_s", self.run_deadline_s, 1)?;
        at_least("ask_deadline_ms", self.ask_deadline_ms, 1)?;
        at_least("reply_deadline_s", self.reply_deadline_s, 1)?;
        at_least("agent_mailbox", self.agent_mailbox, crate::registry::TURN_MAX)?;
        at_least("shard_mailbox", self.shard_mailbox, 1)?;
        at_least("letters_waiting_max", self.letters_waiting_max, 1)?;
        at_least("letter_attempts_max", self.letter_attempts_max, 1)?;
        at_least("firings_waiting_max", self.firings_waiting_max, 1)?;
        at_least("catch_up_slots_max", self.catch_up_slots_max, 100)?;
        at_least("catch_up_per_s", self.catch_up_per_s, 1)?;
        at_least("overdue_after_s", self.overdue_after_s, 60)?;
        at_least("context_memory_max_bytes", self.context_memory_max_bytes, 64)?;
        at_least("context_tokens_max", self.context_tokens_max, 256)?;
        at_least("run_rounds_max", self.run_rounds_max, 1)?;
        at_least("tool_deadline_s", self.tool_deadline_s, 1)?;
        at_least("approval_days", self.approval_days, 1)?;
        at_least("approvals_waiting_max", self.approvals_waiting_max, 1)?;
        at_least("tool_output_max_bytes", self.tool_output_max_bytes, 256)?;
        at_least("answer_max_bytes", self.answer_max_bytes, 1_024)?;
        at_least("restart_backoff_ms", self.restart_backoff_ms, 1)?;
        at_least("record_cache", self.record_cache, 1)?;
        at_least("subscriber_lag_max", self.subscriber_lag_max, 1)?;
        if self.tick_jitter_percent > 50 {
            return Err(format!(
                "tick_jitter_percent is {}, and must be at most 50",
                self.tick_jitter_percent
            ));
        }
        let budget = self.budget.checked().map_err(|at_fault| format!("budget.{at_fault}"))?;
        Ok(Self { budget, ..self })
    }

    /// The handle that an agent of that name is to have, unless another agent has it.
    #[must_use]
    pub(crate) fn handle_for(&self, name: &str) -> String {
        let handle = slug(name);
        if self.reserved_handles.contains(&handle.as_str()) { handle + "-agent" } else { handle }
    }

    /// The time before a crashed agent acts again, after `crashes` in a row.
    #[must_use]
    pub(crate) fn restart_backoff(&self, crashes: u32) -> Duration {
        let base = Duration::from_millis(u64::from(self.restart_backoff_ms));
        let most = Duration::from_secs(u64::from(self.restart_backoff_max_s));
        base.saturating_mul(2_u32.saturating_pow(crashes.saturating_sub(1))).min(most.max(base))
    }

    /// How long goals rest that nothing could be done for: as long as it is between two reflections.
    #[must_use]
    pub(crate) fn idle_goals_rest(&self) -> Duration {
        let seconds = match self.reflect_every_s {
            0 => Self::default().reflect_every_s,
            every => every,
        };
        Duration::from_secs(u64::from(seconds))
    }

    /// The time between two ticks of `period`, after `failures` failed runs in a row.
    #[must_use]
    pub(crate) fn tick_backoff(&self, period: Duration, failures: u32) -> Duration {
        let most = Duration::from_secs(u64::from(self.tick_backoff_max_s));
        period.saturating_mul(2_u32.saturating_pow(failures)).min(most.max(period))
    }
}
