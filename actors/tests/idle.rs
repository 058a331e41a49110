//! Agents that have nothing to do: they tick, and ask no model.

use greenroom_actors::agent::Delivery;
use greenroom_actors::character::Character;
use greenroom_actors::ids::{EntityId, RoomId};
use greenroom_actors::ports::{Clock, MemoryQuery, Store};
use greenroom_actors::records::Room;
use serde_json::json;

use crate::support::{Stage, start_autonomous};

const AGENTS: u64 = 1_000;

#[actix::test]
async fn a_thousand_agents_without_anything_to_do_tick_for_an_hour_and_call_no_model() {
    let stage = Stage::set().await;
    let mut ids = Vec::new();
    for number in 0..AGENTS {
        let character = Character::named(&format!("Agent {number}"));
        let id = stage.registry.create(character).await.unwrap().id;
        stage.registry.ask(id, start_autonomous()).await.unwrap();
        ids.push(id);
    }
    stage.advance(3_600).await;
    let vitals = stage.registry.vitals();
    // The first at once, then each minute.
    assert_eq!((vitals.ticks, vitals.ticks_skipped), (61 * AGENTS, 0));
    assert_eq!(stage.model.calls(), 0);
    assert_eq!(stage.kinds(ids[0]).await.iter().filter(|kind| **kind == "ticked").count(), 61);

    // Nor does the next process think that there is something.
    let stage = stage.boot_again().await;
    stage.advance(600).await;
    assert!(stage.registry.vitals().ticks >= 9 * AGENTS);
    assert_eq!(stage.model.calls(), 0);
}

#[actix::test]
async fn what_happened_is_thought_about_once_also_by_the_next_process() {
    let stage = Stage::set().await;
    let id = stage.registry.create(Character::named("Ada")).await.unwrap().id;
    stage.registry.ask(id, start_autonomous()).await.unwrap();
    stage.advance(1_800).await;
    assert_eq!(stage.model.calls(), 0, "nothing has happened");

    stage.tell(id, "the roof leaks").await;
    stage.advance(1_800).await;
    assert_eq!(stage.model.calls(), 1, "it thinks about what it was told, and is done with it");

    stage.tell(id, "it rains").await;
    let stage = stage.boot_again().await;
    stage.advance(1_800).await;
    assert_eq!(stage.model.calls(), 1, "the next process knows of it");
    let thoughts = MemoryQuery { entity_id: Some(id.into()), ..MemoryQuery::of(id, 9) };
    assert_eq!(stage.store.memories(thoughts).await.unwrap().len(), 2);
    let stage = stage.boot_again().await;
    stage.advance(1_800).await;
    assert_eq!(stage.model.calls(), 0, "a thought is nothing to think about");
}

#[actix::test]
async fn a_reply_is_something_to_think_about() {
    let stage = Stage::set().await;
    let id = stage.registry.create(Character::named("Ada")).await.unwrap().id;
    stage.registry.ask(id, start_autonomous()).await.unwrap();
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
    let delivered =
        stage.registry.deliver(id, Delivery::asking(EntityId::new(), room, content)).await.unwrap();
    stage.registry.reply(delivered.reply.unwrap()).await.unwrap();
    assert_eq!(stage.model.calls(), 1);
    stage.advance(1_800).await;
    assert_eq!(stage.model.calls(), 2);
}
