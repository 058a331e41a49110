//! Approvals, and the runs and letters that are set aside for them.

use std::time::Duration;

use crate::approvals::{Approval, ApprovalEnd, ApprovalStatus};
use crate::facts::Fact;
use crate::ids::AgentId;
use crate::letters::LetterStatus;
use crate::ports::{ApprovalQuery, Pruned, Retention};
use crate::runs::{Run, RunPark, RunStatus};
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, content, end, id, intended, letter, run, sent, settled, started, step, usage,
};

fn approval(agent_id: AgentId, number: u128, run: u128, at: i64) -> Approval {
    Approval {
        id: id(number),
        agent_id,
        run_id: id(run),
        tool: "send".into(),
        arguments: content("with what").into(),
        call_id: "call-1".into(),
        key: id(8),
        asked_at: UnixMillis(at),
        expires_at: UnixMillis(at + 100),
        status: ApprovalStatus::Waiting,
        decided_at: None,
        decided_by: None,
        comment: None,
    }
}

fn asked(approval: &Approval) -> Fact {
    Fact::ApprovalAsked(Box::new(approval.clone()))
}

fn decided(number: u128, status: ApprovalStatus) -> ApprovalEnd {
    let (by, comment) = (Some("Eve".to_owned()), Some("it's \"fine\"".to_owned()));
    ApprovalEnd { id: id(number), status, at: UnixMillis(50), by, comment }
}

fn decision(number: u128, status: ApprovalStatus) -> Fact {
    Fact::ApprovalDecided(Box::new(decided(number, status)))
}

fn parked(run: &Run) -> Fact {
    let park = RunPark { run_id: run.id, agent_id: run.agent_id, usage: usage() };
    Fact::RunParked(Box::new(park))
}

fn resumed(run: &Run) -> Fact {
    Fact::RunResumed { agent_id: run.agent_id, run_id: run.id }
}

fn any() -> ApprovalQuery {
    ApprovalQuery { limit: 99, ..ApprovalQuery::default() }
}

pub(super) async fn an_approval_is_kept_in_full_and_decided_once(on: Subject) {
    use ApprovalStatus::{Denied, Expired, Granted};
    let on = on.with_agents().await;
    for (number, status) in [(1, Granted), (2, Denied), (3, Expired)] {
        let approval = approval(ADA, number, 7, 10);
        assert_eq!(on.affected(asked(&approval)).await, 1);
        assert_eq!(on.approval(approval.id).await.unwrap().as_ref(), Some(&approval));
        assert_eq!(on.affected(decision(number, status)).await, 1);
        assert_eq!(on.affected(decision(number, Denied)).await, 0);
        let expected = approval.ended(decided(number, status));
        assert_eq!(on.approval(id(number)).await.unwrap(), Some(expected));
    }
    assert_eq!(on.affected(decision(9, Granted)).await, 0);
    assert_eq!(on.approval(id(9)).await.unwrap(), None);
    assert_eq!(on.affected(asked(&approval(id(99), 4, 7, 10))).await, 0, "of nobody");
    assert_eq!(on.approval(id(4)).await.unwrap(), None);
}

pub(super) async fn approvals_are_listed_oldest_first_and_filtered(on: Subject) {
    let on = on.with_agents().await;
    for (agent, number, run, at) in
        [(ADA, 1, 7, 30), (ADA, 3, 8, 10), (BOB, 2, 9, 20), (ADA, 4, 8, 40)]
    {
        on.keep([asked(&approval(agent, number, run, at))]).await;
    }
    on.keep([decision(3, ApprovalStatus::Granted)]).await;
    let waiting = |agent| ApprovalQuery::waiting(agent, 99);
    let table: Vec<(ApprovalQuery, &[u128])> = vec![
        (any(), &[3, 2, 1, 4]),
        (ApprovalQuery { agent_id: Some(ADA), ..any() }, &[3, 1, 4]),
        (waiting(None), &[2, 1, 4]),
        (waiting(Some(ADA)), &[1, 4]),
        (ApprovalQuery { status: Some(ApprovalStatus::Granted), ..any() }, &[3]),
        (ApprovalQuery { status: Some(ApprovalStatus::Denied), ..any() }, &[]),
        (ApprovalQuery { run_ids: vec![id(8), id(9)], ..any() }, &[3, 2, 4]),
        (ApprovalQuery { run_ids: vec![id(5)], ..any() }, &[]),
        (ApprovalQuery { expires_by: Some(UnixMillis(130)), ..waiting(None) }, &[2, 1]),
        (ApprovalQuery { expires_by: Some(UnixMillis(119)), ..waiting(None) }, &[]),
    ];
    for (query, expected) in table {
        let numbers = async |query: ApprovalQuery| {
            let found = on.approvals(query).await.unwrap();
            found.iter().map(|approval| approval.id.0.as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(numbers(query.clone()).await, expected, "{query:?}");
        let paged = ApprovalQuery { offset: 1, limit: 1, ..query.clone() };
        let page: Vec<_> = expected.iter().copied().skip(1).take(1).collect();
        assert_eq!(numbers(paged.clone()).await, page, "{query:?}");
        let count = on.count_approvals(paged).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), expected.len(), "{query:?}");
    }
}

