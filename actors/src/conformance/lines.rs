//! Agents' logs as lines of text, and what is recalled of the last work.

use crate::error::StoreError;
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::lines::{LINES_KEPT, LogLine};
use crate::ports::{LastWork, TriggerTotals};
use crate::runs::{RunStatus, StepEnd, StepKind, StepStatus, Usage};
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, created, end, intended, run, started, step, trigger, trigger_set,
};

fn line(agent_id: AgentId, number: u32) -> LogLine {
    LogLine::new(agent_id, UnixMillis(i64::from(number)), &format!("INFO ☃ {number}"))
}

fn written(line: &LogLine) -> Fact {
    Fact::LineWritten(Box::new(line.clone()))
}

pub(super) async fn the_newest_lines_are_kept_in_order(on: Subject) {
    let on = on.with_agents().await;
    let all: Vec<_> = (1..=LINES_KEPT + 5).map(|number| line(ADA, number)).collect();
    for slice in all.chunks(1_000) {
        on.keep(slice.iter().map(written).collect::<Vec<_>>()).await;
    }
    on.keep([written(&line(BOB, 1))]).await;
    assert_eq!(on.lines(ADA, u32::MAX).await.unwrap(), all[5..]);
    assert_eq!(on.lines(ADA, 2).await.unwrap(), all[all.len() - 2..]);
    assert_eq!(on.lines(ADA, 0).await.unwrap(), []);
    assert_eq!(on.lines(BOB, 9).await.unwrap(), [line(BOB, 1)]);
}

pub(super) async fn lines_go_with_their_agent_and_need_one(on: Subject) {
    let on = on.with_agents().await;
    on.keep([written(&line(ADA, 1)), written(&line(BOB, 2))]).await;
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(on.affected(written(&line(ADA, 3))).await, 0);
    assert_eq!(on.lines(ADA, 9).await.unwrap(), []);
    assert_eq!(on.lines(BOB, 9).await.unwrap(), [line(BOB, 2)]);
    let exists = StoreError::Exists { what: "agent", id: BOB.0 };
    let refused = [written(&line(BOB, 4)), created(BOB, "Bob")];
    assert_eq!(on.try_keep(refused).await, Err(exists));
    assert_eq!(on.lines(BOB, 9).await.unwrap(), [line(BOB, 2)], "whole or not at all");
}

pub(super) async fn the_last_work_of_each_agent_comes_by_id(on: Subject) {
    let on = on.with_agents().await;
    assert_eq!(on.last_work(None, 9).await.unwrap(), []);
    let (old, new) = (run(ADA, 1, 10), run(ADA, 2, 20));
    let asked = |nth| crate::runs::Step { kind: StepKind::Model, ..step(&new, nth) };
    let called = crate::runs::Step { kind: StepKind::Tool, ..step(&new, 2) };
    let answered = |index, tokens| {
        Fact::StepEnded(Box::new(StepEnd {
            run_id: new.id,
            index,
            status: StepStatus::Succeeded,
            outcome: serde_json::json!({}),
            ended_at: UnixMillis(25),
            usage: Usage { input_tokens: tokens, ..Usage::default() },
        }))
    };
    on.keep([started(&old), started(&new), intended(&asked(0)), answered(0, 70)]).await;
    let work = |at, tokens| LastWork {
        agent_id: ADA,
        at: UnixMillis(at),
        model: Some(asked(0).name),
        input_tokens: tokens,
    };
    assert_eq!(on.last_work(None, 9).await.unwrap(), [work(20, Some(70))]);
    on.keep([intended(&asked(1)), intended(&called)]).await;
    assert_eq!(on.last_work(None, 9).await.unwrap(), [work(20, None)], "not answered yet");
    let ended = Fact::RunEnded(Box::new(end(&new, RunStatus::Completed, 30)));
    on.keep([answered(1, 90), ended]).await;
    assert_eq!(on.last_work(None, 9).await.unwrap(), [work(30, Some(90))]);
    on.keep([started(&run(BOB, 3, 5))]).await;
    let bob = LastWork { agent_id: BOB, at: UnixMillis(5), model: None, input_tokens: None };
    let (first, second) =
        if ADA < BOB { (work(30, Some(90)), bob) } else { (bob, work(30, Some(90))) };
    assert_eq!(on.last_work(None, 1).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(on.last_work(Some(first.agent_id), 9).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(on.last_work(Some(second.agent_id), 9).await.unwrap(), []);
}

pub(super) async fn triggers_are_counted_by_agent(on: Subject) {
    let on = on.with_agents().await;
    assert_eq!(on.trigger_totals().await.unwrap(), []);
    let (mut off, enabled) = (trigger(BOB, 1, 10), trigger(BOB, 2, 10));
    off.is_enabled = false;
    on.keep([trigger_set(&off), trigger_set(&enabled)]).await;
    let totals = TriggerTotals { agent_id: BOB, total: 2, enabled: 1 };
    assert_eq!(on.trigger_totals().await.unwrap(), [totals]);
}
