//! Runs and steps: an outcome for everything that was begun, and only the first.

use serde_json::{Value, json};

use crate::facts::Fact;
use crate::ids::RunId;
use crate::ports::RunQuery;
use crate::runs::{Run, RunKind, RunStatus, Step, StepEnd, StepKind, StepStatus, Usage};
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, content, end, id, intended, run, started, step, usage};

fn all() -> RunQuery {
    RunQuery {
        agent_id: ADA,
        room_id: None,
        letter_id: None,
        firing_id: None,
        statuses: Vec::new(),
        from: None,
        to: None,
        offset: 0,
        limit: u32::MAX,
    }
}

fn ended(run: &Run, status: RunStatus, at: i64) -> Fact {
    Fact::RunEnded(Box::new(end(run, status, at)))
}

pub(super) async fn a_run_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    for (number, kind) in (1..).zip([RunKind::Tick, RunKind::Reply, RunKind::Job, RunKind::Trigger])
    {
        let mut run = Run { kind, ..run(ADA, number, 1_700_000_000_000) };
        run.letter_id = (kind == RunKind::Reply).then(|| id(3));
        assert_eq!(on.affected(started(&run)).await, 1);
        assert_eq!(on.run(ADA, run.id).await.unwrap(), Some(run.clone()));
        assert_eq!(on.run(BOB, run.id).await.unwrap(), None, "it is not another agent's");
    }
    assert_eq!(on.run(ADA, id(99)).await.unwrap(), None);
}

