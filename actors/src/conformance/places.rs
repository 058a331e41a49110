//! Rooms, worlds, and who takes part.

use crate::facts::Fact;
use crate::ids::{EntityId, RoomId, WorldId};
use crate::lifecycle::{Desired, Lifecycle};
use crate::ports::{MemoryQuery, WorldQuery, WorldsOf};
use crate::records::{Memory, Participant, Room, World};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, id, memory, participant, remembered, room, world};

fn numbers(rooms: &[Room]) -> Vec<u128> {
    rooms.iter().map(|room| room.id.0.as_u128()).collect()
}

fn set(room: &Room) -> Fact {
    Fact::RoomSet(Box::new(room.clone()))
}

pub(super) async fn a_room_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    let full = room(ADA, 1, 1_700_000_000_000);
    let bare = Room {
        channel_id: None,
        message_server_id: None,
        world_id: None,
        metadata: None,
        ..room(ADA, 2, 10)
    };
    for room in [&full, &bare] {
        assert_eq!(on.affected(set(room)).await, 1);
        assert_eq!(on.room(ADA, room.id).await.unwrap().as_ref(), Some(room));
        assert_eq!(on.room(BOB, room.id).await.unwrap(), None);
    }
    let other = Room { name: "Bob's".into(), ..room(BOB, 1, 20) };
    on.keep([set(&other), set(&Room { metadata: None, ..full.clone() })]).await;
    assert_eq!(on.room(BOB, id(1)).await.unwrap(), Some(other), "each agent has its own view");
    assert_eq!(on.room(ADA, id(1)).await.unwrap(), Some(Room { metadata: None, ..full }));
}

pub(super) async fn a_met_room_is_not_replaced(on: Subject) {
    let on = on.with_agents().await;
    let met = |room: Room| Fact::RoomMet(Box::new(room));
    let first = room(ADA, 1, 10);
    assert_eq!(on.affected(met(first.clone())).await, 1);
    assert_eq!(on.affected(met(Room { name: "other".into(), ..room(ADA, 1, 20) })).await, 0);
    assert_eq!(on.affected(met(room(BOB, 1, 10))).await, 1, "another agent has not met it");
    assert_eq!(on.room(ADA, id(1)).await.unwrap(), Some(first));
}

pub(super) async fn an_agent_has_the_rooms_it_takes_part_in(on: Subject) {
    let on = on.with_agents().await;
    let (ada, bob) = (ADA.0.as_u128(), BOB.0.as_u128());
    for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 5)] {
        on.keep([set(&room(ADA, number, at))]).await;
    }
    on.keep([
        set(&room(BOB, 1, 10)),
        Fact::Joined(participant(ADA, 1, ada, 50)),
        Fact::Joined(participant(ADA, 2, ada, 60)),
        Fact::Joined(participant(ADA, 3, ada, 40)),
        Fact::Joined(participant(ADA, 4, bob, 40)),
        Fact::Joined(participant(BOB, 1, ada, 40)),
    ])
    .await;
    assert_eq!(numbers(&on.rooms(ADA).await.unwrap()), [2, 3, 1]);
    assert_eq!(numbers(&on.rooms(BOB).await.unwrap()), []);
    on.keep([Fact::Left { agent_id: ADA, room_id: id(3), entity_id: id(ada) }]).await;
    assert_eq!(numbers(&on.rooms(ADA).await.unwrap()), [2, 1]);
}

pub(super) async fn rooms_of_a_world_are_those_of_one_agent_or_all(on: Subject) {
    let on = on.with_agents().await;
    for (agent, number, at, world) in [
        (ADA, 1, 40, Some(7)),
        (ADA, 2, 10, Some(7)),
        (ADA, 3, 20, Some(8)),
        (ADA, 4, 20, None),
        (BOB, 5, 30, Some(7)),
    ] {
        let room = Room { world_id: world.map(id), ..room(agent, number, at) };
        on.keep([set(&room)]).await;
    }
    let world: WorldId = id(7);
    assert_eq!(numbers(&on.rooms_of_world(world, None).await.unwrap()), [2, 5, 1]);
    assert_eq!(numbers(&on.rooms_of_world(world, Some(ADA)).await.unwrap()), [2, 1]);
    assert_eq!(numbers(&on.rooms_of_world(world, Some(BOB)).await.unwrap()), [5]);
    assert_eq!(numbers(&on.rooms_of_world(world, Some(id(9))).await.unwrap()), []);
    assert_eq!(numbers(&on.rooms_of_world(id(9), None).await.unwrap()), []);
}

