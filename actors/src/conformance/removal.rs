//! Removing an agent.

use crate::channels::ChannelMessage;
use crate::facts::Fact;
use crate::ids::{AgentId, EntityId, ServerId};
use crate::ports::{LogQuery, MemoryQuery, RunQuery, SearchQuery, WorldsOf};
use crate::records::{Embedding, Memory};
use crate::time::UnixMillis;
use crate::triggers::FiringStatus;

use super::kit::{
    ADA, BOB, Subject, channel, channel_happened, channel_set, created, firing, happened, id,
    intended, job, job_set, joined, letter, memory, message, message_set, participant, remembered,
    room, run, sent, server, server_set, session, session_set, started, step, trigger, trigger_set,
    world,
};
use super::{goals, logs, people};

/// Gives the agent something of everything; ids of runs, letters and logs start at `base`.
async fn settle_in(on: &Subject, agent: AgentId, base: u128) -> Memory {
    let run = run(agent, base, 10);
    let memory = memory(agent, base, 10, "teapots are round");
    on.keep([
        happened(agent, 10),
        happened(agent, 11),
        Fact::Reflected { id: agent, at: UnixMillis(12) },
        started(&run),
        intended(&step(&run, 0)),
        sent(&letter(agent, base, 10)),
        remembered(&memory),
        Fact::Embedded { agent_id: agent, memory_id: memory.id, embedding: embedding() },
        Fact::WorldSet(Box::new(world(agent, 1, 10))),
        Fact::RoomSet(Box::new(room(agent, 1, 10))),
        Fact::Joined(participant(agent, 1, agent.0.as_u128(), 10)),
        Fact::EntitySet(Box::new(people::entity(agent, 2, 10))),
        Fact::ComponentSet(Box::new(people::component(agent, base, 2, 10))),
        Fact::RelationshipSet(Box::new(people::relationship(agent, base, 2, 3, 10))),
        Fact::TaskSet(Box::new(people::task(agent, base, 10))),
        Fact::GoalSet(Box::new(goals::goal(agent, base, 10))),
        Fact::Logged(Box::new(logs::entry(agent, base, 10))),
        trigger_set(&trigger(agent, base, 10)),
        Fact::FiringSet(Box::new(firing(agent, base, 10, FiringStatus::Waiting, base))),
    ])
    .await;
    memory
}

fn embedding() -> Embedding {
    Embedding { embedder: "test-2".into(), vector: vec![0.6, 0.8] }
}

/// How many rows of each sort the agent has, memories last.
async fn belongings(on: &Subject, agent: AgentId, base: u128) -> [usize; 19] {
    let all_runs = RunQuery {
        agent_id: agent,
        room_id: None,
        letter_id: None,
        firing_id: None,
        statuses: Vec::new(),
        from: None,
        to: None,
        offset: 0,
        limit: 9,
    };
    let words = SearchQuery {
        agent_id: agent,
        kind: None,
        room_id: None,
        text: "teapots".into(),
        embedding: Some(embedding()),
        limit: 9,
    };
    [
        on.seed(agent).await.unwrap().iter().count(),
        on.events(agent, 0, 9).await.unwrap().len(),
        on.runs(all_runs).await.unwrap().len(),
        on.steps(vec![id(base)]).await.unwrap().len(),
        on.letter(id(base)).await.unwrap().iter().count(),
        on.waiting_letters(agent, 9).await.unwrap().len(),
        on.worlds_of(WorldsOf::Agent(agent)).await.unwrap().len(),
        on.rooms(agent).await.unwrap().len(),
        on.participants(agent, id(1)).await.unwrap().len(),
        on.entities(agent).await.unwrap().len(),
        on.components(agent, None).await.unwrap().len(),
        on.relationships(agent).await.unwrap().len(),
        on.tasks(agent).await.unwrap().len(),
        on.goals(agent).await.unwrap().len(),
        on.logs(LogQuery::of(agent, 9)).await.unwrap().len(),
        on.triggers(agent).await.unwrap().len(),
        on.open_firings(agent, None, 9).await.unwrap().len(),
        on.memories(MemoryQuery::of(agent, 9)).await.unwrap().len(),
        on.search(words).await.unwrap().len(),
    ]
}

const EVERYTHING: [usize; 19] = [1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];

