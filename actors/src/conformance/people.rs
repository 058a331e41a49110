//! Entities and what ties to them: components, relationships, tasks.

use crate::facts::Fact;
use crate::ids::AgentId;
use crate::records::{Component, Entity, Relationship, Task};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, content, id};

pub(super) fn entity(agent_id: AgentId, number: u128, at: i64) -> Entity {
    Entity {
        id: id(number),
        agent_id,
        names: vec!["Grace".into(), "Amazing \"G\"".into()],
        metadata: content("about her"),
        created_at: UnixMillis(at),
    }
}

pub(super) fn component(agent_id: AgentId, number: u128, entity: u128, at: i64) -> Component {
    Component {
        id: id(number),
        agent_id,
        entity_id: id(entity),
        room_id: id(1),
        world_id: Some(id(1)),
        source_entity_id: Some(id(99)),
        kind: "profile".into(),
        data: content("what is known"),
        created_at: UnixMillis(at),
    }
}

pub(super) fn relationship(
    agent_id: AgentId,
    number: u128,
    source: u128,
    target: u128,
    at: i64,
) -> Relationship {
    Relationship {
        id: id(number),
        agent_id,
        source_entity_id: id(source),
        target_entity_id: id(target),
        tags: vec!["friend".into(), "of, old".into()],
        metadata: content("how so"),
        created_at: UnixMillis(at),
    }
}

pub(super) fn task(agent_id: AgentId, number: u128, at: i64) -> Task {
    Task {
        id: id(number),
        agent_id,
        name: "water the plants".into(),
        description: Some("all of them".into()),
        room_id: Some(id(1)),
        world_id: Some(id(1)),
        entity_id: Some(id(2)),
        tags: vec!["queue".into()],
        metadata: content("how"),
        created_at: UnixMillis(at),
        updated_at: UnixMillis(at + 1),
    }
}

pub(super) async fn entities_are_set_met_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let (first, second) = (entity(ADA, 1, 20), entity(ADA, 2, 10));
    let nameless = Entity { names: Vec::new(), ..second };
    let committed = on
        .keep([
            Fact::EntitySet(Box::new(entity(ADA, 1, 99))),
            Fact::EntitySet(Box::new(first.clone())),
            Fact::EntityMet(Box::new(entity(ADA, 1, 98))),
            Fact::EntityMet(Box::new(nameless.clone())),
            Fact::EntityMet(Box::new(entity(BOB, 1, 5))),
        ])
        .await;
    assert_eq!(committed.affected, [1, 1, 0, 1, 1]);
    assert_eq!(on.entity(ADA, id(1)).await.unwrap(), Some(first.clone()));
    assert_eq!(on.entity(BOB, id(2)).await.unwrap(), None);
    assert_eq!(on.entities(ADA).await.unwrap(), [nameless.clone(), first]);
    assert_eq!(on.entities(BOB).await.unwrap(), [entity(BOB, 1, 5)]);
    let removed = Fact::EntityRemoved { agent_id: ADA, entity_id: id(1) };
    assert!(on.affected(removed.clone()).await >= 1);
    assert_eq!(on.affected(removed).await, 0);
    assert_eq!(on.entities(ADA).await.unwrap(), [nameless]);
    assert_eq!(on.entity(BOB, id(1)).await.unwrap(), Some(entity(BOB, 1, 5)));
}

