//! What belongs to no single agent: message servers, channels, what is said there, sessions, jobs.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::channels::{
    Addressed, Channel, ChannelEvent, ChannelMessage, Job, JobStatus, MessageServer,
    NewChannelEvent, Session,
};
use crate::documents::Document;
use crate::facts::Epoch;
use crate::ids::{AgentId, ChannelId, ChannelMessageId, EntityId, ServerId, SessionId};
use crate::ports::{JobCensus, MessageQuery, Retention};
use crate::time::UnixMillis;

use super::queries::{page, size};
use super::search::words;
use super::table::{Enlistment, Part, Presence, Table, count};

/// What agents and people share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) servers: Table<MessageServer>,
    pub(super) enlistments: Table<Enlistment>,
    pub(super) channels: Table<Channel>,
    pub(super) presences: Table<Presence>,
    pub(super) messages: Table<ChannelMessage>,
    /// Messages on their way, each with the boot that sent it.
    pub(super) addressed: BTreeMap<(ChannelMessageId, AgentId), (Epoch, Addressed)>,
    pub(super) sessions: Table<Session>,
    pub(super) jobs: Table<Job>,
    /// Documents by shelf and key.
    pub(super) documents: BTreeMap<(String, String), Document>,
    /// The kept end of each channel's sequence, also of channels that were removed; never emptied.
    pub(super) events: HashMap<ChannelId, VecDeque<ChannelEvent>>,
}

/// What the facts change.
impl Shared {
    pub(super) fn enlist(&mut self, of: ServerId, member: AgentId, since: UnixMillis) -> u64 {
        self.enlistments.meet(Part { of, member, since })
    }

    pub(super) fn join(&mut self, of: ChannelId, member: EntityId, since: UnixMillis) -> u64 {
        self.presences.meet(Part { of, member, since })
    }

    pub(super) fn remove_server(&mut self, id: ServerId) -> u64 {
        self.enlistments.remove_where(|enlistment| enlistment.of == id);
        let channels = self.channels.oldest_first().filter(|channel| channel.server_id == id);
        for channel in channels.map(|channel| channel.id).collect::<Vec<_>>() {
            self.remove_channel(channel);
        }
        self.servers.remove(id).map_or(0, |_| 1)
    }

    pub(super) fn remove_channel(&mut self, id: ChannelId) -> u64 {
        self.presences.remove_where(|presence| presence.of == id);
        self.messages.remove_where(|message| message.channel_id == id);
        self.sessions.remove_where(|session| session.channel_id == id);
        self.jobs.remove_where(|job| job.channel_id == id);
        self.channels.remove(id).map_or(0, |_| 1)
    }

    /// The agent takes no part in anything any more.
    pub(super) fn remove_agent(&mut self, id: AgentId) {
        self.enlistments.remove_where(|enlistment| enlistment.member == id);
        self.presences.remove_where(|presence| presence.member == EntityId::from(id));
        self.addressed.retain(|(_, agent), _| *agent != id);
        self.sessions.remove_where(|session| session.agent_id == id);
        self.jobs.remove_where(|job| job.agent_id == id);
    }

    pub(super) fn happened(&mut self, event: NewChannelEvent) -> ChannelEvent {
        let NewChannelEvent { channel_id, at, kind, data } = event;
        let events = self.events.entry(channel_id).or_default();
        let seq = events.back().map_or(1, |newest| newest.seq + 1);
        let event = ChannelEvent { channel_id, seq, at, kind, data };
        events.push_back(event.clone());
        event
    }

    /// The first end of a job stands.
    pub(super) fn set_job(&mut self, job: Job) -> u64 {
        let is_ended = self.jobs.get(job.id).is_some_and(|known| known.status.is_ended());
        if is_ended { 0 } else { self.jobs.set(job) }
    }

    pub(super) fn prune_events(&mut self, retention: &Retention) -> u64 {
        let most = usize::try_from(retention.events_per_channel).unwrap_or(usize::MAX);
        if most == 0 {
            return 0;
        }
        let mut pruned = 0;
        for events in self.events.values_mut() {
            let surplus = events.len().saturating_sub(most);
            pruned += count(events.drain(..surplus).len());
        }
        pruned
    }

    pub(super) fn prune_jobs(&mut self, retention: &Retention, now: UnixMillis) -> u64 {
        let Some(cutoff) = retention.jobs_for.map(|age| now.minus(age)) else { return 0 };
        self.jobs.remove_where(|job| {
            job.status.is_ended() && job.ended_at.unwrap_or(job.created_at) < cutoff
        })
    }
}