pub(super) async fn participants_come_and_go(on: Subject) {
    let on = on.with_agents().await;
    let in_room = |agent| {
        let participants = on.participants(agent, id(1));
        async { participants.await.unwrap() }
    };
    on.keep([
        set(&room(ADA, 1, 10)),
        set(&room(ADA, 2, 10)),
        set(&room(BOB, 1, 10)),
        Fact::Joined(participant(ADA, 1, 3, 30)),
        Fact::Joined(participant(ADA, 1, 4, 10)),
        Fact::Joined(participant(ADA, 1, 5, 20)),
        Fact::Joined(participant(ADA, 2, 6, 5)),
        Fact::Joined(participant(BOB, 1, 7, 5)),
    ])
    .await;
    let of_ada = [(4, 10), (5, 20), (3, 30)].map(|(entity, at)| participant(ADA, 1, entity, at));
    assert_eq!(in_room(ADA).await, of_ada, "who came first is first");
    assert_eq!(in_room(BOB).await, [participant(BOB, 1, 7, 5)]);

    let muted = Participant { state: Some("MUTED".into()), ..participant(ADA, 1, 4, 10) };
    assert_eq!(on.affected(Fact::Joined(muted.clone())).await, 1);
    let [_, second, third] = of_ada;
    assert_eq!(in_room(ADA).await, [muted, second.clone(), third], "joining again sets the state");

    let left = |room: RoomId, entity: EntityId| Fact::Left {
        agent_id: ADA,
        room_id: room,
        entity_id: entity,
    };
    let committed = on.keep([left(id(1), id(4)), left(id(1), id(3)), left(id(1), id(4))]).await;
    assert_eq!(committed.affected, [1, 1, 0]);
    assert_eq!(in_room(ADA).await, [second]);
}

pub(super) async fn with_a_room_go_its_participants_and_memories(on: Subject) {
    let on = on.with_agents().await;
    for agent in [ADA, BOB] {
        for number in [1, 2] {
            let memory = Memory { room_id: id(number), ..memory(agent, number, 10, "text") };
            on.keep([
                set(&room(agent, number, 10)),
                Fact::Joined(participant(agent, number, 3, 10)),
                remembered(&memory),
            ])
            .await;
        }
    }
    let removed = |number| Fact::RoomRemoved { agent_id: ADA, room_id: id(number) };
    assert!(on.affected(removed(1)).await >= 1);
    assert_eq!(on.affected(removed(1)).await, 0);
    assert_eq!(on.affected(removed(9)).await, 0);
    assert_eq!(on.room(ADA, id(1)).await.unwrap(), None);
    assert_eq!(on.participants(ADA, id(1)).await.unwrap(), []);
    assert_eq!(on.memory(ADA, id(1)).await.unwrap(), None);
    assert_eq!(on.count_memories(MemoryQuery::of(ADA, 0)).await.unwrap(), 1);
    assert_eq!(on.participants(ADA, id(2)).await.unwrap().len(), 1);
    assert_eq!(on.count_memories(MemoryQuery::of(BOB, 0)).await.unwrap(), 2);
    assert_eq!(on.participants(BOB, id(1)).await.unwrap().len(), 1);
}

pub(super) async fn worlds_are_set_met_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let (first, second, other) = (world(ADA, 1, 30), world(ADA, 2, 10), world(BOB, 3, 20));
    let bare = World { message_server_id: None, metadata: None, ..second };
    let committed = on
        .keep([
            Fact::WorldSet(Box::new(world(ADA, 1, 99))),
            Fact::WorldSet(Box::new(first.clone())),
            Fact::WorldMet(Box::new(world(ADA, 1, 98))),
            Fact::WorldMet(Box::new(bare.clone())),
            Fact::WorldSet(Box::new(other.clone())),
            set(&room(ADA, 1, 10)),
        ])
        .await;
    assert_eq!(committed.affected, [1, 1, 0, 1, 1, 1]);
    assert_eq!(on.world(ADA, id(1)).await.unwrap(), Some(first.clone()));
    assert_eq!(on.world(BOB, id(1)).await.unwrap(), None);
    assert_eq!(on.worlds_of(WorldsOf::Agent(ADA)).await.unwrap(), [bare.clone(), first.clone()]);
    assert_eq!(on.worlds_of(WorldsOf::All).await.unwrap(), [bare.clone(), other.clone(), first]);
    assert_eq!(on.worlds_of(WorldsOf::Agent(id(9))).await.unwrap(), []);

    let removed = Fact::WorldRemoved { agent_id: ADA, world_id: id(1) };
    assert_eq!(on.affected(removed.clone()).await, 1);
    assert_eq!(on.affected(removed).await, 0);
    assert_eq!(on.worlds_of(WorldsOf::All).await.unwrap(), [bare.clone(), other.clone()]);
    let of_id = WorldQuery { id: Some(id(3)), ..WorldQuery::of(WorldsOf::All, 9) };
    assert_eq!(on.worlds(of_id).await.unwrap(), std::slice::from_ref(&other));
    let second = WorldQuery { offset: 1, ..WorldQuery::of(WorldsOf::All, 1) };
    assert_eq!(on.worlds(second).await.unwrap(), [other]);
    assert_eq!(on.worlds_of(WorldsOf::Running).await.unwrap(), [], "nobody runs");
    let runs = Lifecycle { desired: Desired::Running, ..Lifecycle::default() };
    on.affected(Fact::LifecycleChanged { id: ADA, lifecycle: runs }).await;
    assert_eq!(on.worlds_of(WorldsOf::Running).await.unwrap(), [bare]);
    let left = on.room(ADA, id(1)).await.unwrap().unwrap();
    assert_eq!((left.name.as_str(), left.created_at), ("room 1", UnixMillis(10)), "its rooms stay");
}
