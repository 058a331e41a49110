//! What is measured of agents, and the lines of their logs.

use greenroom_actors::agent::{Change, Delivery};
use greenroom_actors::character::Character;
use greenroom_actors::error::CoreError;
use greenroom_actors::figures::{ContextUse, Figures};
use greenroom_actors::ids::{AgentId, EntityId, RoomId};
use greenroom_actors::lifecycle::Command;
use greenroom_actors::lines::LINES_AT_ONCE;
use greenroom_actors::ports::Clock;
use greenroom_actors::records::Room;
use serde_json::json;

use crate::support::{Act, Stage};

/// Says something to an agent, and waits for its answer.
async fn talk(stage: &Stage, id: AgentId) {
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
    stage.registry.reply(delivered.reply.unwrap()).await.unwrap();
}

#[actix::test]
async fn an_agent_that_has_not_worked_has_no_entry() {
    let stage = Stage::set().await;
    let id = stage.registry.create(Character::named("Ada")).await.unwrap().id;
    stage.registry.ask(id, Change::to(Command::Start)).await.unwrap();
    stage.advance(3_600).await;
    assert_eq!(stage.registry.all_figures(), []);
    let figures = stage.registry.figures(id);
    assert_eq!((figures.last_active_at, figures.context), (None, None));
    assert!((1..=2_048).contains(&figures.memory_bytes), "{figures:?}");
    let started_at = stage.registry.directory().get(id).unwrap().started_at;
    assert_eq!((figures.started_at, started_at.is_some()), (started_at, true));
    assert_eq!(stage.registry.figures(AgentId::new()), Figures::default());
}

#[actix::test]
async fn work_is_measured_and_its_context_outlives_the_process() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    stage.advance(10).await;
    talk(&stage, id).await;
    let worked_at = stage.clock.now();
    let figures = stage.registry.figures(id);
    assert_eq!(figures.runs_in_flight, 0);
    assert_eq!(figures.last_active_at, Some(worked_at));
    assert_eq!(figures.context, Some(ContextUse { tokens: 7, window: None }));
    assert_eq!(stage.registry.all_figures(), [(id, figures)]);

    // What is handed along with a prompt counts for the agent.
    let tally = stage.model.prompts.lock().unwrap()[0].tally.clone();
    tally.sent(30);
    tally.received(12);
    stage.registry.tally(id).children_hold(99);
    let figures = stage.registry.figures(id);
    assert_eq!((figures.sent_bytes, figures.received_bytes), (30, 12));
    assert_eq!(figures.children_bytes, 99);

    let stage = stage.boot_again().await;
    stage.advance(600).await;
    let figures = stage.registry.figures(id);
    assert_eq!(figures.last_active_at, Some(worked_at));
    assert_eq!(figures.context, Some(ContextUse { tokens: 7, window: None }));
    assert_eq!(figures.sent_bytes, 0);
    stage.registry.remove(id, false).await.unwrap();
    assert_eq!(stage.registry.all_figures(), []);
}

#[actix::test]
async fn a_run_in_flight_is_seen_until_it_is_cut_off() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    let idle = stage.registry.figures(id).memory_bytes;
    stage.model.then(Act::Hang);
    let room_of = stage.registry.clone();
    let talking = talk(&stage, id);
    let looking = async {
        stage.clock.settle().await;
        let during = room_of.figures(id);
        assert_eq!(during.runs_in_flight, 1);
        assert!(during.memory_bytes > idle);
        room_of.ask(id, Change::to(Command::Pause)).await.unwrap();
        stage.clock.settle().await;
        let after = room_of.figures(id);
        assert_eq!((after.runs_in_flight, after.memory_bytes), (0, idle));
    };
    let mut talking = Box::pin(talking);
    tokio::select! {
        biased;
        () = &mut talking => panic!("the model never answers"),
        () = looking => {}
    }
}

#[actix::test]
async fn a_log_tells_what_happened_in_lines_and_outlives_the_process() {
    let stage = Stage::set().await;
    let id = stage.running("Ada").await;
    talk(&stage, id).await;
    stage.registry.rename(id, "eve").await.unwrap();
    let said = ["one\ntwo".to_owned(), "x".repeat(5_000)];
    stage.registry.write_lines(id, &said).await.unwrap();
    let stage = stage.boot_again().await;
    let lines = stage.registry.lines(id, 100).await.unwrap();
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    let begin = |begin: &str| texts.iter().position(|text| text.starts_with(begin)).unwrap();
    assert_eq!(begin("INFO agent created"), 0);
    assert_eq!(begin("INFO started"), 1);
    assert!(begin("INFO message received") < begin("INFO said: yes"));
    assert!(begin("INFO said: yes") < begin("INFO renamed from ada to eve"));
    assert_eq!(begin("one two"), texts.len() - 2);
    assert_eq!(texts.last().unwrap().len(), 1_000);
    assert_eq!(stage.registry.lines(id, 1).await.unwrap(), lines[lines.len() - 1..]);

    let many = vec![String::new(); LINES_AT_ONCE + 1];
    let refused = stage.registry.write_lines(id, &many).await;
    assert!(matches!(refused, Err(CoreError::Invalid { field: "lines", .. })));
    stage.registry.write_lines(AgentId::new(), &said).await.unwrap();
}
