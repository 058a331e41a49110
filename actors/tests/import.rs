//! Agents on their way in: there whole or not at all.

use greenroom_actors::agent::Change;
use greenroom_actors::channels::MessageServer;
use greenroom_actors::character::{AgentRecord, Character};
use greenroom_actors::error::{CoreError, StoreError};
use greenroom_actors::facts::{EventKind, Fact, NewEvent};
use greenroom_actors::goals::{Goal, GoalStatus};
use greenroom_actors::ids::{AgentId, EntityId, GoalId, MemoryId, RoomId};
use greenroom_actors::lifecycle::{Autonomy, Command, Desired, Lifecycle, State};
use greenroom_actors::ports::{MemoryQuery, Store};
use greenroom_actors::records::{Entity, Memory};
use greenroom_actors::registry::{IMPORT_SLICE, Import};
use greenroom_actors::settings::Settings;
use greenroom_actors::time::UnixMillis;
use serde_json::{Map, Value, json};

use crate::support::{Stage, settings, start_autonomous};

fn remembered(agent_id: AgentId, text: &str) -> Fact {
    Fact::Remembered(Box::new(Memory {
        id: MemoryId::new(),
        agent_id,
        kind: "documents".to_owned(),
        room_id: RoomId(agent_id.0),
        world_id: None,
        entity_id: EntityId::new(),
        content: json!({"text": text}).as_object().cloned().unwrap(),
        metadata: Map::new(),
        unique: true,
        created_at: UnixMillis(5),
        updated_at: UnixMillis(5),
    }))
}

fn goal(agent_id: AgentId) -> Fact {
    Fact::GoalSet(Box::new(Goal {
        id: GoalId::new(),
        agent_id,
        text: "mend the roof".to_owned(),
        status: GoalStatus::Open,
        outcome: None,
        rests_until: None,
        created_at: UnixMillis(5),
        updated_at: UnixMillis(5),
    }))
}

fn entity(agent_id: AgentId) -> Fact {
    Fact::EntitySet(Box::new(Entity {
        id: EntityId::new(),
        agent_id,
        names: vec!["Grace".to_owned()],
        metadata: Map::new(),
        created_at: UnixMillis(5),
    }))
}

/// Eve, as a file may tell of her.
fn eve(id: AgentId) -> AgentRecord {
    AgentRecord {
        id,
        handle: "whatever".to_owned(),
        character: Character { id: Some(AgentId::new()), ..Character::named("Eve") },
        enabled: true,
        lifecycle: Lifecycle {
            desired: Desired::Running,
            started_at: Some(UnixMillis(5)),
            autonomy: Some(Autonomy { every_ms: 60_000 }),
            ..Lifecycle::default()
        },
        created_at: UnixMillis(7),
        updated_at: UnixMillis(8),
    }
}

/// An import of an agent of two slices, the last of which is still to come.
async fn begun(stage: &Stage) -> Import {
    let id = AgentId::new();
    let import = stage.registry.begin_import(id).await.unwrap();
    let slice = vec![remembered(id, "the roof leaks"), entity(id), goal(id)];
    import.keep(slice).await.unwrap();
    import
}

async fn memories(stage: &Stage, id: AgentId) -> u64 {
    stage.store.count_memories(MemoryQuery::of(id, 0)).await.unwrap()
}

