//! Whether a batch can be, before any of it is applied.

use std::collections::HashMap;

use uuid::Uuid;

use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::{AgentId, ChannelId, FiringId, ServerId, TriggerId};
use crate::time::UnixMillis;

use super::budgets::Ledger;
use super::state::{Home, State};

/// Whether the facts can be applied one after the other. What they need is only ever an agent, a
/// message server or a channel that is there or is not, room in a budget, or a handle, a trigger or a
/// firing as it is before the batch: no batch of ours says two things of one handle, one trigger's time or
/// one firing.
pub(super) fn check(state: &State, facts: &[Fact]) -> Result<(), StoreError> {
    let mut after = After {
        state,
        agents: HashMap::new(),
        imports: HashMap::new(),
        servers: HashMap::new(),
        channels: HashMap::new(),
        ledger: None,
    };
    let last = facts.iter().rposition(|fact| matches!(fact, Fact::Reserved(_)));
    facts.iter().enumerate().try_for_each(|(place, fact)| {
        after.next(fact)?;
        if last.is_some_and(|last| place < last) {
            after.foresee(fact);
        }
        Ok(())
    })
}

/// What is there after the facts so far: what they have changed, over the state before them.
struct After<'a> {
    state: &'a State,
    agents: HashMap<AgentId, bool>,
    /// Whether each import is open; `None`: there is none.
    imports: HashMap<AgentId, Option<bool>>,
    servers: HashMap<ServerId, bool>,
    /// The server that each channel lies on; `None`: it is not there.
    channels: HashMap<ChannelId, Option<ServerId>>,
    /// What is reserved, where the facts so far have changed that and some later one reserves more.
    ledger: Option<Ledger>,
}

impl After<'_> {
    fn next(&mut self, fact: &Fact) -> Result<(), StoreError> {
        match fact {
            Fact::Reserved(reservation) => {
                self.ledger.as_ref().unwrap_or(&self.state.ledger).check(reservation)?;
            }
            Fact::AgentCreated(record) => {
                if self.has_agent(record.id) || self.import_of(record.id).is_some() {
                    return Err(StoreError::Exists { what: "agent", id: record.id.0 });
                }
                self.agents.insert(record.id, true);
            }
            Fact::HandleClaimed { agent_id, handle } => {
                let holder = self.state.handles.get(handle).filter(|holder| *holder != agent_id);
                if let Some(AgentId(id)) = holder {
                    return Err(StoreError::Exists { what: StoreError::HANDLE, id: *id });
                }
            }
            Fact::ImportBegun { agent_id: id, .. } => {
                let is_known = self.has_agent(*id) || self.import_of(*id).is_some();
                let has_memories = |home: &Home| !home.memories.is_empty();
                if is_known || self.state.home(*id).is_some_and(has_memories) {
                    return Err(StoreError::Exists { what: "agent", id: id.0 });
                }
                self.imports.insert(*id, Some(true));
            }
            Fact::ImportFinished { agent_id: id } => {
                there(self.import_of(*id) == Some(true), "import", id.0)?;
                self.imports.insert(*id, None);
            }
            Fact::ImportAbandoned { agent_id: id } => {
                self.imports.insert(*id, None);
            }
            Fact::AgentRevised { id, .. } | Fact::LifecycleChanged { id, .. } => {
                there(self.has_agent(*id), "agent", id.0)?;
            }
            Fact::AgentRemoved { id, .. } => {
                self.agents.insert(*id, false);
            }
            Fact::ServerSet(server) | Fact::ServerMet(server) => {
                self.servers.insert(server.id, true);
            }
            Fact::ServerRemoved(id) => self.remove_server(*id),
            Fact::ChannelSet(channel) => {
                there(self.has_server(channel.server_id), "server", channel.server_id.0)?;
                self.channels.insert(channel.id, Some(channel.server_id));
            }
            Fact::ChannelMet(channel) => {
                there(self.has_server(channel.server_id), "server", channel.server_id.0)?;
                let server = self.server_of(channel.id).unwrap_or(channel.server_id);
                self.channels.insert(channel.id, Some(server));
            }
            Fact::ChannelRemoved(id) => {
                self.channels.insert(*id, None);
            }
            Fact::MessageSet(message) => {
                let id = message.channel_id;
                there(self.server_of(id).is_some(), "channel", id.0)?;
            }
            Fact::TriggerFired(fired) => {
                let is_due = self.is_due(fired.agent_id, fired.trigger_id, fired.from);
                there(is_due, "due trigger", fired.trigger_id.0)?;
            }
            Fact::FiringTried { agent_id, id, .. } => {
                there(self.is_open(*agent_id, *id), "open firing", id.0)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn foresee(&mut self, fact: &Fact) {
        if Ledger::is_changed_by(fact) {
            self.ledger.get_or_insert_with(|| self.state.ledger.clone()).foresee(fact);
        }
    }

    fn is_due(&self, agent: AgentId, id: TriggerId, at: UnixMillis) -> bool {
        let trigger = self.state.home(agent).and_then(|home| home.triggers.get(id));
        trigger.is_some_and(|trigger| trigger.is_enabled && trigger.next_due_at == Some(at))
    }

    fn is_open(&self, agent: AgentId, id: FiringId) -> bool {
        let firing = self.state.home(agent).and_then(|home| home.firings.get(id));
        firing.is_some_and(|firing| firing.status.is_open())
    }

    fn has_agent(&self, id: AgentId) -> bool {
        self.agents.get(&id).copied().unwrap_or_else(|| self.state.agents.contains_key(&id))
    }

    fn import_of(&self, id: AgentId) -> Option<bool> {
        let before = || self.state.imports.get(&id).copied();
        self.imports.get(&id).copied().unwrap_or_else(before)
    }

    fn has_server(&self, id: ServerId) -> bool {
        let known = self.servers.get(&id).copied();
        known.unwrap_or_else(|| self.state.shared.servers.get(id).is_some())
    }

    fn server_of(&self, id: ChannelId) -> Option<ServerId> {
        let before = || self.state.shared.channels.get(id).map(|channel| channel.server_id);
        self.channels.get(&id).copied().unwrap_or_else(before)
    }

    fn remove_server(&mut self, id: ServerId) {
        self.servers.insert(id, false);
        for server in self.channels.values_mut().filter(|server| **server == Some(id)) {
            *server = None;
        }
        for channel in self.state.shared.channels_of(id) {
            // One that was moved to another server before is no longer this one's.
            self.channels.entry(channel.id).or_insert(None);
        }
    }
}

fn there(is_there: bool, what: &'static str, id: Uuid) -> Result<(), StoreError> {
    if is_there { Ok(()) } else { Err(StoreError::Missing { what, id }) }
}
