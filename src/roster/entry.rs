//! What was said of one agent.

use std::collections::BTreeSet;

use greenroom_actors::ids::AgentId;
use greenroom_actors::time::UnixMillis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accounts::ADMIN;

/// What people have said of an agent. Fields that a version does not know are lost when it writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The name of the user who owns it.
    pub owner: String,
    /// What sort of agent it is, in its owner's words.
    pub kind: String,
    /// What it was made from, as it was asked for.
    pub template: Option<String>,
    /// What carries out its runs, by name.
    pub runtime: String,
    /// A number that is its own, 0 if none was left; something listens there only where SSH is served.
    pub port: u16,
    /// Tells it from all others, for ever: 64 hexadecimal digits.
    pub container_id: String,
    /// What it was created with.
    pub resources: Resources,
    /// What was put in their place since.
    pub limits: Limits,
    /// The repository that it was made from.
    pub github_repo: Option<String>,
    /// Whether it is the host's own, which nobody deletes.
    pub is_system: bool,
    /// What it is found under.
    pub tags: BTreeSet<String>,
    /// With whom it is shared.
    pub shares: Vec<Share>,
    /// The agents that it may call, see, and share folders with.
    pub permits: BTreeSet<AgentId>,
    /// Whether [`permits`](Self::permits) alone say whom it writes to, and its like who writes to it;
    /// otherwise its character does.
    pub permits_decide: bool,
    /// What it shares with other agents.
    pub folders: Folders,
    /// Who may talk to it without an account.
    pub access: AccessPolicy,
    /// The system that it was made as a part of.
    pub system: Option<String>,
    /// What of `limits` its last start has put into force.
    pub limits_in_force: Limits,
    /// What is recorded of it and bounds nothing on this host.
    pub recorded: Recorded,
    /// When its picture last changed, if it has one.
    pub avatar_changed_at: Option<UnixMillis>,
    /// How it works.
    pub work: Work,
}

/// How an agent works for those who ask it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Work {
    /// Seconds that one execution may take.
    pub timeout_s: u32,
    /// Before which instant nothing is shown of what it is doing.
    pub activity_cleared_at: Option<UnixMillis>,
}

impl Default for Work {
    fn default() -> Self {
        Self { timeout_s: 900, activity_cleared_at: None }
    }
}

/// What an agent may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Processors, as a number.
    pub cpu: String,
    /// Memory, as a number and its unit.
    pub memory: String,
}

impl Default for Resources {
    fn default() -> Self {
        Self { cpu: "2".to_owned(), memory: "4g".to_owned() }
    }
}

/// What was put in the place of [`Resources`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processors.
    pub cpu: Option<String>,
    /// Memory.
    pub memory: Option<String>,
}

/// What people may say of an agent that has no effect on this host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// Whether it may do whatever its container could.
    pub full_capabilities: bool,
}

/// That an agent is shared with somebody, who may have no account yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its number, among all shares of the host.
    pub id: u64,
    /// With whom: an address in lower case.
    pub email: String,
    /// The id of the user who shared it.
    pub by_id: i64,
    /// That user's address, or name where there is none.
    pub by: String,
    /// When.
    pub created_at: UnixMillis,
    /// Whether the agent may write to them first.
    pub allows_proactive: bool,
}

/// What an agent shares with other agents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folders {
    /// Whether others see its `shared-out`.
    pub exposes: bool,
    /// Whether it sees that of others.
    pub consumes: bool,
}

/// Who may talk to an agent by a public link, or from a channel outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessPolicy {
    /// Whether they have to prove an address.
    pub requires_email: bool,
    /// Whether any proven address will do; otherwise it has to be of somebody who may use the agent.
    pub is_open: bool,
    /// Who of a group has to: `none`, `any_verified` or `all`.
    pub group_auth_mode: String,
}

impl Default for AccessPolicy {
    fn default() -> Self {
        Self { requires_email: false, is_open: false, group_auth_mode: "none".to_owned() }
    }
}

impl Entry {
    /// The kind of an agent that nobody named one for.
    pub const KIND: &str = "business-assistant";

    /// The runtime of an agent that nobody chose one for.
    pub const RUNTIME: &str = "claude-code";

    /// What holds for an agent of which nothing was said.
    #[must_use]
    pub fn of_nobody(id: AgentId) -> Self {
        let container_id = Sha256::digest(id.0.as_bytes());
        let container_id = container_id.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { container_id, ..Self::default() }
    }

    /// The share with that address, whatever its case.
    #[must_use]
    pub fn share_with(&self, email: &str) -> Option<&Share> {
        self.shares.iter().find(|share| share.email.eq_ignore_ascii_case(email))
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            owner: ADMIN.to_owned(),
            kind: Self::KIND.to_owned(),
            template: None,
            runtime: Self::RUNTIME.to_owned(),
            port: 0,
            container_id: String::new(),
            resources: Resources::default(),
            limits: Limits::default(),
            github_repo: None,
            is_system: false,
            tags: BTreeSet::new(),
            shares: Vec::new(),
            permits: BTreeSet::new(),
            permits_decide: false,
            folders: Folders::default(),
            access: AccessPolicy::default(),
            system: None,
            limits_in_force: Limits::default(),
            recorded: Recorded::default(),
            avatar_changed_at: None,
            work: Work::default(),
        }
    }
}

impl Entry {
    /// Bytes of memory that the programs which work for the agent may hold; 0 where what was said is no
    /// number of bytes.
    #[must_use]
    pub fn memory_max_bytes(&self) -> u64 {
        memory_bytes(self.limits_in_force.memory.as_ref().unwrap_or(&self.resources.memory))
    }
}

/// The bytes that `4g` and the like stand for; 0 for anything else.
#[must_use]
pub fn memory_bytes(text: &str) -> u64 {
    let plain = text.trim().trim_end_matches(['i', 'I', 'b', 'B']).to_ascii_lowercase();
    let split = plain.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(plain.len());
    let (number, unit) = plain.split_at_checked(split).unwrap_or_default();
    let shift = match unit {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return 0,
    };
    number.parse::<u64>().unwrap_or(0).checked_mul(1 << shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_those_in_force_count() {
        for (text, bytes) in [
            ("4g", 4 << 30),
            ("64G", 64 << 30),
            ("512m", 512 << 20),
            ("1Gi", 1 << 30),
            ("x", 0),
            ("", 0),
        ] {
            assert_eq!(memory_bytes(text), bytes, "{text}");
        }
        let limit = |memory: &str| Limits { cpu: None, memory: Some(memory.to_owned()) };
        let entry = Entry { limits: limit("8g"), ..Entry::default() };
        assert_eq!(entry.memory_max_bytes(), 4 << 30);
        let entry = Entry { limits_in_force: limit("1g"), ..entry };
        assert_eq!(entry.memory_max_bytes(), 1 << 30);
    }
}