/// What is asked.
impl Shared {
    pub(super) fn enlisted(&self, server: ServerId) -> Vec<AgentId> {
        let parts = self.enlistments.oldest_first().filter(|enlistment| enlistment.of == server);
        parts.map(|enlistment| enlistment.member).collect()
    }

    pub(super) fn servers_of(&self, agent: AgentId) -> Vec<ServerId> {
        let parts = self.enlistments.oldest_first().filter(|enlistment| enlistment.member == agent);
        parts.map(|enlistment| enlistment.of).collect()
    }

    pub(super) fn channels_of(
        &self,
        server: ServerId,
    ) -> impl DoubleEndedIterator<Item = &Channel> + Clone {
        let is_there = move |channel: &&Channel| channel.server_id == server;
        self.channels.oldest_first().filter(is_there)
    }

    pub(super) fn channel_by_source(&self, server: ServerId, source: &str) -> Option<Channel> {
        let mut channels = self.channels_of(server);
        channels.find(|channel| channel.source_id.as_deref() == Some(source)).cloned()
    }

    pub(super) fn dm_channel(
        &self,
        server: ServerId,
        one: EntityId,
        other: EntityId,
    ) -> Option<Channel> {
        let both = BTreeSet::from([one, other]);
        let mut channels = self.channels_of(server).filter(|channel| channel.kind == "DM");
        let members = |id| self.presences_in(id).map(|(member, _)| member).collect::<BTreeSet<_>>();
        channels.find(|channel| members(channel.id) == both).cloned()
    }

    pub(super) fn presences_in(
        &self,
        id: ChannelId,
    ) -> impl Iterator<Item = (EntityId, UnixMillis)> {
        let parts = self.presences.oldest_first().filter(move |presence| presence.of == id);
        parts.map(|presence| (presence.member, presence.since))
    }

    pub(super) fn messages(&self, query: &MessageQuery) -> Vec<ChannelMessage> {
        let wanted = query.text.as_deref().map(wanted);
        if wanted.as_ref().is_some_and(BTreeSet::is_empty) {
            return Vec::new();
        }
        let matches = |message: &&ChannelMessage| {
            query.channel_id.is_none_or(|channel| message.channel_id == channel)
                && query.author_id.is_none_or(|author| message.author_id == author)
                && query.before.is_none_or(|before| message.created_at < before)
                && query.after.is_none_or(|after| message.created_at > after)
                && wanted.as_ref().is_none_or(|wanted| {
                    let said: BTreeSet<_> = words(&message.content).collect();
                    wanted.is_subset(&said)
                })
        };
        let found = self.messages.oldest_first().filter(matches);
        if query.is_oldest_first {
            page(found, query.offset, query.limit)
        } else {
            page(found.rev(), query.offset, query.limit)
        }
    }

    pub(super) fn events(&self, id: ChannelId, after: u64, limit: u32) -> Vec<ChannelEvent> {
        let Some(events) = self.events.get(&id) else { return Vec::new() };
        let first = events.partition_point(|event| event.seq <= after);
        events.range(first..).take(size(limit)).cloned().collect()
    }

    pub(super) fn expired_sessions(&self, now: UnixMillis, limit: u32) -> Vec<SessionId> {
        let all = self.sessions.oldest_first().map(|session| (session.expires_at, session.id));
        let expired: BTreeSet<_> = all.filter(|(expires_at, _)| *expires_at < now).collect();
        expired.into_iter().map(|(_, id)| id).take(size(limit)).collect()
    }

    pub(super) fn job_of_channel(&self, id: ChannelId) -> Option<Job> {
        self.jobs.newest_first().find(|job| job.channel_id == id).cloned()
    }

    pub(super) fn jobs(&self, status: Option<JobStatus>, offset: u32, limit: u32) -> Vec<Job> {
        let jobs = self.jobs.newest_first();
        page(jobs.filter(|job| status.is_none_or(|status| job.status == status)), offset, limit)
    }

    pub(super) fn job_census(&self) -> JobCensus {
        let of = |status| self.jobs.oldest_first().filter(move |job| job.status == status);
        let counts = JobStatus::ALL.map(|status| (status, count(of(status).count())));
        let took = of(JobStatus::Completed)
            .filter_map(|job| Some(job.ended_at?.0.saturating_sub(job.created_at.0)));
        JobCensus {
            counts: counts.into_iter().filter(|(_, number)| *number > 0).collect(),
            completed_took_ms: took.filter_map(|took| u64::try_from(took).ok()).sum(),
        }
    }
}

/// The different words that are looked for.
fn wanted(text: &str) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    for word in words(text) {
        if wanted.len() < MessageQuery::WORDS_MAX {
            wanted.insert(word);
        }
    }
    wanted
}
