//! Agents: who they are, what they are called, how they stand.

use serde_json::json;

use crate::budget::Scope;
use crate::character::{AgentRecord, Bio, Character, Style};
use crate::directory::Listed;
use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::lifecycle::{Autonomy, Desired, Lifecycle, Pause, State};
use crate::ports::{AgentQuery, Census, Seed};
use crate::time::UnixMillis;
use crate::triggers::FiringStatus;

use super::kit::{
    ADA, BOB, Subject, agent, content, created, firing, id, letter, map, memory, remembered,
    running, sent,
};

/// A character with every field.
fn full_character(name: &str) -> Character {
    Character {
        id: Some(id(5)),
        name: name.into(),
        username: Some("user".into()),
        system: Some("be \"brief\"\nalways".into()),
        templates: Some(content("a template")),
        bio: Bio::Many(vec!["One.".into(), "Zwei 🜁".into()]),
        message_examples: Some(vec![json!([{"name": "x"}])]),
        post_examples: Some(vec!["a post".into()]),
        topics: Some(vec!["tea".into()]),
        adjectives: Some(Vec::new()),
        knowledge: Some(vec![json!("text"), json!({"path": "a/b"})]),
        plugins: Some(vec!["@elizaos/plugin-sql".into()]),
        settings: Some(map(json!({"model": "local", "secrets": {"KEY": "sealed"}}))),
        style: Some(Style { all: Some(vec!["brief".into()]), ..Style::default() }),
        lore: Some(vec!["once".into()]),
        model_provider: Some("local".into()),
        extra: map(json!({"fresh": {"a": null}})),
    }
}

pub(super) async fn an_agent_is_kept_as_it_was_created(on: Subject) {
    let record = AgentRecord {
        id: ADA,
        handle: "ada-the-first".into(),
        character: full_character("Ada"),
        enabled: false,
        lifecycle: running(),
        created_at: UnixMillis(1_700_000_000_123),
        updated_at: UnixMillis(1_700_000_000_456),
    };
    let affected = on.affected(Fact::AgentCreated(Box::new(record.clone()))).await;
    assert_eq!(affected, 1);
    assert_eq!(on.agent(ADA).await.unwrap().as_ref(), Some(&record));
    let everything = AgentQuery { limit: 9, ..AgentQuery::default() };
    assert_eq!(on.agents(everything).await.unwrap(), std::slice::from_ref(&record));
    assert_eq!(on.agent_by_handle("ada-the-first").await.unwrap(), Some(record));
    assert_eq!(on.agent_by_handle("ada").await.unwrap(), None);
}

pub(super) async fn an_id_is_given_once(on: Subject) {
    on.keep([created(ADA, "Ada")]).await;
    let exists = StoreError::Exists { what: "agent", id: ADA.0 };
    assert_eq!(on.try_keep([created(ADA, "Other")]).await, Err(exists));
    assert_eq!(on.agent(ADA).await.unwrap(), Some(agent(ADA, "Ada")));
    let twice = [created(BOB, "Bob"), created(BOB, "Bob")];
    let exists = StoreError::Exists { what: "agent", id: BOB.0 };
    assert_eq!(on.try_keep(twice).await, Err(exists));
    assert_eq!(on.agent(BOB).await.unwrap(), None);
}

async fn handle(on: &Subject, agent: AgentId) -> String {
    let handle = on.agent(agent).await.unwrap().unwrap().handle;
    let found = on.agent_by_handle(&handle).await.unwrap().unwrap();
    assert_eq!(found.id, agent, "{handle} leads to its agent");
    handle
}

pub(super) async fn handles_are_unique_and_numbered(on: Subject) {
    // Two in one batch, the others one by one; `!!!` has no slug.
    on.keep([created(id(1), "Twin"), created(id(2), "twin")]).await;
    for (number, name) in [(3, "TWIN"), (4, "!!!"), (5, "???"), (6, "twin-2"), (7, "Agent")] {
        on.keep([created(id(number), name)]).await;
    }
    for (number, expected) in [
        (1, "twin"),
        (2, "twin-2"),
        (3, "twin-3"),
        (4, "agent"),
        (5, "agent-2"),
        (6, "twin-2-2"),
        (7, "agent-3"),
    ] {
        assert_eq!(handle(&on, id(number)).await, expected);
    }

    on.keep([Fact::AgentRemoved { id: id(1), keep_memories: false }]).await;
    assert_eq!(on.agent_by_handle("twin").await.unwrap(), None);
    on.keep([created(id(8), "Twin")]).await;
    assert_eq!(handle(&on, id(8)).await, "twin", "a handle that is free again is given again");
}