pub(super) async fn with_an_entity_go_its_components_and_relationships(on: Subject) {
    let on = on.with_agents().await;
    let stays = relationship(ADA, 14, 2, 3, 40);
    on.keep([
        Fact::EntitySet(Box::new(entity(ADA, 1, 10))),
        Fact::EntitySet(Box::new(entity(ADA, 2, 10))),
        Fact::EntitySet(Box::new(entity(ADA, 3, 10))),
        Fact::ComponentSet(Box::new(component(ADA, 11, 1, 10))),
        Fact::ComponentSet(Box::new(component(ADA, 12, 2, 20))),
        Fact::ComponentSet(Box::new(component(BOB, 13, 1, 10))),
        Fact::RelationshipSet(Box::new(relationship(ADA, 11, 1, 2, 10))),
        Fact::RelationshipSet(Box::new(relationship(ADA, 12, 2, 1, 20))),
        Fact::RelationshipSet(Box::new(relationship(BOB, 13, 1, 2, 30))),
        Fact::RelationshipSet(Box::new(stays.clone())),
        Fact::EntityRemoved { agent_id: ADA, entity_id: id(1) },
    ])
    .await;
    assert_eq!(on.components(ADA, None).await.unwrap(), [component(ADA, 12, 2, 20)]);
    assert_eq!(on.relationships(ADA).await.unwrap(), [stays]);
    assert_eq!(on.components(BOB, None).await.unwrap().len(), 1);
    assert_eq!(on.relationships(BOB).await.unwrap().len(), 1);
}

pub(super) async fn components_are_listed_by_entity(on: Subject) {
    let on = on.with_agents().await;
    let bare = Component { world_id: None, source_entity_id: None, ..component(ADA, 2, 1, 10) };
    on.keep([
        Fact::ComponentSet(Box::new(component(ADA, 1, 1, 20))),
        Fact::ComponentSet(Box::new(bare.clone())),
        Fact::ComponentSet(Box::new(component(ADA, 3, 2, 90))),
        Fact::ComponentSet(Box::new(component(ADA, 3, 2, 15))),
    ])
    .await;
    let (first, other) = (component(ADA, 1, 1, 20), component(ADA, 3, 2, 15));
    let all = on.components(ADA, None).await.unwrap();
    assert_eq!(all, [bare.clone(), other.clone(), first.clone()]);
    assert_eq!(on.components(ADA, Some(id(1))).await.unwrap(), [bare, first.clone()]);
    assert_eq!(on.components(ADA, Some(id(9))).await.unwrap(), []);
    assert_eq!(on.components(BOB, None).await.unwrap(), []);
    let removed = Fact::ComponentRemoved { agent_id: ADA, id: id(2) };
    assert_eq!(on.affected(removed.clone()).await, 1);
    assert_eq!(on.affected(removed).await, 0);
    assert_eq!(on.components(ADA, None).await.unwrap(), [other, first]);
}

pub(super) async fn relationships_are_set_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let (first, second) = (relationship(ADA, 1, 2, 3, 20), relationship(ADA, 2, 3, 2, 10));
    on.keep([
        Fact::RelationshipSet(Box::new(relationship(ADA, 1, 2, 3, 99))),
        Fact::RelationshipSet(Box::new(first.clone())),
        Fact::RelationshipSet(Box::new(second.clone())),
    ])
    .await;
    assert_eq!(on.relationships(ADA).await.unwrap(), [second.clone(), first]);
    assert_eq!(on.relationships(BOB).await.unwrap(), []);
    let removed = Fact::RelationshipRemoved { agent_id: ADA, id: id(1) };
    assert_eq!(on.affected(removed.clone()).await, 1);
    assert_eq!(on.affected(removed).await, 0);
    assert_eq!(on.relationships(ADA).await.unwrap(), [second]);
}

pub(super) async fn tasks_are_set_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let first = task(ADA, 1, 20);
    let bare = Task {
        description: None,
        room_id: None,
        world_id: None,
        entity_id: None,
        tags: Vec::new(),
        ..task(ADA, 2, 10)
    };
    on.keep([
        Fact::TaskSet(Box::new(task(ADA, 1, 99))),
        Fact::TaskSet(Box::new(first.clone())),
        Fact::TaskSet(Box::new(bare.clone())),
    ])
    .await;
    assert_eq!(on.tasks(ADA).await.unwrap(), [bare.clone(), first]);
    assert_eq!(on.tasks(BOB).await.unwrap(), []);
    let removed = Fact::TaskRemoved { agent_id: ADA, id: id(1) };
    assert_eq!(on.affected(removed.clone()).await, 1);
    assert_eq!(on.affected(removed).await, 0);
    assert_eq!(on.tasks(ADA).await.unwrap(), [bare]);
}
