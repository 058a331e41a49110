//! A payload being written, as the store gives what belongs into it.

use std::collections::HashSet;
use std::io::{self, Write};

use greenroom_actors::character::AgentRecord;
use greenroom_actors::ids::{AgentId, RoomId, WorldId};
use greenroom_actors::ports::Kept;
use greenroom_actors::time::UnixMillis;
use serde_json::Value;

use super::aside::Aside;
use super::{Counts, Section, VERSION, records};
use crate::http::instant::iso;
use crate::secrets::Secrets;

/// What a payload begins with.
pub(in crate::transfer) struct DocumentHead<'a> {
    /// The agent.
    pub(in crate::transfer) record: &'a AgentRecord,
    /// What opens its secrets; they stay out without it.
    pub(in crate::transfer) secrets: Option<&'a Secrets>,
    /// Its worlds: a component may only name one of them.
    pub(in crate::transfer) worlds: HashSet<WorldId>,
    /// The time of the export.
    pub(in crate::transfer) at: UnixMillis,
}

/// A payload being written. Its parts must come in the order of a snapshot.
pub(in crate::transfer) struct Document<W> {
    out: W,
    aside: Aside,
    agent: AgentId,
    name: String,
    worlds: HashSet<WorldId>,
    missing_rooms: Vec<RoomId>,
    /// The list that is open, and whether nothing is in it yet.
    open: Option<(Section, bool)>,
    counts: Counts,
}

impl<W: Write> Document<W> {
    /// Begins a payload.
    ///
    /// # Errors
    /// What the writer says.
    pub(in crate::transfer) fn begin(
        mut out: W,
        aside: Aside,
        head: DocumentHead<'_>,
    ) -> io::Result<Self> {
        let DocumentHead { record, secrets, worlds, at } = head;
        let character = records::character(&record.character, secrets);
        write!(out, "{{\"version\":{VERSION},\"exportedAt\":")?;
        serde_json::to_writer(&mut out, &iso(at))?;
        out.write_all(b",\"sourceAgentId\":")?;
        serde_json::to_writer(&mut out, &record.id)?;
        out.write_all(b",\"agent\":")?;
        serde_json::to_writer(&mut out, &records::agent(record, &character))?;
        out.write_all(b",\"characterConfig\":")?;
        serde_json::to_writer(&mut out, &character)?;
        Ok(Self {
            out,
            aside,
            agent: record.id,
            name: record.character.name.clone(),
            worlds,
            missing_rooms: Vec::new(),
            open: None,
            counts: Counts::default(),
        })
    }

    /// Writes one thing that is kept of the agent.
    ///
    /// # Errors
    /// What the writer says.
    pub(in crate::transfer) fn keep(&mut self, kept: Kept) -> io::Result<()> {
        match kept {
            // It is in the head.
            Kept::Agent(_) => Ok(()),
            Kept::MissingRoom(id) => {
                self.missing_rooms.push(id);
                Ok(())
            }
            Kept::MissingEntity(id) => {
                let stub = records::missing_entity(id, self.agent, &self.name);
                self.write(Section::Entities, &stub)
            }
            Kept::Entity(entity) => self.write(Section::Entities, &records::entity(*entity)),
            Kept::Memory(memory, embedding) => {
                if let Some(embedding) = embedding {
                    self.set_aside(&records::embedding(memory.id, &embedding))?;
                }
                self.write(Section::Memories, &records::memory(*memory))
            }
            Kept::Component(component) => {
                let is_world = component.world_id.is_some_and(|id| self.worlds.contains(&id));
                self.write(Section::Components, &records::component(*component, is_world))
            }
            Kept::Room(room) => self.write(Section::Rooms, &records::room(*room)),
            Kept::Participant(participant) => {
                self.write(Section::Participants, &records::participant(participant))
            }
            Kept::Relationship(relationship) => {
                self.write(Section::Relationships, &records::relationship(*relationship))
            }
            Kept::World(world) => self.write(Section::Worlds, &records::world(*world)),
            Kept::Task(task) => self.write(Section::Tasks, &records::task(*task)),
            Kept::Trigger(trigger) => self.write(Section::Tasks, &records::trigger(*trigger)),
            Kept::Goal(goal) => self.set_aside(&records::goal(&goal)),
            Kept::Log(entry) => self.write(Section::Logs, &records::log(*entry)),
        }
    }

    /// Writes a file of the workspace. No more of what is kept may come after the first.
    ///
    /// # Errors
    /// What the writer says.
    pub(in crate::transfer) fn file(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.write(Section::Own, &records::file(path, content))
    }

    /// Ends the payload; answers with the writer, and what was written.
    ///
    /// # Errors
    /// What the writer says.
    pub(in crate::transfer) fn finish(mut self) -> io::Result<(W, Counts)> {
        self.go_to(Section::Own)?;
        let Self { mut out, aside, open, counts, .. } = self;
        if aside.bytes() > 0 {
            if let Some((_, false)) = open {
                out.write_all(b",")?;
            }
            aside.replay(&mut out)?;
        }
        out.write_all(b"]}")?;
        Ok((out, counts))
    }

    fn write(&mut self, section: Section, record: &Value) -> io::Result<()> {
        self.go_to(section)?;
        if let Some((_, is_empty)) = &mut self.open {
            if !*is_empty {
                self.out.write_all(b",")?;
            }
            *is_empty = false;
        }
        self.counts.count(section);
        Ok(serde_json::to_writer(&mut self.out, record)?)
    }

    /// Opens the lists up to that one.
    fn go_to(&mut self, section: Section) -> io::Result<()> {
        for next in Section::ALL {
            if next > section || self.open.is_some_and(|(open, _)| open >= next) {
                continue;
            }
            if self.open.is_some() {
                self.out.write_all(b"]")?;
            }
            write!(self.out, ",\"{}\":[", next.name())?;
            self.open = Some((next, true));
            if next == Section::Rooms {
                for id in std::mem::take(&mut self.missing_rooms) {
                    self.write(Section::Rooms, &records::missing_room(id, self.agent))?;
                }
            }
        }
        Ok(())
    }

    fn set_aside(&mut self, record: &Value) -> io::Result<()> {
        if self.aside.bytes() > 0 {
            self.aside.write_all(b",")?;
        }
        Ok(serde_json::to_writer(&mut self.aside, record)?)
    }
}