#[actix::test]
async fn an_agent_that_comes_in_is_there_whole_and_goes_on_as_any_other() {
    let stage = Stage::set().await;
    let first = stage.registry.create(Character::named("Eve")).await.unwrap();
    let import = begun(&stage).await;
    let id = import.agent();
    assert_eq!(stage.registry.status(id).await.unwrap_err(), CoreError::AgentNotFound(id));
    let of_that_id = Character { id: Some(id), ..Character::named("Mallory") };
    let refused = stage.registry.create(of_that_id).await;
    assert_eq!(refused.unwrap_err(), CoreError::AlreadyExists(id));

    let record = import.finish(eve(id), vec![remembered(id, "it rains")]).await.unwrap();
    assert_eq!((first.handle.as_str(), record.handle.as_str()), ("eve", "eve-2"));
    assert_eq!((record.id, record.character.id), (id, Some(id)));
    assert_eq!((record.created_at, record.updated_at), (UnixMillis(7), UnixMillis(8)));
    let status = stage.registry.status(id).await.unwrap();
    assert_eq!(status.state, State::Stopped, "whatever it was elsewhere");
    assert_eq!(status.lifecycle.autonomy, Some(Autonomy { every_ms: 60_000 }));
    assert_eq!(memories(&stage, id).await, 2);
    let events = stage.store.events(id, 0, 9).await.unwrap();
    assert_eq!((events.len(), events[0].seq, events[0].kind), (1, 1, EventKind::Created));
    assert_eq!(Value::Object(events[0].data.clone()), json!({"imported": true}));
    assert_eq!(stage.store.servers_of(id).await.unwrap(), [MessageServer::DEFAULT]);

    let stage = stage.boot_again().await;
    assert_eq!(stage.registry.record(id).await.unwrap(), record);
    assert_eq!(memories(&stage, id).await, 2);
    assert_eq!(stage.store.entities(id).await.unwrap().len(), 1);
}

#[actix::test]
async fn what_came_in_is_thought_about_with_the_first_tick() {
    let stage = Stage::set().await;
    let import = begun(&stage).await;
    let id = import.agent();
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 0, "nothing runs before");
    import.finish(eve(id), Vec::new()).await.unwrap();
    stage.advance(600).await;
    assert_eq!(stage.model.calls(), 0, "nor while it is stopped");
    stage.registry.ask(id, start_autonomous()).await.unwrap();
    stage.advance(0).await;
    assert_eq!(stage.model.calls(), 1);
}

#[actix::test]
async fn an_import_that_is_dropped_leaves_nothing() {
    let stage = Stage::set().await;
    for is_awaited in [true, false] {
        let import = begun(&stage).await;
        let id = import.agent();
        assert_eq!(memories(&stage, id).await, 1);
        if is_awaited {
            import.abandon().await;
        } else {
            drop(import);
            stage.clock.settle().await;
        }
        assert_eq!(memories(&stage, id).await, 0);
        assert_eq!(stage.store.goals(id).await.unwrap(), []);
        assert_eq!(stage.store.left_imports(9).await.unwrap(), []);
        let again = stage.registry.begin_import(id).await.unwrap();
        again.finish(eve(id), Vec::new()).await.unwrap();
    }
}

#[actix::test]
async fn what_a_killed_process_left_is_removed_by_the_next() {
    let stage = Stage::set().await;
    let import = begun(&stage).await;
    let id = import.agent();
    let stage = stage.boot_again().await;
    stage.clock.settle().await;
    assert_eq!(memories(&stage, id).await, 0);
    assert_eq!(stage.store.entities(id).await.unwrap(), []);
    assert_eq!(stage.store.left_imports(9).await.unwrap(), []);

    // The one before, should it still be there, brings nothing in any more.
    let again = stage.registry.begin_import(id).await.unwrap();
    let late = import.keep(vec![remembered(id, "late")]).await;
    assert_eq!(late, Err(CoreError::Store(StoreError::Fenced)));
    let late = import.finish(eve(id), Vec::new()).await;
    assert_eq!(late.unwrap_err(), CoreError::Store(StoreError::Fenced));
    stage.clock.settle().await;
    again.finish(eve(id), Vec::new()).await.unwrap();
    assert_eq!(memories(&stage, id).await, 0);
}

