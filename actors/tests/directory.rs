//! Every agent by its handle: exact names, other names, and who is told.

use std::sync::Arc;

use greenroom_actors::agent::{Change, Delivery, SetAutonomy};
use greenroom_actors::character::Character;
use greenroom_actors::directory::{AgentChange, Changed};
use greenroom_actors::error::CoreError;
use greenroom_actors::ids::{AgentId, EntityId, RoomId};
use greenroom_actors::lifecycle::{Autonomy, Command, State};
use greenroom_actors::ports::{Clock, Store};
use greenroom_actors::records::Room;
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::support::{Act, Stage};

fn taken(handle: &str) -> CoreError {
    CoreError::HandleTaken(handle.to_owned())
}

fn patch(name: &str) -> serde_json::Map<String, serde_json::Value> {
    json!({"name": name}).as_object().cloned().unwrap()
}

/// The directory says of every agent what the store does.
async fn assert_true(stage: &Stage) {
    let mut kept = stage.store.listed(None, u32::MAX).await.unwrap();
    let mut known = stage.registry.directory().snapshot();
    kept.sort_by_key(|listed| listed.id);
    known.sort_by_key(|listed| listed.id);
    assert_eq!(known, kept);
    assert_eq!(stage.registry.directory().count(), kept.len());
    for listed in kept {
        assert_eq!(stage.registry.directory().resolve(&listed.handle), Some(listed.id));
        assert_eq!(stage.registry.directory().find(&listed.handle).as_ref(), Some(&listed));
        assert_eq!(stage.registry.directory().get(listed.id), Some(listed));
    }
}

#[actix::test]
async fn it_says_what_the_store_does_after_every_change_and_over_a_boot() {
    let stage = Stage::set().await;
    let registry = stage.registry.clone();
    let ada = registry.create(Character::named("Ada")).await.unwrap().id;
    let bob = registry.create_as(Character::named("Bob"), "b_o.b").await.unwrap().id;
    assert_true(&stage).await;
    registry.ask(ada, Change::to(Command::Start)).await.unwrap();
    registry.ask(bob, SetAutonomy(Some(Autonomy { every_ms: 5_000 }))).await.unwrap();
    assert_true(&stage).await;
    assert_eq!(registry.directory().get(ada).unwrap().state, State::Running);
    registry.ask(ada, Change::to(Command::Pause)).await.unwrap();
    registry.revise(bob, patch("Ada")).await.unwrap();
    assert_eq!(registry.directory().resolve("ada-2"), Some(bob));
    assert_eq!(registry.directory().resolve("b_o.b"), None);
    registry.rename(ada, "countess").await.unwrap();
    assert_true(&stage).await;
    registry.remove(bob, false).await.unwrap();
    assert_true(&stage).await;
    assert_eq!(
        (registry.directory().get(bob), registry.directory().resolve("ada-2")),
        (None, None)
    );

    let stage = stage.boot_again().await;
    assert_true(&stage).await;
    assert_eq!(stage.registry.directory().resolve("countess"), Some(ada));
    assert_eq!(stage.registry.directory().get_all([bob, ada]).len(), 1);
}

#[actix::test]
async fn it_is_complete_before_any_agent_is_hosted() {
    let stage = Stage::set().await;
    let ada = stage.registry.create(Character::named("Ada")).await.unwrap().id;
    let Stage { store, clock, model, tools, .. } = stage;
    let (told, kept) = (Arc::new(clock.clone()), store.clone());
    let masks = Arc::new(greenroom_actors::masks::NoMasks);
    let ports = greenroom_actors::runtime::Ports { store: kept, model, clock: told, tools, masks };
    let registry = greenroom_actors::registry::Registry::start(ports, crate::support::settings());
    let registry = registry.await.unwrap();
    assert!(registry.is_booting());
    assert_eq!(registry.directory().resolve("ada"), Some(ada));
    clock.settle().await;
    assert!(!registry.is_booting());
}

#[actix::test]
async fn an_exact_handle_is_given_to_the_letter_or_not_at_all() {
    let stage = Stage::set().await;
    let registry = &stage.registry;
    let ada = registry.create(Character::named("Ada")).await.unwrap();
    let refused = registry.create_as(Character::named("Ada"), "ada").await;
    assert_eq!(refused, Err(taken("ada")));
    assert_eq!(registry.directory().count(), 1);
    let second = registry.create_as(Character::named("Ada"), "ada-2").await.unwrap();
    assert_eq!((second.handle.as_str(), second.character.name.as_str()), ("ada-2", "Ada"));
    assert_ne!(second.id, ada.id, "the id is not derived from the name");
    assert_eq!(second.character.id, Some(second.id));
    // The numbers go on behind the one that somebody asked for.
    let third = Character { id: Some(AgentId::new()), ..Character::named("Ada") };
    assert_eq!(registry.create(third).await.unwrap().handle, "ada-3");
    for bad in ["", "Ada", "a b", "..", "a/b"] {
        let refused = registry.create_as(Character::named("Ada"), bad).await;
        assert!(matches!(refused, Err(CoreError::Invalid { field: "handle", .. })), "{bad}");
        assert!(matches!(registry.rename(ada.id, bad).await, Err(CoreError::Invalid { .. })));
    }
}

