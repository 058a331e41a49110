//! Letters, as they reach agents: from outside, and from one agent to another.

use std::time::Duration;

use super::Registry;
use crate::agent::{Delivered, Delivery, Reply};
use crate::error::CoreError;
use crate::ids::{AgentId, LetterId};
use crate::records::Memory;
use crate::runtime::TaskInFlight;

impl Registry {
    /// Brings an agent a letter; answers once it is durable.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and as [`Delivery`] says.
    pub async fn deliver(&self, to: AgentId, delivery: Delivery) -> Result<Delivered, CoreError> {
        self.ask(to, delivery).await
    }

    /// One agent writes to another, and does not wait.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    pub async fn tell(
        &self,
        from: AgentId,
        to: AgentId,
        text: &str,
    ) -> Result<LetterId, CoreError> {
        let delivery = Delivery::between(from, to, text, false);
        Ok(self.deliver(to, delivery).await?.letter_id)
    }

    /// One agent asks another, and waits for the reply. The reply is also filed with the asker.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver) and [`Reply::within`]; [`CoreError::Cancelled`] if the agent
    /// dealt with the letter without a reply.
    pub async fn ask_agent(
        &self,
        from: AgentId,
        to: AgentId,
        text: &str,
    ) -> Result<Memory, CoreError> {
        let delivered = self.deliver(to, Delivery::between(from, to, text, true)).await?;
        let said = match delivered.reply {
            Some(reply) => self.reply(reply).await?,
            None => None,
        };
        said.ok_or_else(|| CoreError::Cancelled("the agent said nothing".to_owned()))
    }

    /// Waits for a reply as long as the settings say.
    ///
    /// # Errors
    /// As [`Reply::within`].
    pub async fn reply(&self, reply: Reply) -> Result<Option<Memory>, CoreError> {
        let seconds = self.inner.runtime.settings.reply_deadline_s;
        reply.within(Duration::from_secs(u64::from(seconds))).await
    }

    /// The letters that are being dealt with beside conversations now, of one agent if given; those
    /// begun first come first. From memory.
    #[must_use]
    pub fn tasks_in_flight(&self, agent: Option<AgentId>) -> Vec<TaskInFlight> {
        let mut tasks = self.inner.runtime.tasks_in_flight(agent);
        tasks.sort_by_key(|task| (task.began_at, task.run_id));
        tasks
    }
}