pub(super) async fn with_an_agent_goes_everything_of_its_own(on: Subject) {
    let on = on.with_agents().await;
    settle_in(&on, ADA, 100).await;
    settle_in(&on, BOB, 200).await;
    assert_eq!(belongings(&on, ADA, 100).await, EVERYTHING);

    assert!(on.affected(Fact::AgentRemoved { id: ADA, keep_memories: false }).await >= 1);
    assert_eq!(on.agent(ADA).await.unwrap(), None);
    assert_eq!(belongings(&on, ADA, 100).await, [0; 19]);
    assert_eq!(on.embeddings(ADA, vec![id(100)]).await.unwrap(), []);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), None);
    assert_eq!(belongings(&on, BOB, 200).await, EVERYTHING, "others keep what is theirs");
}

pub(super) async fn memories_stay_where_they_are_to_be_kept(on: Subject) {
    let on = on.with_agents().await;
    let kept = settle_in(&on, ADA, 100).await;
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(
        belongings(&on, ADA, 100).await,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        "the memories alone are left, and still found"
    );
    assert_eq!(on.memory(ADA, kept.id).await.unwrap().as_ref(), Some(&kept));

    on.keep([created(ADA, "Ada")]).await;
    assert_eq!(on.memory(ADA, kept.id).await.unwrap(), Some(kept), "they wait for its return");
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: false }]).await;
    assert_eq!(on.count_memories(MemoryQuery::of(ADA, 0)).await.unwrap(), 0);
}

pub(super) async fn removing_nobody_affects_nothing(on: Subject) {
    let on = on.with_agents().await;
    for keep_memories in [true, false] {
        assert_eq!(on.affected(Fact::AgentRemoved { id: id(9), keep_memories }).await, 0);
    }
    assert_eq!(on.census().await.unwrap().total(), 2);
}

pub(super) async fn an_agent_made_anew_begins_anew(on: Subject) {
    let on = on.with_agents().await;
    settle_in(&on, ADA, 100).await;
    on.keep([
        Fact::AgentRemoved { id: ADA, keep_memories: false },
        created(ADA, "Ada"),
        happened(ADA, 50),
    ])
    .await;
    let seed = on.seed(ADA).await.unwrap().unwrap();
    assert_eq!((seed.reflected_at, seed.has_letters, seed.has_firings), (None, false, false));
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((1, 1)));
    assert_eq!(on.agent(ADA).await.unwrap().unwrap().handle, "ada");
}

pub(super) async fn with_an_agent_goes_its_part_in_what_is_shared(on: Subject) {
    let on = on.with_agents().await;
    let said = ChannelMessage { author_id: ADA.into(), ..message(1, 1, 10, "teapots are round") };
    on.keep([server_set(&server(1, 10)), channel_set(&channel(1, 10)), message_set(&said)]).await;
    on.keep([channel_happened(1, 10), joined(1, 2, 10)]).await;
    for (agent, number) in [(ADA, 10), (BOB, 20)] {
        on.keep([
            Fact::Enlisted { server_id: id(1), agent_id: agent, at: UnixMillis(20) },
            joined(1, agent.0.as_u128(), 20),
            session_set(&session(agent, 1, number, 10)),
            job_set(&job(agent, 1, number, 10)),
        ])
        .await;
    }
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(on.enlisted(id(1)).await.unwrap(), [BOB]);
    assert_eq!(on.servers_of(ADA).await.unwrap(), []);
    assert_eq!(on.servers_of(BOB).await.unwrap(), [id::<ServerId>(1)]);
    let members = on.channel_participants(id(1)).await.unwrap();
    let members: Vec<EntityId> = members.into_iter().map(|(user, _)| user).collect();
    assert_eq!(members, [id(2), EntityId::from(BOB)]);
    assert_eq!(on.sessions(0, 9).await.unwrap(), [session(BOB, 1, 20, 10)]);
    assert_eq!(on.jobs(None, 0, 9).await.unwrap(), [job(BOB, 1, 20, 10)]);
    assert_eq!(on.channel(id(1)).await.unwrap(), Some(channel(1, 10)), "channels stay");
    assert_eq!(on.message(said.id).await.unwrap(), Some(said), "and what was said in them");
    assert_eq!(on.channel_events(id(1), 0, 9).await.unwrap().len(), 1);
}