pub(super) async fn a_revised_handle_is_numbered_too(on: Subject) {
    let on = on.with_agents().await;
    let revised = |agent, handle: Option<&str>| Fact::AgentRevised {
        id: agent,
        character: Box::new(Character::named("New Name")),
        handle: handle.map(str::to_owned),
        at: UnixMillis(20),
    };
    for (wanted, expected) in [
        (None, "ada"),
        (Some("ada"), "ada"),
        (Some("bob"), "bob-2"),
        (Some("countess"), "countess"),
        (Some(""), "agent"),
    ] {
        on.keep([revised(ADA, wanted)]).await;
        assert_eq!(handle(&on, ADA).await, expected, "{wanted:?}");
    }
    assert_eq!(on.agent_by_handle("countess").await.unwrap(), None, "the old one is free");
    on.keep([revised(BOB, Some("countess"))]).await;
    assert_eq!(handle(&on, BOB).await, "countess");
}

pub(super) async fn a_claimed_handle_is_given_to_the_letter_or_not_at_all(on: Subject) {
    let on = on.with_agents().await;
    let claim = |agent_id, handle: &str| Fact::HandleClaimed { agent_id, handle: handle.into() };
    let revised = |agent, handle: &str| Fact::AgentRevised {
        id: agent,
        character: Box::new(Character::named(handle)),
        handle: Some(handle.into()),
        at: UnixMillis(20),
    };
    let taken = |by: AgentId| Err(StoreError::Exists { what: StoreError::HANDLE, id: by.0 });
    let cleo = || created(id(9), "Cleo_2.x");
    assert_eq!(on.try_keep([claim(id(9), "ada"), cleo()]).await, taken(ADA));
    assert_eq!(on.agent(id(9)).await.unwrap(), None, "whole or not at all");
    assert_eq!(on.try_keep([claim(BOB, "ada"), revised(BOB, "ada")]).await, taken(ADA));
    assert_eq!(handle(&on, BOB).await, "bob");

    let kept = on.keep([claim(ADA, "ada"), revised(ADA, "ada")]).await;
    assert_eq!((kept.affected, kept.handles), (vec![0, 1], vec![(ADA, "ada".to_owned())]));
    let kept = on.keep([claim(ADA, "a_b.c-2"), revised(ADA, "a_b.c-2")]).await;
    assert_eq!(kept.handles, [(ADA, "a_b.c-2".to_owned())]);
    assert_eq!(handle(&on, ADA).await, "a_b.c-2");
    on.keep([claim(BOB, "ada"), revised(BOB, "ada")]).await;
    assert_eq!(handle(&on, BOB).await, "ada", "what was given up is free");

    let kept = on.keep([created(id(5), "Ada"), created(id(6), "Bob")]).await;
    let given = [(id(5), "ada-2".to_owned()), (id(6), "bob".to_owned())];
    assert_eq!(kept.handles, given, "who claims nothing is given a number");
    let character = Box::new(Character::named("Bobby"));
    let same = Fact::AgentRevised { id: BOB, character, handle: None, at: UnixMillis(30) };
    assert_eq!(on.keep([same]).await.handles, []);
}

pub(super) async fn what_the_directory_needs_comes_in_pages_by_id(on: Subject) {
    let on = on.with_agents().await;
    on.keep([Fact::LifecycleChanged { id: ADA, lifecycle: running() }]).await;
    let listed = |record: AgentRecord| Listed {
        id: record.id,
        handle: record.handle.as_str().into(),
        state: record.lifecycle.state(),
        autonomy: record.lifecycle.autonomy,
        started_at: record.lifecycle.started_at,
        created_at: record.created_at,
        updated_at: record.updated_at,
    };
    let ada = listed(AgentRecord { lifecycle: running(), ..agent(ADA, "Ada") });
    let bob = listed(agent(BOB, "Bob"));
    assert_eq!(on.listed(None, 9).await.unwrap(), [ada.clone(), bob.clone()]);
    assert_eq!(on.listed(None, 1).await.unwrap(), [ada]);
    assert_eq!(on.listed(Some(ADA), 9).await.unwrap(), [bob]);
    assert_eq!(on.listed(Some(BOB), 9).await.unwrap(), []);
}

