//! Batches: whole or not at all, in order, and never lost.

use std::slice::from_ref;

use futures::future::join_all;

use crate::channels::MessageServer;
use crate::error::StoreError;
use crate::facts::{Committed, Fact};
use crate::ids::AgentId;
use crate::letters::LetterStatus;
use crate::lifecycle::Lifecycle;
use crate::ports::{AgentQuery, Census, LogQuery, MemoryQuery, MessageQuery, WorldsOf};
use crate::runs::{RunStatus, Step};

use super::kit::{
    ADA, BOB, Subject, agent, created, end, happened, id, intended, letter, memory, participant,
    remembered, room, run, running, sent, settled, started, step, world,
};

pub(super) async fn a_new_store_is_empty(on: Subject) {
    let everything = AgentQuery { limit: u32::MAX, ..AgentQuery::default() };
    assert_eq!(on.agents(everything).await.unwrap(), []);
    assert_eq!(on.census().await.unwrap(), Census::default());
    assert!(!on.is_halted().await.unwrap());
    assert_eq!(on.agent(ADA).await.unwrap(), None);
    assert_eq!(on.agent_by_handle("ada").await.unwrap(), None);
    assert_eq!(on.seed(ADA).await.unwrap(), None);
    assert_eq!(on.seeds(None, u32::MAX).await.unwrap(), []);
    assert_eq!(on.memories(MemoryQuery::of(ADA, u32::MAX)).await.unwrap(), []);
    assert_eq!(on.logs(LogQuery::of(ADA, u32::MAX)).await.unwrap(), []);
    assert_eq!(on.events(ADA, 0, u32::MAX).await.unwrap(), []);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), None);
    assert_eq!(on.worlds_of(WorldsOf::All).await.unwrap(), []);
    assert_eq!(on.rooms(ADA).await.unwrap(), []);
    assert_eq!(on.entities(ADA).await.unwrap(), []);
    assert_eq!(on.steps(vec![id(1)]).await.unwrap(), []);
    assert_eq!(on.letter(id(1)).await.unwrap(), None);
    assert_eq!(on.waiting_letters(ADA, u32::MAX).await.unwrap(), []);
    assert_eq!(on.unembedded("test", u32::MAX).await.unwrap(), []);
    assert_eq!(on.message_servers().await.unwrap(), []);
    assert_eq!(on.channels(MessageServer::DEFAULT, 0, u32::MAX).await.unwrap(), []);
    let everything = MessageQuery { limit: u32::MAX, ..MessageQuery::default() };
    assert_eq!(on.messages(everything).await.unwrap(), []);
    assert_eq!(on.channel_events(id(1), 0, u32::MAX).await.unwrap(), []);
    assert_eq!(on.sessions(0, u32::MAX).await.unwrap(), []);
    assert_eq!(on.jobs(None, 0, u32::MAX).await.unwrap(), []);
}

pub(super) async fn a_batch_of_nothing_is_committed(on: Subject) {
    assert_eq!(on.keep([]).await, Committed::default());
}

pub(super) async fn facts_are_applied_in_order(on: Subject) {
    let mut second = room(ADA, 1, 20);
    second.name = "the second name".into();
    let committed = on
        .keep([
            created(ADA, "Ada"),
            Fact::LifecycleChanged { id: ADA, lifecycle: running() },
            Fact::RoomMet(Box::new(room(ADA, 1, 10))),
            Fact::RoomMet(Box::new(second.clone())),
            Fact::RoomSet(Box::new(second.clone())),
            Fact::Joined(participant(ADA, 1, 2, 10)),
            Fact::Left { agent_id: ADA, room_id: id(1), entity_id: id(2) },
            Fact::Left { agent_id: ADA, room_id: id(1), entity_id: id(2) },
        ])
        .await;
    assert_eq!(committed.affected, [1, 1, 1, 0, 1, 1, 1, 0]);
    assert_eq!(on.agent(ADA).await.unwrap().unwrap().lifecycle, running());
    assert_eq!(on.room(ADA, id(1)).await.unwrap(), Some(second));

    let again = Fact::AgentRemoved { id: ADA, keep_memories: false };
    on.keep([again, created(ADA, "Ada anew")]).await;
    assert_eq!(on.agent(ADA).await.unwrap().unwrap().character.name, "Ada anew");
}

