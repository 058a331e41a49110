//! Letters: kept until they are dealt with.

use crate::facts::Fact;
use crate::letters::{Heard, Letter, LetterStatus, Terms};
use crate::ports::{Dealt, LetterQuery, WorkDone};
use crate::runs::{Run, RunKind, RunStatus};
use crate::time::UnixMillis;

use super::kit::{
    ADA, BOB, Subject, end, id, letter, run, sent, settled, settlement, started, task, usage,
};

async fn waiting(on: &Subject, limit: u32) -> Vec<u128> {
    let letters = on.waiting_letters(ADA, limit).await.unwrap();
    letters.iter().map(|letter| letter.id.0.as_u128()).collect()
}

pub(super) async fn a_letter_is_kept_in_full(on: Subject) {
    let on = on.with_agents().await;
    let full = letter(ADA, 1, 1_700_000_000_000);
    let plain = Letter {
        from_agent: None,
        may_be_ignored: true,
        heard: Some(Heard { channel_id: id(91), message_id: id(92) }),
        askers: vec![ADA, BOB],
        in_reply_to: None,
        expects_reply: false,
        ..letter(ADA, 2, 1_700_000_000_001)
    };
    let labelled = Letter { terms: Some(Box::new(Terms::default())), ..letter(ADA, 3, 3) };
    let beside = task(ADA, 4, 4);
    for letter in [&full, &plain, &labelled, &beside] {
        assert_eq!(on.affected(sent(letter)).await, 1);
        assert_eq!(on.letter(letter.id).await.unwrap().as_ref(), Some(letter));
    }
    assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), [labelled, full, plain]);
    assert_eq!(on.waiting_beside(ADA, 9).await.unwrap(), [beside]);
    assert_eq!(on.waiting_letters(BOB, 9).await.unwrap(), []);
}

pub(super) async fn a_letter_waits_until_it_is_settled(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&letter(ADA, 1, 10)), sent(&letter(ADA, 2, 20)), sent(&letter(BOB, 3, 5))]).await;
    assert!(on.seed(ADA).await.unwrap().unwrap().has_letters);
    assert_eq!(on.affected(Fact::LetterTried(id(1))).await, 1);
    assert_eq!(on.affected(Fact::LetterTried(id(1))).await, 1);
    assert_eq!(on.affected(Fact::LetterTried(id(9))).await, 0);
    assert_eq!(on.letter(id(1)).await.unwrap().unwrap().attempts, 2);
    assert_eq!(waiting(&on, 9).await, [1, 2], "what was tried still waits");

    let answered = settled(id(1), LetterStatus::Answered);
    assert_eq!(on.affected(answered).await, 1);
    assert_eq!(waiting(&on, 9).await, [2]);
    assert!(on.seed(ADA).await.unwrap().unwrap().has_letters);
    let dead = settled(id(2), LetterStatus::Dead);
    assert_eq!(on.affected(dead).await, 1);
    assert_eq!(waiting(&on, 9).await, []);
    assert!(!on.seed(ADA).await.unwrap().unwrap().has_letters);
    assert!(on.seed(BOB).await.unwrap().unwrap().has_letters);

    let kept = on.letter(id(1)).await.unwrap();
    let status = LetterStatus::Answered;
    let settled = Some(Box::new(settlement(status)));
    let expected = Letter { status, attempts: 2, settled, ..letter(ADA, 1, 10) };
    assert_eq!(kept, Some(expected), "it is kept after it was dealt with");
    assert_eq!(on.letter(id(2)).await.unwrap().unwrap().status, LetterStatus::Dead);
}

pub(super) async fn the_first_settlement_stands(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&letter(ADA, 1, 10))]).await;
    let settled = |number, status| settled(id(number), status);
    let committed = on
        .keep([
            settled(1, LetterStatus::Dead),
            settled(1, LetterStatus::Answered),
            settled(9, LetterStatus::Answered),
        ])
        .await;
    assert_eq!(committed.affected, [1, 0, 0]);
    assert_eq!(on.letter(id(1)).await.unwrap().unwrap().status, LetterStatus::Dead);
}

pub(super) async fn letters_wait_oldest_first(on: Subject) {
    let on = on.with_agents().await;
    for (number, at) in [(4, 40), (1, 30), (3, 10), (2, 20)] {
        on.keep([sent(&letter(ADA, number, at))]).await;
    }
    assert_eq!(waiting(&on, u32::MAX).await, [3, 2, 1, 4]);
    assert_eq!(waiting(&on, 2).await, [3, 2]);
    assert_eq!(waiting(&on, 0).await, []);
}