pub(super) async fn open_runs_are_found_whosever_they_are(on: Subject) {
    let on = on.with_agents().await;
    let runs = [run(BOB, 1, 30), run(ADA, 2, 10), run(ADA, 3, 20)];
    for run in &runs {
        on.keep([started(run)]).await;
    }
    let open = async |limit| {
        let runs = on.open_runs(limit).await.unwrap();
        runs.iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(open(9).await, [id(1), id(2), id(3)]);
    assert_eq!(open(2).await, [id(1), id(2)]);
    assert_eq!(on.open_runs(1).await.unwrap(), [runs[0].clone()]);
    on.keep([ended(&runs[1], RunStatus::Failed, 40)]).await;
    assert_eq!(open(9).await, [id(1), id(3)]);
}

pub(super) async fn the_first_outcome_of_a_run_stands(on: Subject) {
    let on = on.with_agents().await;
    let run = run(ADA, 1, 10);
    let first = ended(&run, RunStatus::Cancelled, 20);
    let second = ended(&run, RunStatus::Completed, 30);
    let committed = on.keep([started(&run), first, second.clone()]).await;
    assert_eq!(committed.affected, [1, 1, 0]);
    assert_eq!(on.affected(second).await, 0);
    let outcome = end(&run, RunStatus::Cancelled, 20);
    let expected = Run {
        status: RunStatus::Cancelled,
        ended_at: Some(UnixMillis(20)),
        error: outcome.error,
        usage: usage(),
        ..run
    };
    assert_eq!(on.run(ADA, id(1)).await.unwrap(), Some(expected));
}

pub(super) async fn what_a_run_left_without_an_outcome_nobody_knows(on: Subject) {
    let on = on.with_agents().await;
    let (run, other) = (run(ADA, 1, 10), run(ADA, 2, 10));
    let (done, open, apart) = (step(&run, 0), step(&run, 1), step(&other, 0));
    let outcome = StepEnd {
        run_id: run.id,
        index: 0,
        status: StepStatus::Succeeded,
        outcome: json!("done"),
        ended_at: UnixMillis(15),
        usage: usage(),
    };
    let late = StepEnd { index: 1, ..outcome.clone() };
    on.keep([started(&run), started(&other), intended(&done), intended(&open), intended(&apart)])
        .await;
    on.keep([Fact::StepEnded(Box::new(outcome)), ended(&run, RunStatus::Cancelled, 20)]).await;
    assert_eq!(on.affected(Fact::StepEnded(Box::new(late))).await, 0);
    let kept = on.steps(vec![run.id, other.id]).await.unwrap();
    let statuses: Vec<_> = kept.iter().map(|step| (step.status, step.ended_at)).collect();
    let unknown = (StepStatus::OutcomeUnknown, Some(UnixMillis(20)));
    assert_eq!(
        statuses,
        [(StepStatus::Succeeded, Some(UnixMillis(15))), unknown, (StepStatus::Intended, None)]
    );
}

pub(super) async fn every_way_to_end_is_kept(on: Subject) {
    let on = on.with_agents().await;
    for (number, status) in (1..).zip([
        RunStatus::Completed,
        RunStatus::Failed,
        RunStatus::Cancelled,
        RunStatus::TimedOut,
        RunStatus::Interrupted,
    ]) {
        let run = run(ADA, number, 10);
        on.keep([started(&run), ended(&run, status, 20)]).await;
        let kept = on.run(ADA, run.id).await.unwrap().unwrap();
        let expected = end(&run, status, 20);
        assert_eq!(
            (kept.status, kept.ended_at, kept.error, kept.usage),
            (status, Some(UnixMillis(20)), expected.error, expected.usage)
        );
    }
}

pub(super) async fn only_a_run_of_that_agent_ends(on: Subject) {
    let on = on.with_agents().await;
    let of_ada = run(ADA, 1, 10);
    on.keep([started(&of_ada)]).await;
    let of_bob = Run { agent_id: BOB, ..of_ada.clone() };
    assert_eq!(on.affected(ended(&of_bob, RunStatus::Failed, 20)).await, 0);
    assert_eq!(on.affected(ended(&run(ADA, 9, 10), RunStatus::Failed, 20)).await, 0);
    assert_eq!(on.run(ADA, id(1)).await.unwrap(), Some(of_ada));
    assert_eq!(on.run(BOB, id(1)).await.unwrap(), None);
}

pub(super) async fn runs_are_listed_newest_first_and_filtered(on: Subject) {
    let on = on.with_agents().await;
    // 2 and 3 began at one time: the greater id comes first.
    for (number, at, room, status) in [
        (3, 20, 1, Some(RunStatus::Completed)),
        (1, 10, 1, Some(RunStatus::Failed)),
        (2, 20, 2, None),
        (4, 30, 2, Some(RunStatus::TimedOut)),
        (5, 5, 1, None),
    ] {
        let run = Run { room_id: id(room), ..run(ADA, number, at) };
        on.keep([started(&run)]).await;
        if let Some(status) = status {
            on.keep([ended(&run, status, 99)]).await;
        }
    }
    on.keep([started(&run(BOB, 6, 20))]).await;

    let at = |millis| Some(UnixMillis(millis));
    let table: Vec<(RunQuery, &[u128])> = vec![
        (all(), &[4, 3, 2, 1, 5]),
        (RunQuery { room_id: Some(id(2)), ..all() }, &[4, 2]),
        (RunQuery { statuses: vec![RunStatus::Started], ..all() }, &[2, 5]),
        (RunQuery { statuses: vec![RunStatus::Failed, RunStatus::TimedOut], ..all() }, &[4, 1]),
        (RunQuery { statuses: vec![RunStatus::Interrupted], ..all() }, &[]),
        (RunQuery { from: at(20), ..all() }, &[4, 3, 2]),
        (RunQuery { to: at(20), ..all() }, &[3, 2, 1, 5]),
        (RunQuery { from: at(10), to: at(20), room_id: Some(id(1)), ..all() }, &[3, 1]),
        (RunQuery { from: at(i64::MIN), to: at(i64::MAX), ..all() }, &[4, 3, 2, 1, 5]),
        (RunQuery { from: at(21), to: at(20), ..all() }, &[]),
        (RunQuery { letter_id: Some(id(3)), from: at(20), ..all() }, &[4, 3, 2]),
        (RunQuery { letter_id: Some(id(9)), ..all() }, &[]),
        (RunQuery { firing_id: Some(id(4)), to: at(20), ..all() }, &[3, 2, 1, 5]),
        (RunQuery { firing_id: Some(id(9)), ..all() }, &[]),
        (RunQuery { agent_id: BOB, ..all() }, &[6]),
        (RunQuery { agent_id: id(9), ..all() }, &[]),
    ];
    for (query, expected) in table {
        let runs = on.runs(query.clone()).await.unwrap();
        let numbers: Vec<_> = runs.iter().map(|run| run.id.0.as_u128()).collect();
        assert_eq!(numbers, expected, "{query:?}");
        let paged = RunQuery { offset: 1, limit: 2, ..query };
        let page = on.runs(paged.clone()).await.unwrap();
        let numbers: Vec<_> = page.iter().map(|run| run.id.0.as_u128()).collect();
        assert_eq!(numbers, expected.iter().copied().skip(1).take(2).collect::<Vec<_>>());
        let count = on.count_runs(RunQuery { limit: 0, ..paged }).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), expected.len());
    }
}

