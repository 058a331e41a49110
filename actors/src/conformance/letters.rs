//! Letters: kept until they are dealt with.

use crate::facts::Fact;
use crate::letters::{Heard, Letter, LetterStatus};

use super::kit::{ADA, BOB, Subject, id, letter, sent};

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
    for letter in [&full, &plain] {
        assert_eq!(on.affected(sent(letter)).await, 1);
        assert_eq!(on.letter(letter.id).await.unwrap().as_ref(), Some(letter));
    }
    assert_eq!(on.waiting_letters(ADA, 9).await.unwrap(), [full, plain]);
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

    let answered = Fact::LetterSettled { id: id(1), status: LetterStatus::Answered };
    assert_eq!(on.affected(answered).await, 1);
    assert_eq!(waiting(&on, 9).await, [2]);
    assert!(on.seed(ADA).await.unwrap().unwrap().has_letters);
    let dead = Fact::LetterSettled { id: id(2), status: LetterStatus::Dead };
    assert_eq!(on.affected(dead).await, 1);
    assert_eq!(waiting(&on, 9).await, []);
    assert!(!on.seed(ADA).await.unwrap().unwrap().has_letters);
    assert!(on.seed(BOB).await.unwrap().unwrap().has_letters);

    let kept = on.letter(id(1)).await.unwrap();
    let expected = Letter { status: LetterStatus::Answered, attempts: 2, ..letter(ADA, 1, 10) };
    assert_eq!(kept, Some(expected), "it is kept after it was dealt with");
    assert_eq!(on.letter(id(2)).await.unwrap().unwrap().status, LetterStatus::Dead);
}

pub(super) async fn the_first_settlement_stands(on: Subject) {
    let on = on.with_agents().await;
    on.keep([sent(&letter(ADA, 1, 10))]).await;
    let settled = |number, status| Fact::LetterSettled { id: id(number), status };
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
        on.keep([Fact::LetterSettled { id: id(number), status: LetterStatus::Dead }]).await;
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
    on.keep([Fact::LetterSettled { id: id(1), status: LetterStatus::Dead }]).await;
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