pub(super) async fn revising_replaces_the_character_alone(on: Subject) {
    let on = on.with_agents().await;
    on.keep([Fact::LifecycleChanged { id: ADA, lifecycle: running() }]).await;
    let character = full_character("Ada Lovelace");
    let affected = on
        .affected(Fact::AgentRevised {
            id: ADA,
            character: Box::new(character.clone()),
            handle: None,
            at: UnixMillis(99),
        })
        .await;
    assert_eq!(affected, 1);
    let expected = AgentRecord {
        character,
        lifecycle: running(),
        updated_at: UnixMillis(99),
        ..agent(ADA, "Ada")
    };
    assert_eq!(on.agent(ADA).await.unwrap(), Some(expected));
    assert_eq!(on.agent(BOB).await.unwrap(), Some(agent(BOB, "Bob")));
}

pub(super) async fn a_lifecycle_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    let failed = Lifecycle { failure: Some("it broke\n3 times".into()), ..running() };
    let pause = Pause::Budget { scope: Scope::OwnerDay, until: Some(UnixMillis(86_400_000)) };
    let paused = Lifecycle { desired: Desired::Paused, overrides: None, ..running() };
    let rests = Lifecycle { pause: Some(Box::new(pause)), ..paused.clone() };
    let patient = Autonomy { every_ms: u32::MAX };
    let slow = Lifecycle { autonomy: Some(patient), ..Lifecycle::default() };
    for lifecycle in [running(), failed, paused, rests, slow, Lifecycle::default()] {
        on.keep([Fact::LifecycleChanged { id: ADA, lifecycle: lifecycle.clone() }]).await;
        assert_eq!(on.agent(ADA).await.unwrap().unwrap().lifecycle, lifecycle);
        assert_eq!(on.seed(ADA).await.unwrap().unwrap().lifecycle, lifecycle);
    }
}

pub(super) async fn what_needs_an_agent_fails_without_one(on: Subject) {
    let missing = Err(StoreError::Missing { what: "agent", id: ADA.0 });
    let revised = Fact::AgentRevised {
        id: ADA,
        character: Box::new(Character::named("Ada")),
        handle: Some("ada".into()),
        at: UnixMillis(20),
    };
    let changed = Fact::LifecycleChanged { id: ADA, lifecycle: running() };
    assert_eq!(on.try_keep([revised]).await, missing);
    assert_eq!(on.try_keep([changed.clone()]).await, missing);
    let removed = Fact::AgentRemoved { id: ADA, keep_memories: true };
    assert_eq!(on.try_keep([created(ADA, "Ada"), removed, changed]).await, missing);
    assert_eq!(on.agent(ADA).await.unwrap(), None);
}

pub(super) async fn seeds_come_in_pages_by_id(on: Subject) {
    let numbers = [7, 3, 9, 1, 5, u128::MAX];
    on.keep(numbers.map(|number| created(id(number), "Many"))).await;
    let page = |after: Option<u128>, limit| {
        let seeds = on.seeds(after.map(id), limit);
        async { seeds.await.unwrap().iter().map(|seed| seed.id.0.as_u128()).collect::<Vec<_>>() }
    };
    assert_eq!(page(None, u32::MAX).await, [1, 3, 5, 7, 9, u128::MAX]);
    assert_eq!(page(None, 2).await, [1, 3]);
    assert_eq!(page(Some(3), 3).await, [5, 7, 9]);
    assert_eq!(page(Some(4), 1).await, [5], "the id need not be one of an agent");
    assert_eq!(page(Some(u128::MAX), 9).await, []);
    assert_eq!(page(None, 0).await, []);
}