/// Ids of one process sort by the time they were made, so a conversation keeps its order also
/// where several letters come within one millisecond.
pub(super) async fn letters_of_one_instant_wait_in_the_order_of_their_ids(on: Subject) {
    let on = on.with_agents().await;
    on.keep([2, 1, 3].map(|number| sent(&letter(ADA, number, 10)))).await;
    assert_eq!(waiting(&on, 9).await, [1, 2, 3]);
}

pub(super) async fn dead_letters_are_listed_newest_first(on: Subject) {
    let on = on.with_agents().await;
    for (number, to, at) in [(1, ADA, 10), (2, BOB, 20), (3, ADA, 30), (4, ADA, 20), (5, ADA, 5)] {
        on.keep([sent(&letter(to, number, at))]).await;
    }
    for number in 1..=4 {
        on.keep([settled(id(number), LetterStatus::Dead)]).await;
    }
    for (to, offset, limit, expected) in [
        (None, 0, 9, vec![3, 4, 2, 1]),
        (None, 1, 2, vec![4, 2]),
        (Some(ADA), 0, 9, vec![3, 4, 1]),
        (Some(BOB), 0, 9, vec![2]),
        (Some(BOB), 1, 9, vec![]),
    ] {
        let found = on.dead_letters(to, offset, limit).await.unwrap();
        let found: Vec<_> = found.iter().map(|letter| letter.id.0.as_u128()).collect();
        assert_eq!(found, expected, "{to:?} {offset} {limit}");
    }
    for (to, expected) in [(None, 4), (Some(ADA), 3), (Some(id(9)), 0)] {
        assert_eq!(on.count_dead_letters(to).await.unwrap(), expected);
    }
}

pub(super) async fn a_dead_letter_waits_again(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&letter(ADA, 1, 10)), sent(&letter(ADA, 2, 20))]).await;
    on.keep([settled(id(1), LetterStatus::Dead)]).await;
    let requeued = |number, to| Fact::LetterRequeued { id: id(number), to, attempts: 7 };
    assert_eq!(on.affected(requeued(1, BOB)).await, 0, "it is not his");
    assert_eq!(on.affected(requeued(2, ADA)).await, 0, "it is not dead");
    assert_eq!(on.affected(requeued(9, ADA)).await, 0);
    assert_eq!(on.affected(requeued(1, ADA)).await, 1);
    assert_eq!(on.affected(requeued(1, ADA)).await, 0);
    assert_eq!(waiting(&on, 9).await, [1, 2], "in its old place");
    assert_eq!(on.count_dead_letters(None).await.unwrap(), 0);
    let kept = on.letter(id(1)).await.unwrap();
    assert_eq!(kept, Some(Letter { attempts: 7, ..letter(ADA, 1, 10) }));
    assert_eq!(on.letter(id(2)).await.unwrap().unwrap().attempts, 0);
}