#[actix::test]
async fn only_rows_of_that_agent_come_in_and_not_too_many_at_once() {
    let stage = Stage::set().await;
    let import = begun(&stage).await;
    let (id, other) = (import.agent(), AgentId::new());
    let event =
        NewEvent { agent_id: id, at: UnixMillis(1), kind: EventKind::Created, data: Map::new() };
    for slice in [
        vec![entity(id), entity(other)],
        vec![Fact::Happened(event)],
        vec![Fact::AgentCreated(Box::new(eve(id)))],
        vec![Fact::AgentRemoved { id, keep_memories: false }],
        vec![Fact::ServerRemoved(MessageServer::DEFAULT)],
        vec![Fact::ImportFinished { agent_id: id }],
        (0..=IMPORT_SLICE).map(|_| entity(id)).collect(),
    ] {
        let refused = import.keep(slice).await;
        assert!(matches!(refused, Err(CoreError::Invalid { field: "facts", .. })), "{refused:?}");
    }
    assert_eq!(stage.store.entities(id).await.unwrap().len(), 1);
    import.keep((0..IMPORT_SLICE).map(|_| entity(id)).collect()).await.unwrap();

    for (record, field) in
        [(eve(other), "id"), (AgentRecord { character: Character::named(""), ..eve(id) }, "name")]
    {
        let import = begun(&stage).await;
        let id = import.agent();
        let record = AgentRecord { id: if field == "id" { other } else { id }, ..record };
        let refused = import.finish(record, Vec::new()).await;
        assert!(matches!(refused, Err(CoreError::Invalid { field: at, .. }) if at == field));
        stage.clock.settle().await;
        assert_eq!(memories(&stage, id).await, 0);
    }
}

#[actix::test]
async fn an_end_that_is_not_kept_leaves_nothing() {
    let stage = Stage::set().await;
    let import = begun(&stage).await;
    let id = import.agent();
    stage.store.fail_next_commit(StoreError::Full("/data".to_owned()));
    let failed = import.finish(eve(id), Vec::new()).await;
    assert!(matches!(failed, Err(CoreError::Store(StoreError::Full(_)))));
    stage.clock.settle().await;
    assert_eq!(stage.registry.status(id).await.unwrap_err(), CoreError::AgentNotFound(id));
    assert_eq!(memories(&stage, id).await, 0);
}

#[actix::test]
async fn an_end_that_nobody_waited_for_is_whole_or_nothing() {
    let stage = Stage::with(Settings { ask_deadline_ms: 1, ..settings() }).await;
    let import = begun(&stage).await;
    let id = import.agent();
    stage.store.hold_commits();
    let late = import.finish(eve(id), vec![remembered(id, "it rains")]).await;
    assert!(matches!(late, Err(CoreError::DeadlineExceeded(_))));
    stage.store.release_commits();
    stage.clock.settle().await;
    assert_eq!(memories(&stage, id).await, 2, "the removal came after its end");
    assert!(stage.store.agent(id).await.unwrap().is_some());
    assert_eq!(stage.store.left_imports(9).await.unwrap(), []);
}

#[actix::test]
async fn so_many_come_in_at_once_and_no_more() {
    let stage = Stage::set().await;
    let mut under_way = Vec::new();
    for _ in 0..4 {
        under_way.push(begun(&stage).await);
    }
    let refused = stage.registry.begin_import(AgentId::new()).await;
    assert_eq!(refused.unwrap_err(), CoreError::Overloaded);
    let last = under_way.pop().unwrap();
    let id = last.agent();
    last.finish(eve(id), Vec::new()).await.unwrap();
    begun(&stage).await.abandon().await;
    drop(under_way);
    stage.clock.settle().await;
    let known = stage.registry.begin_import(id).await;
    assert_eq!(known.unwrap_err(), CoreError::AlreadyExists(id));
}

#[actix::test]
async fn a_halted_fleet_takes_agents_in_and_they_do_nothing() {
    let stage = Stage::set().await;
    stage.registry.halt().await.unwrap();
    let import = begun(&stage).await;
    let id = import.agent();
    import.finish(eve(id), Vec::new()).await.unwrap();
    assert_eq!(stage.registry.status(id).await.unwrap().state, State::Stopped);
    let refused = stage.registry.ask(id, Change::to(Command::Start)).await;
    assert_eq!(refused.unwrap_err(), CoreError::Halted);
    stage.registry.lift().await.unwrap();
    stage.registry.ask(id, Change::to(Command::Start)).await.unwrap();
}