pub(super) async fn a_failed_batch_changes_nothing(on: Subject) {
    let on = on.with_agents().await;
    let (open, sent_before) = (run(ADA, 1, 10), letter(ADA, 1, 10));
    let known = memory(ADA, 1, 10, "as it was");
    let lives = [
        started(&open),
        sent(&sent_before),
        remembered(&known),
        happened(ADA, 10),
        Fact::RoomSet(Box::new(room(ADA, 1, 10))),
        Fact::Joined(participant(ADA, 1, 2, 10)),
    ];
    on.keep(lives).await;

    let stranger: AgentId = id(99);
    let ways_to_fail = [
        (created(BOB, "Bob"), StoreError::Exists { what: "agent", id: BOB.0 }),
        (
            Fact::LifecycleChanged { id: stranger, lifecycle: Lifecycle::default() },
            StoreError::Missing { what: "agent", id: stranger.0 },
        ),
    ];
    for (last, expected) in ways_to_fail {
        let mut facts = vec![
            created(id(3), "Cat"),
            Fact::LifecycleChanged { id: ADA, lifecycle: running() },
            happened(ADA, 20),
            happened(BOB, 20),
            started(&run(ADA, 2, 20)),
            Fact::RunEnded(Box::new(end(&open, RunStatus::Completed, 20))),
            sent(&letter(ADA, 2, 20)),
            Fact::LetterTried(sent_before.id),
            remembered(&memory(ADA, 1, 20, "as it would be")),
            remembered(&memory(ADA, 2, 20, "another")),
            Fact::WorldSet(Box::new(world(ADA, 1, 20))),
            Fact::RoomRemoved { agent_id: ADA, room_id: id(1) },
            Fact::FleetHalted(true),
            Fact::AgentRemoved { id: ADA, keep_memories: false },
        ];
        facts.push(last);
        let failed = on.try_keep(facts).await.unwrap_err();
        assert_eq!(failed, expected);

        assert_eq!(on.agent(ADA).await.unwrap(), Some(agent(ADA, "Ada")));
        assert_eq!(on.agent(id(3)).await.unwrap(), None);
        assert_eq!(on.agent_by_handle("cat").await.unwrap(), None);
        assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((1, 1)));
        assert_eq!(on.event_bounds(BOB).await.unwrap(), None);
        assert_eq!(on.run(ADA, id(1)).await.unwrap(), Some(open.clone()));
        assert_eq!(on.run(ADA, id(2)).await.unwrap(), None);
        assert_eq!(on.letter(id(1)).await.unwrap(), Some(sent_before.clone()));
        assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), from_ref(&sent_before));
        assert_eq!(on.memories(MemoryQuery::of(ADA, 9)).await.unwrap(), from_ref(&known));
        assert_eq!(on.worlds_of(WorldsOf::Agent(ADA)).await.unwrap(), []);
        assert_eq!(on.room(ADA, id(1)).await.unwrap(), Some(room(ADA, 1, 10)));
        assert_eq!(on.participants(ADA, id(1)).await.unwrap(), [participant(ADA, 1, 2, 10)]);
        assert!(!on.is_halted().await.unwrap());
    }
}

/// Whether a second beginning is refused or affects nothing is the store's to choose.
pub(super) async fn what_was_begun_is_not_begun_again(on: Subject) {
    let on = on.with_agents().await;
    let (run, letter) = (run(ADA, 1, 10), letter(ADA, 1, 10));
    let intent = step(&run, 0);
    on.keep([
        started(&run),
        intended(&intent),
        sent(&letter),
        Fact::RunEnded(Box::new(end(&run, RunStatus::Completed, 20))),
        settled(letter.id, LetterStatus::Answered),
    ])
    .await;
    let other = Step { name: "another".into(), ..intent.clone() };
    for again in [started(&run), intended(&other), sent(&letter)] {
        if let Ok(committed) = on.try_keep([again]).await {
            assert_eq!(committed.affected, [0]);
        }
    }
    assert_eq!(on.run(ADA, run.id).await.unwrap().unwrap().status, RunStatus::Completed);
    let kept = on.steps(vec![run.id]).await.unwrap();
    assert_eq!((kept.len(), &kept[0].name), (1, &intent.name));
    assert_eq!(on.letter(letter.id).await.unwrap().unwrap().status, LetterStatus::Answered);
    assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), []);
}

pub(super) async fn a_write_is_carried_out_though_its_future_is_dropped(on: Subject) {
    drop(on.commit(on.batch([created(ADA, "Ada")])));
    on.keep([happened(ADA, 10)]).await;
    assert_eq!(on.agent(ADA).await.unwrap(), Some(agent(ADA, "Ada")));
}

pub(super) async fn writers_at_once_lose_nothing(on: Subject) {
    const WRITERS: i64 = 64;
    let on = on.with_agents().await;
    let commits =
        (0..WRITERS).map(|at| on.commit(on.batch([happened(ADA, at), happened(BOB, at)])));
    let mut answered = Vec::new();
    for committed in join_all(commits).await {
        answered.extend(committed.unwrap().events);
    }
    for agent in [ADA, BOB] {
        let mut of_agent: Vec<_> =
            answered.iter().filter(|event| event.agent_id == agent).cloned().collect();
        of_agent.sort_by_key(|event| event.seq);
        assert_eq!(on.events(agent, 0, u32::MAX).await.unwrap(), of_agent);
        assert!(of_agent.iter().map(|event| event.seq).eq(1..=64));
    }
}

pub(super) async fn the_fleet_is_halted_until_it_is_let_go(on: Subject) {
    for is_halted in [true, true, false, false, true] {
        on.keep([Fact::FleetHalted(is_halted)]).await;
        assert_eq!(on.is_halted().await.unwrap(), is_halted);
    }
}