pub(super) async fn a_step_has_an_intent_and_then_an_outcome(on: Subject) {
    let on = on.with_agents().await;
    let run = run(ADA, 1, 10);
    let model = step(&run, 0);
    let tool = Step { kind: StepKind::Tool, name: "say".into(), ..step(&run, 1) };
    let committed = on.keep([started(&run), intended(&model), intended(&tool)]).await;
    assert_eq!(committed.affected, [1, 1, 1]);
    assert_eq!(on.steps(vec![run.id]).await.unwrap(), [model.clone(), tool.clone()]);

    let outcome = |index, status, outcome: Value| StepEnd {
        run_id: run.id,
        index,
        status,
        outcome,
        ended_at: UnixMillis(20),
        usage: usage(),
    };
    let said = Value::Object(content("said"));
    let ends = [
        outcome(0, StepStatus::Succeeded, said.clone()),
        outcome(0, StepStatus::Failed, json!("too late")),
        outcome(1, StepStatus::Failed, Value::Null),
        outcome(2, StepStatus::Succeeded, json!("never intended")),
    ];
    let committed = on.keep(ends.map(|end| Fact::StepEnded(Box::new(end)))).await;
    assert_eq!(committed.affected, [1, 0, 1, 0]);
    let (ended_at, usage) = (Some(UnixMillis(20)), usage());
    let model = Step {
        status: StepStatus::Succeeded,
        outcome: Some(said),
        ended_at,
        usage: usage.clone(),
        ..model
    };
    let kept = on.steps(vec![run.id]).await.unwrap();
    assert_eq!(kept[0], model);
    let failed = (kept[1].status, kept[1].ended_at, &kept[1].usage, &kept[1].intent);
    assert_eq!(failed, (StepStatus::Failed, ended_at, &usage, &tool.intent));
    assert_eq!(kept.len(), 2);
}

pub(super) async fn steps_come_by_run_as_asked_then_by_index(on: Subject) {
    let on = on.with_agents().await;
    let runs = [run(ADA, 1, 10), run(ADA, 2, 20), run(BOB, 3, 30)];
    for run in &runs {
        on.keep([started(run)]).await;
        for index in [1, 0, 2] {
            on.keep([intended(&step(run, index))]).await;
        }
    }
    let order = |ids: Vec<RunId>| {
        let steps = on.steps(ids);
        async {
            let steps = steps.await.unwrap();
            steps.iter().map(|step| (step.run_id.0.as_u128(), step.index)).collect::<Vec<_>>()
        }
    };
    assert_eq!(
        order(vec![id(3), id(9), id(1)]).await,
        [(3, 0), (3, 1), (3, 2), (1, 0), (1, 1), (1, 2)]
    );
    assert_eq!(order(vec![id(2)]).await, [(2, 0), (2, 1), (2, 2)]);
    assert_eq!(order(Vec::new()).await, []);
    let kept = on.steps(vec![id(2)]).await.unwrap();
    assert!(kept.iter().all(|step| step.usage == Usage::default() && step.outcome.is_none()));
}