#[actix::test]
async fn of_many_who_want_one_handle_at_once_one_gets_it() {
    let stage = Stage::set().await;
    let derived = |_| Character { id: Some(AgentId::new()), ..Character::named("Solo") };
    let exact = (0..20).map(|_| stage.registry.create_as(Character::named("Solo"), "solo"));
    let exact = futures::future::join_all(exact);
    let others = (0..20).map(derived).map(|character| stage.registry.create(character));
    let others = futures::future::join_all(others);
    let (exact, others) = futures::future::join(exact, others).await;
    let won = exact.iter().filter(|made| made.is_ok()).count();
    assert!(exact.iter().all(|made| made.is_ok() || *made == Err(taken("solo"))));
    let plain = others.iter().flatten().filter(|made| made.handle == "solo").count();
    assert_eq!((won + plain, others.iter().flatten().count()), (1, 20));
    assert_true(&stage).await;
}

#[actix::test]
async fn a_renamed_agent_keeps_its_id_and_what_it_is_at() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    let bob = stage.running("Bob").await;
    let done = Arc::new(Notify::new());
    stage.model.then(Act::Wait(Arc::clone(&done)));
    let room = Room {
        id: RoomId::new(),
        agent_id: id,
        name: "Talk".to_owned(),
        channel_id: None,
        message_server_id: None,
        world_id: None,
        kind: "DM".to_owned(),
        source: "test".to_owned(),
        metadata: None,
        created_at: stage.clock.now(),
    };
    let content = json!({"text": "hello"}).as_object().cloned().unwrap();
    let asking = Delivery::asking(EntityId::new(), room, content);
    let delivered = stage.registry.deliver(id, asking).await.unwrap();
    stage.clock.settle().await;
    assert_eq!(stage.model.calls(), 1);

    assert_eq!(stage.registry.rename(id, "bob").await, Err(taken("bob")));
    let renamed = stage.registry.rename(id, "countess").await.unwrap();
    assert_eq!(
        (renamed.handle.as_str(), renamed.character.name.as_str()),
        ("countess", "countess")
    );
    assert_eq!((renamed.id, renamed.character.agent_id()), (id, id));
    assert_eq!(stage.registry.status(id).await.unwrap().state, State::Running);
    assert_eq!(stage.registry.directory().resolve("ada"), None);
    assert_eq!(stage.registry.directory().resolve("countess"), Some(id));
    done.notify_one();
    let reply = stage.registry.reply(delivered.reply.unwrap()).await.unwrap();
    assert_eq!(reply.as_ref().map(|memory| memory.text()), Some("late"));

    let again = stage.registry.rename(id, "countess").await.unwrap();
    assert_eq!(again, renamed, "nothing changes");
    stage.registry.rename(bob, "ada").await.unwrap();
    assert_eq!(stage.registry.directory().resolve("ada"), Some(bob));
}

#[actix::test]
async fn whoever_watches_is_told_in_order_and_learns_of_what_it_missed() {
    let stage = Stage::set().await;
    let registry = &stage.registry;
    let mut changes = registry.watch_agents();
    let id = registry.create(Character::named("Ada")).await.unwrap().id;
    registry.ask(id, Change::to(Command::Start)).await.unwrap();
    registry.ask(id, Change::to(Command::Restart)).await.unwrap();
    registry.rename(id, "eve").await.unwrap();
    registry.revise(id, json!({"bio": "x"}).as_object().cloned().unwrap()).await.unwrap();
    registry.remove(id, false).await.unwrap();
    let (ada, eve): (Arc<str>, Arc<str>) = ("ada".into(), "eve".into());
    let lifecycle = |old, new| Changed::Lifecycle { old, new };
    for (handle, what) in [
        (&ada, Changed::Created),
        (&ada, lifecycle(State::Stopped, State::Running)),
        (&ada, lifecycle(State::Running, State::Running)),
        (&eve, Changed::Renamed { old: Arc::clone(&ada), new: Arc::clone(&eve) }),
        (&eve, Changed::Revised),
        (&eve, Changed::Revised),
        (&eve, Changed::Removed),
    ] {
        let handle = Arc::clone(handle);
        assert_eq!(changes.try_recv(), Ok(AgentChange { id, handle, what }));
    }
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));

    let id = registry.create(Character::named("Ada")).await.unwrap().id;
    for _ in 0..1_024 {
        registry.ask(id, Change::to(Command::Restart)).await.unwrap();
    }
    assert_eq!(changes.recv().await, Err(RecvError::Lagged(1)));
}

#[actix::test]
async fn what_is_not_durable_is_not_told() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    let mut changes = stage.registry.watch_agents();
    let full = greenroom_actors::error::StoreError::Full("disk".into());
    stage.store.fail_next_commit(full.clone());
    assert_eq!(stage.registry.rename(id, "eve").await, Err(CoreError::Store(full)));
    assert_eq!(stage.registry.directory().resolve("eve"), None);
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
}