pub(super) async fn letters_beside_the_conversation_wait_apart(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&task(ADA, 2, 20)), sent(&task(ADA, 1, 10)), sent(&task(BOB, 3, 5))]).await;
    let seed = on.seed(ADA).await.unwrap().unwrap();
    assert_eq!((seed.has_letters, seed.has_tasks), (false, true));
    assert_eq!(waiting(&on, 9).await, []);
    on.keep([sent(&letter(ADA, 4, 1))]).await;
    let beside = async |limit| {
        let letters = on.waiting_beside(ADA, limit).await.unwrap();
        letters.iter().map(|letter| letter.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(
        (waiting(&on, 9).await, beside(9).await, beside(1).await),
        (vec![4], vec![1, 2], vec![1])
    );

    on.keep([Fact::LetterParked(id(1))]).await;
    assert_eq!(beside(9).await, [2]);
    on.keep([Fact::LetterUnparked(id(1)), settled(id(2), LetterStatus::Cancelled)]).await;
    assert_eq!(beside(9).await, [1], "in its own place");
    on.keep([settled(id(1), LetterStatus::Dead)]).await;
    assert!(!on.seed(ADA).await.unwrap().unwrap().has_tasks);
    on.keep([Fact::LetterRequeued { id: id(1), to: ADA, attempts: 0 }]).await;
    assert_eq!((waiting(&on, 9).await, beside(9).await), (vec![4], vec![1]));
    let requeued = on.letter(id(1)).await.unwrap().unwrap();
    assert_eq!((requeued.settled, requeued.terms), (None, task(ADA, 1, 10).terms));
    assert_eq!(
        on.count_dead_letters(None).await.unwrap(),
        0,
        "one that was called off is not dead"
    );
}

pub(super) async fn letters_are_listed_newest_first_with_their_latest_run(on: Subject) {
    let on = on.with_agents().await;
    let elsewhere = Letter { room_id: id(8), ..task(ADA, 3, 30) };
    let letters = [letter(ADA, 1, 10), task(ADA, 2, 20), elsewhere, letter(BOB, 4, 40)];
    on.keep(letters.each_ref().map(sent)).await;
    let run_for = |number, letter, at| Run { letter_id: Some(id(letter)), ..run(ADA, number, at) };
    let (first, second, other) = (run_for(21, 2, 21), run_for(20, 2, 22), run_for(23, 1, 90));
    on.keep([started(&second), started(&first), started(&other)]).await;
    on.keep([settled(id(3), LetterStatus::Dead)]).await;

    let of = || LetterQuery::of(ADA, 9);
    for (query, expected) in [
        (of(), vec![3, 2, 1]),
        (LetterQuery { offset: 1, limit: 1, ..of() }, vec![2]),
        (LetterQuery { with_terms: true, ..of() }, vec![3, 2]),
        (LetterQuery { room_id: Some(id(8)), ..of() }, vec![3]),
        (LetterQuery { rooms: Some(vec![id(9), id(8)]), ..of() }, vec![3]),
        (LetterQuery { rooms: Some(Vec::new()), ..of() }, vec![]),
        (LetterQuery { statuses: vec![LetterStatus::Waiting], ..of() }, vec![2, 1]),
        (LetterQuery { statuses: vec![LetterStatus::Cancelled], ..of() }, vec![]),
        (LetterQuery { from: Some(UnixMillis(20)), ..of() }, vec![3, 2]),
        (LetterQuery::of(BOB, 9), vec![4]),
    ] {
        let found = on.letters(query.clone()).await.unwrap();
        let found: Vec<_> = found.iter().map(|dealt| dealt.letter.id.0.as_u128()).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    let dealt = on.letters(LetterQuery { offset: 1, limit: 1, ..of() }).await.unwrap();
    assert_eq!(dealt, [Dealt { letter: task(ADA, 2, 20), run: Some(second) }]);
}

pub(super) async fn work_is_counted_for_each_agent(on: Subject) {
    let on = on.with_agents().await;
    let of =
        |agent, number, kind| Run { kind, ..run(agent, number, i64::try_from(number).unwrap()) };
    let runs = [
        of(ADA, 10, RunKind::Reply),
        of(ADA, 20, RunKind::Reply),
        of(ADA, 21, RunKind::Job),
        of(ADA, 22, RunKind::Trigger),
        of(ADA, 23, RunKind::Tick),
        of(ADA, 24, RunKind::Reply),
        of(ADA, 25, RunKind::Reply),
        of(BOB, 26, RunKind::Reply),
    ];
    on.keep(runs.each_ref().map(started)).await;
    let ends = [
        (1, RunStatus::Completed),
        (2, RunStatus::Failed),
        (3, RunStatus::TimedOut),
        (4, RunStatus::Completed),
        (5, RunStatus::Interrupted),
        (7, RunStatus::Cancelled),
    ];
    on.keep(ends.map(|(place, status)| Fact::RunEnded(Box::new(end(&runs[place], status, 99)))))
        .await;
    let cost = usage().cost_micros.unwrap();
    let ada = WorkDone {
        agent_id: ADA,
        total: 4,
        completed: 1,
        failed: 2,
        open: 1,
        cost_micros: 3 * cost,
        last_started_at: UnixMillis(25),
    };
    let at = UnixMillis(26);
    let bob = WorkDone { total: 1, cost_micros: cost, last_started_at: at, ..WorkDone::none(BOB) };
    let mut expected = [ada, bob];
    expected.sort_by_key(|work| work.agent_id);
    assert_eq!(on.work_since(UnixMillis(20)).await.unwrap(), expected);
    assert_eq!(on.work_since(UnixMillis(27)).await.unwrap(), []);
}