pub(super) async fn a_parked_run_outlives_a_boot_and_goes_on(on: Subject) {
    let on = on.with_agents().await;
    let (set_aside, other) = (run(ADA, 1, 10), run(ADA, 2, 10));
    on.keep([started(&set_aside), started(&other), intended(&step(&set_aside, 0))]).await;
    assert_eq!(on.affected(resumed(&set_aside)).await, 0, "it is not parked");
    assert_eq!(on.affected(parked(&set_aside)).await, 1);
    assert_eq!(on.affected(parked(&set_aside)).await, 0);
    let late = Fact::RunEnded(Box::new(end(&set_aside, RunStatus::Cancelled, 20)));
    assert_eq!(on.affected(late).await, 0, "it does not end before it goes on");

    let boot = on.boot(UnixMillis(100)).await.unwrap();
    assert_eq!(boot.interrupted_runs, 1);
    let on = Subject { epoch: boot.epoch, ..on };
    let expected = Run { status: RunStatus::Parked, usage: usage(), ..set_aside.clone() };
    assert_eq!(on.run(ADA, set_aside.id).await.unwrap(), Some(expected.clone()));
    let of_bob = Fact::RunResumed { agent_id: BOB, run_id: set_aside.id };
    assert_eq!(on.affected(of_bob).await, 0);
    assert_eq!(on.affected(resumed(&set_aside)).await, 1);
    let expected = Run { status: RunStatus::Started, ..expected };
    assert_eq!(on.run(ADA, set_aside.id).await.unwrap(), Some(expected));
    assert_eq!(on.affected(resumed(&set_aside)).await, 0);
    assert_eq!(on.affected(parked(&other)).await, 0, "it has ended");
}

pub(super) async fn a_run_may_go_on_when_nothing_it_asked_for_waits(on: Subject) {
    let on = on.with_agents().await;
    let runs = [run(ADA, 1, 30), run(ADA, 2, 10), run(ADA, 3, 20), run(BOB, 4, 5)];
    for run in &runs {
        on.keep([started(run), asked(&approval(run.agent_id, run.id.0.as_u128(), 99, 10))]).await;
    }
    on.keep([asked(&approval(ADA, 11, 1, 10)), asked(&approval(ADA, 12, 1, 10))]).await;
    on.keep([asked(&approval(ADA, 13, 2, 10)), parked(&runs[0]), parked(&runs[1])]).await;
    let resumable = async |agent, limit| {
        let found = on.resumable_runs(agent, limit).await.unwrap();
        found.iter().map(|run| run.id.0.as_u128()).collect::<Vec<_>>()
    };
    let has_some = async |agent| on.seed(agent).await.unwrap().unwrap().has_resumable;
    assert_eq!(resumable(ADA, 9).await, []);
    assert!(!has_some(ADA).await);
    on.keep([decision(11, ApprovalStatus::Denied), decision(13, ApprovalStatus::Expired)]).await;
    assert_eq!(resumable(ADA, 9).await, [2]);
    assert!(has_some(ADA).await && !has_some(BOB).await);
    on.keep([decision(12, ApprovalStatus::Granted)]).await;
    assert_eq!(resumable(ADA, 9).await, [2, 1]);
    assert_eq!(resumable(ADA, 1).await, [2]);
    on.keep([resumed(&runs[0]), resumed(&runs[1])]).await;
    assert_eq!(resumable(ADA, 9).await, []);
    assert!(!has_some(ADA).await);
}

pub(super) async fn a_letter_is_set_aside_and_waits_again(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&letter(ADA, 1, 10)), sent(&letter(ADA, 2, 20))]).await;
    let waiting = async || {
        let letters = on.waiting_letters(ADA, 9).await.unwrap();
        letters.iter().map(|letter| letter.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(on.affected(Fact::LetterUnparked(id(1))).await, 0);
    assert_eq!(on.affected(Fact::LetterParked(id(1))).await, 1);
    assert_eq!(on.affected(Fact::LetterParked(id(1))).await, 0);
    assert_eq!(on.letter(id(1)).await.unwrap().unwrap().status, LetterStatus::Parked);
    assert_eq!(waiting().await, [2]);
    let dead = settled(id(1), LetterStatus::Dead);
    assert_eq!(on.affected(dead).await, 0, "it does not wait");
    let old = Retention { letters_for: Some(Duration::from_millis(1)), ..Retention::default() };
    assert_eq!(on.prune(old, UnixMillis(9_000)).await.unwrap(), Pruned::default());
    assert_eq!(on.affected(Fact::LetterUnparked(id(1))).await, 1);
    assert_eq!(on.affected(Fact::LetterUnparked(id(9))).await, 0);
    assert_eq!(waiting().await, [1, 2]);
}

pub(super) async fn approvals_go_with_their_run_and_their_agent(on: Subject) {
    let on = on.with_agents().await;
    let (old, aside, of_bob) = (run(ADA, 1, 10), run(ADA, 2, 10), run(BOB, 3, 10));
    for run in [&old, &aside, &of_bob] {
        on.keep([
            started(run),
            asked(&approval(run.agent_id, run.id.0.as_u128(), run.id.0.as_u128(), 10)),
            parked(run),
        ])
        .await;
    }
    on.keep([
        decision(1, ApprovalStatus::Granted),
        decision(2, ApprovalStatus::Granted),
        resumed(&old),
        Fact::RunEnded(Box::new(end(&old, RunStatus::Completed, 20))),
    ])
    .await;
    let retention =
        Retention { runs_for: Some(Duration::from_millis(100)), ..Retention::default() };
    let pruned = on.prune(retention, UnixMillis(9_000)).await.unwrap();
    assert_eq!(pruned, Pruned { runs: 1, ..Pruned::default() });
    let left = async || {
        let found = on.approvals(any()).await.unwrap();
        found.iter().map(|approval| approval.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(left().await, [2, 3], "a parked run is always kept, whatever was decided");
    on.keep([Fact::AgentRemoved { id: ADA, keep_memories: true }]).await;
    assert_eq!(left().await, [3]);
}
