//! Titles: errands asked for from outside, each a recorded run whose finding its asker is told.

use greenroom_actors::agent::{Change, Entitle, Reply};
use greenroom_actors::error::{CoreError, ModelError};
use greenroom_actors::ids::{AgentId, EntityId, RoomId};
use greenroom_actors::lifecycle::{Command, State};
use greenroom_actors::ports::{LogQuery, MemoryQuery, Purpose, Role, Store, Turn};
use greenroom_actors::runs::{RunKind, RunStatus};

use crate::support::{Act, Stage};

/// Longer than any test lasts.
const LONG: std::time::Duration = std::time::Duration::from_secs(600);

async fn ask(stage: &Stage, agent: AgentId) -> Result<Reply<String>, CoreError> {
    let talk = vec![Turn::new(Role::User, "hello"), Turn::new(Role::Assistant, "good day")];
    let asked_by = EntityId(agent.0);
    stage.registry.ask(agent, Entitle { talk, room_id: RoomId(agent.0), asked_by }).await
}

#[actix::test]
async fn a_title_is_a_run_of_its_own_that_leaves_no_memory() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    stage.model.then(Act::Say("\"Saying Hello\"".into()));
    let title = ask(&stage, ada).await.unwrap().within(LONG).await.unwrap();
    assert_eq!(title, "\"Saying Hello\"");

    let prompt = stage.model.prompts.lock().unwrap()[0].clone();
    assert_eq!(prompt.purpose, Purpose::Title);
    assert_eq!(prompt.turns, [Turn::new(Role::User, "User: hello\nAda: good day")]);
    assert_eq!(
        (&prompt.settings["temperature"], &prompt.settings["maxTokens"]),
        (&0.3.into(), &50.into())
    );

    let run = &stage.runs(ada).await[0];
    assert_eq!((run.kind, run.status), (RunKind::Job, RunStatus::Completed));
    assert_eq!((run.usage.input_tokens, run.usage.cost_micros), (7, Some(5)));
    let logs = stage.store.logs(LogQuery::of(ada, 10)).await.unwrap();
    let kinds: Vec<_> = logs.iter().map(|entry| entry.kind.as_str()).collect();
    assert!(kinds.contains(&"useModel:TEXT_SMALL"), "{kinds:?}");
    let said = MemoryQuery { kind: Some("messages".to_owned()), ..MemoryQuery::of(ada, 10) };
    assert!(stage.store.memories(said).await.unwrap().is_empty());
    assert!(stage.kinds(ada).await.ends_with(&["run_started", "run_ended"]));
}

#[actix::test]
async fn a_model_that_fails_is_told_to_the_asker_and_recorded() {
    let stage = Stage::set().await;
    let ada = stage.running("Ada").await;
    let down = ModelError::Unavailable("down".into());
    stage.model.then(Act::Fail(down.clone()));
    let title = ask(&stage, ada).await.unwrap().within(LONG).await;
    assert_eq!(title, Err(CoreError::Model(down)));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Failed);
}

#[actix::test]
async fn an_agent_at_work_lets_titles_wait_in_turn_with_letters_and_refuses_too_many() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.store.hold_commits();
    let writing = stage.registry.tell(ada, bob, "hello");
    futures::pin_mut!(writing);
    assert!(futures::poll!(&mut writing).is_pending());
    stage.clock.settle().await;
    let mut replies = Vec::new();
    // The first is in flight, as far as the store lets it.
    for _ in 0..9 {
        replies.push(ask(&stage, bob).await.unwrap());
    }
    assert_eq!(ask(&stage, bob).await.unwrap_err(), CoreError::Overloaded);
    drop(replies.split_off(4));
    stage.store.release_commits();
    writing.await.unwrap();
    for reply in replies {
        assert_eq!(reply.within(LONG).await.unwrap(), "yes");
    }
    stage.clock.settle().await;
    let kinds: Vec<_> = stage.runs(bob).await.iter().rev().map(|run| run.kind).collect();
    // Those that nobody waits for any more were never begun.
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    assert_eq!(kinds[..3], [RunKind::Job, RunKind::Reply, RunKind::Job]);
}

#[actix::test]
async fn whatever_silences_the_agent_cuts_its_errands_off() {
    for command in [Command::Pause, Command::Stop, Command::Restart] {
        let stage = Stage::set().await;
        let ada = stage.running("Ada").await;
        stage.model.then(Act::Hang);
        let (first, second) = (ask(&stage, ada).await.unwrap(), ask(&stage, ada).await.unwrap());
        stage.clock.settle().await;
        stage.registry.ask(ada, Change::to(command)).await.unwrap();
        for reply in [first, second] {
            let told = reply.within(LONG).await;
            assert!(matches!(told, Err(CoreError::Cancelled(_))), "{command}: {told:?}");
        }
        assert_eq!(stage.model.calls(), 1);
        let runs = stage.runs(ada).await;
        assert_eq!((runs.len(), runs[0].status), (1, RunStatus::Cancelled));
    }
}

#[actix::test]
async fn a_halt_and_a_crash_are_told_too_and_a_silent_agent_refuses() {
    let stage = Stage::set().await;
    let (ada, bob) = (stage.running("Ada").await, stage.running("Bob").await);
    stage.model.then(Act::Panic);
    let crashed = ask(&stage, bob).await.unwrap().within(LONG).await;
    assert_eq!(crashed, Err(CoreError::Crashed(bob)));

    stage.model.then(Act::Hang);
    let reply = ask(&stage, ada).await.unwrap();
    stage.clock.settle().await;
    stage.registry.halt().await.unwrap();
    let halted = CoreError::Cancelled("the fleet was halted".to_owned());
    assert_eq!(reply.within(LONG).await, Err(halted));
    assert_eq!(stage.runs(ada).await[0].status, RunStatus::Cancelled);
    assert_eq!(ask(&stage, ada).await.unwrap_err(), CoreError::Halted);

    stage.registry.lift().await.unwrap();
    stage.registry.ask(ada, Change::to(Command::Pause)).await.unwrap();
    let refused = CoreError::NotRunning { id: ada, state: State::Paused };
    assert_eq!(ask(&stage, ada).await.unwrap_err(), refused);
}
