//! Boots: fencing, and what the one before left open.

use serde_json::json;

use crate::error::StoreError;
use crate::facts::Fact;
use crate::runs::{RunStatus, StepEnd, StepStatus};
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, end, happened, id, intended, letter, memory, remembered, run, running, sent,
    started, step, usage,
};

pub(super) async fn each_boot_is_higher_and_fences_the_one_before(on: Subject) {
    let on = on.with_agents().await;
    let boot = on.boot(UnixMillis(100)).await.unwrap();
    assert!(boot.epoch > on.epoch);
    assert_eq!(boot.interrupted_runs, 0);
    assert_eq!(on.try_keep([happened(ADA, 10)]).await, Err(StoreError::Fenced));
    assert_eq!(on.try_keep([Fact::FleetHalted(true)]).await, Err(StoreError::Fenced));
    assert_eq!(on.event_bounds(ADA).await.unwrap(), None);
    assert!(!on.is_halted().await.unwrap());

    let next = Subject { epoch: boot.epoch, ..on };
    next.keep([happened(ADA, 10)]).await;
    assert_eq!(next.event_bounds(ADA).await.unwrap(), Some((1, 1)));
    assert!(next.boot(UnixMillis(101)).await.unwrap().epoch > boot.epoch);
}

pub(super) async fn a_boot_interrupts_the_runs_that_are_open(on: Subject) {
    let on = on.with_agents().await;
    let (open, other, over) = (run(ADA, 1, 10), run(BOB, 2, 11), run(ADA, 3, 12));
    let outcome = |run, index| StepEnd {
        run_id: run,
        index,
        status: StepStatus::Succeeded,
        outcome: json!("said"),
        ended_at: UnixMillis(20),
        usage: usage(),
    };
    on.keep([
        started(&open),
        started(&other),
        started(&over),
        intended(&step(&open, 0)),
        intended(&step(&open, 1)),
        intended(&step(&over, 0)),
        Fact::StepEnded(Box::new(outcome(open.id, 0))),
        Fact::StepEnded(Box::new(outcome(over.id, 0))),
        Fact::RunEnded(Box::new(end(&over, RunStatus::Completed, 20))),
    ])
    .await;

    let boot = on.boot(UnixMillis(100)).await.unwrap();
    assert_eq!(boot.interrupted_runs, 2);
    let on = Subject { epoch: boot.epoch, ..on };
    for run in [&open, &other] {
        let run = on.run(run.agent_id, run.id).await.unwrap().unwrap();
        assert_eq!((run.status, run.ended_at), (RunStatus::Interrupted, Some(UnixMillis(100))));
    }
    let completed = on.run(ADA, over.id).await.unwrap().unwrap();
    assert_eq!(
        (completed.status, completed.ended_at),
        (RunStatus::Completed, Some(UnixMillis(20)))
    );
    let steps = on.steps(vec![open.id, over.id]).await.unwrap();
    let statuses: Vec<_> = steps.iter().map(|step| step.status).collect();
    assert_eq!(
        statuses,
        [StepStatus::Succeeded, StepStatus::OutcomeUnknown, StepStatus::Succeeded]
    );

    // What was interrupted stays so, whatever comes late.
    let late = Fact::RunEnded(Box::new(end(&open, RunStatus::Completed, 200)));
    assert_eq!(on.affected(late).await, 0);
    assert_eq!(on.affected(Fact::StepEnded(Box::new(outcome(open.id, 1)))).await, 0);
    assert_eq!(on.run(ADA, open.id).await.unwrap().unwrap().status, RunStatus::Interrupted);
    assert_eq!(on.boot(UnixMillis(300)).await.unwrap().interrupted_runs, 0);
}

pub(super) async fn a_boot_keeps_everything_else(on: Subject) {
    let on = on.with_agents().await;
    let (known, waiting) = (memory(ADA, 1, 10, "known"), letter(ADA, 1, 10));
    on.keep([
        Fact::LifecycleChanged { id: ADA, lifecycle: running() },
        Fact::Reflected { id: ADA, at: UnixMillis(9) },
        remembered(&known),
        sent(&waiting),
        happened(ADA, 10),
        Fact::FleetHalted(true),
    ])
    .await;
    let before = on.seed(ADA).await.unwrap().unwrap();
    assert!(before.has_letters);
    on.boot(UnixMillis(100)).await.unwrap();
    assert_eq!(on.seed(ADA).await.unwrap(), Some(before));
    assert_eq!(on.memory(ADA, id(1)).await.unwrap(), Some(known));
    assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), [waiting]);
    assert_eq!(on.event_bounds(ADA).await.unwrap(), Some((1, 1)));
    assert!(on.is_halted().await.unwrap());
}