pub(super) async fn a_seed_says_what_an_actor_needs(on: Subject) {
    let on = on.with_agents().await;
    let seed = Seed {
        id: ADA,
        lifecycle: Lifecycle::default(),
        reflected_at: None,
        has_letters: false,
        has_tasks: false,
        has_resumable: false,
        has_news: false,
        has_firings: false,
        has_goals: false,
    };
    assert_eq!(on.seed(ADA).await.unwrap().as_ref(), Some(&seed));
    on.keep([
        Fact::LifecycleChanged { id: ADA, lifecycle: running() },
        Fact::Reflected { id: ADA, at: UnixMillis(30) },
        Fact::Reflected { id: ADA, at: UnixMillis(40) },
        sent(&letter(ADA, 1, 10)),
        Fact::FiringSet(Box::new(firing(ADA, 1, 10, FiringStatus::Waiting, 1))),
    ])
    .await;
    let busy = Seed {
        id: ADA,
        lifecycle: running(),
        reflected_at: Some(UnixMillis(40)),
        has_goals: false,
        has_letters: true,
        has_tasks: false,
        has_resumable: false,
        has_news: false,
        has_firings: true,
    };
    let idle = Seed { id: BOB, ..seed };
    assert_eq!(on.seed(ADA).await.unwrap().as_ref(), Some(&busy));
    assert_eq!(on.seeds(None, 9).await.unwrap(), [busy.clone(), idle.clone()]);
    for (agent, number, at, has_news) in
        [(ADA, 1, 40, false), (ADA, 2, 41, true), (BOB, 1, 0, true)]
    {
        on.keep([remembered(&memory(agent, number, at, "something happened"))]).await;
        let seed = on.seed(agent).await.unwrap().unwrap();
        assert_eq!(seed.has_news, has_news, "{agent} {at}");
    }
    let news = |seed: Seed| Seed { has_news: true, ..seed };
    assert_eq!(on.seeds(None, 9).await.unwrap(), [news(busy), news(idle)]);
}

/// Nine agents: of each state some, and names that sort by character code.
async fn with_a_fleet(on: Subject) -> Subject {
    let stopped = Lifecycle::default();
    let paused = Lifecycle { desired: Desired::Paused, ..running() };
    let failed = Lifecycle { failure: Some("it broke".into()), ..running() };
    for (number, name, lifecycle) in [
        (1, "zoe", running()),
        (2, "Zoe", running()),
        (3, "Émile", running()),
        (4, "Zoe", running()),
        (5, "a", stopped.clone()),
        (6, "B", paused.clone()),
        (7, "C", failed),
        (8, "b", stopped),
        (9, "A", paused),
    ] {
        let record = AgentRecord { lifecycle, ..agent(id(number), name) };
        on.keep([Fact::AgentCreated(Box::new(record))]).await;
    }
    on
}

pub(super) async fn agents_are_listed_running_first_then_by_name(on: Subject) {
    let on = with_a_fleet(on).await;
    let list = |state, offset, limit| {
        let agents = on.agents(AgentQuery { state, offset, limit });
        async {
            agents.await.unwrap().iter().map(|record| record.id.0.as_u128()).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(None, 0, u32::MAX).await, [2, 4, 1, 3, 9, 6, 7, 5, 8]);
    assert_eq!(list(None, 0, 3).await, [2, 4, 1]);
    assert_eq!(list(None, 3, 2).await, [3, 9]);
    assert_eq!(list(None, 8, 5).await, [8]);
    assert_eq!(list(None, 9, 5).await, []);
    assert_eq!(list(None, u32::MAX, u32::MAX).await, []);
    assert_eq!(list(None, 0, 0).await, []);
    for (state, expected) in [
        (State::Running, vec![2, 4, 1, 3]),
        (State::Paused, vec![9, 6]),
        (State::Stopped, vec![5, 8]),
        (State::Failed, vec![7]),
        (State::Starting, vec![]),
        (State::Stopping, vec![]),
    ] {
        assert_eq!(list(Some(state), 0, 9).await, expected, "{state}");
    }
    assert_eq!(list(Some(State::Running), 1, 2).await, [4, 1]);

    // The order follows what changes.
    on.keep([
        Fact::LifecycleChanged { id: id(8), lifecycle: running() },
        Fact::AgentRevised {
            id: id(1),
            character: Box::new(Character::named("aaa")),
            handle: None,
            at: UnixMillis(50),
        },
    ])
    .await;
    assert_eq!(list(Some(State::Running), 0, 9).await, [2, 4, 1, 8, 3]);
}

pub(super) async fn agents_are_counted_by_state(on: Subject) {
    let on = with_a_fleet(on).await;
    let census = on.census().await.unwrap();
    assert_eq!(census, Census { running: 4, paused: 2, stopped: 2, failed: 1 });
    on.keep([
        Fact::LifecycleChanged { id: id(1), lifecycle: Lifecycle::default() },
        Fact::AgentRemoved { id: id(7), keep_memories: true },
    ])
    .await;
    let census = on.census().await.unwrap();
    assert_eq!(census, Census { running: 3, paused: 2, stopped: 3, failed: 0 });
}
