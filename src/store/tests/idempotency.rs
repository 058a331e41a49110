//! Requests with a key: what both places that keep them promise, and what the file endures.

use std::sync::Arc;

use greenroom_actors::error::StoreError;
use greenroom_actors::time::UnixMillis;

use super::support::Place;
use crate::http::idempotency::{Answer, Answers, Found, MemoryAnswers, Scope};

const NEVER: UnixMillis = UnixMillis(0);
const MANY: u64 = 1000;

fn scope(number: u8) -> Scope {
    Scope([number; 32])
}

fn answer(body: Option<&'static str>) -> Answer {
    Answer {
        request: [7; 32],
        status: 201,
        content_type: Some("application/json".to_owned()),
        location: None,
        body: body.map(|body| body.as_bytes().into()),
    }
}

fn answered(body: Option<&'static str>) -> Option<Found> {
    Some(Found::Answered(Box::new(answer(body))))
}

#[tokio::test]
async fn a_key_is_begun_once_and_answered_until_it_is_forgotten() {
    let place = Place::new();
    let places: [Arc<dyn Answers>; 2] =
        [Arc::new(place.open()), Arc::new(MemoryAnswers::default())];
    for answers in places {
        let begin = |number, now, since| {
            answers.begin(scope(number), UnixMillis(now), UnixMillis(since), MANY)
        };
        assert_eq!(answers.find(scope(1), NEVER).await, Ok(None));
        assert_eq!(begin(1, 10, 0).await, Ok(None));
        assert_eq!(begin(1, 11, 0).await, Ok(Some(Found::Begun)));
        assert_eq!(answers.find(scope(1), NEVER).await, Ok(Some(Found::Begun)));
        for body in [Some("{}"), Some(""), None] {
            answers.settle(scope(1), answer(body)).await.unwrap();
            assert_eq!(answers.find(scope(1), NEVER).await, Ok(answered(body)));
        }
        assert_eq!(begin(1, 12, 10).await, Ok(answered(None)));

        // Past its time it is as if it were not there, and begun anew.
        assert_eq!(answers.find(scope(1), UnixMillis(11)).await, Ok(None));
        assert_eq!(begin(1, 20, 11).await, Ok(None));
        assert_eq!(answers.find(scope(1), NEVER).await, Ok(Some(Found::Begun)));
        answers.release(scope(1)).await.unwrap();
        answers.release(scope(1)).await.unwrap();
        assert_eq!(begin(1, 21, 0).await, Ok(None));

        assert_eq!(begin(2, 30, 0).await, Ok(None));
        assert_eq!(answers.expire(UnixMillis(30)).await, Ok(1));
        assert_eq!(answers.find(scope(1), NEVER).await, Ok(None));
        assert_eq!(answers.find(scope(2), NEVER).await, Ok(Some(Found::Begun)));
    }
}

#[tokio::test]
async fn of_too_many_keys_the_oldest_are_forgotten() {
    let place = Place::new();
    let places: [Arc<dyn Answers>; 2] =
        [Arc::new(place.open()), Arc::new(MemoryAnswers::default())];
    for answers in places {
        for number in 0..10 {
            let now = UnixMillis(i64::from(number));
            assert_eq!(answers.begin(scope(number), now, NEVER, 3).await, Ok(None));
        }
        for number in 0..10 {
            let found = answers.find(scope(number), NEVER).await.unwrap();
            assert_eq!(found.is_some(), number >= 7, "{number}");
        }
        assert_eq!(answers.expire(UnixMillis(100)).await, Ok(3));
    }
}

#[tokio::test]
async fn what_was_begun_and_answered_is_found_by_the_next_process() {
    let place = Place::new();
    {
        let store = place.open();
        for number in [1, 2] {
            store.begin(scope(number), UnixMillis(1), NEVER, MANY).await.unwrap();
        }
        store.settle(scope(2), answer(Some("{}"))).await.unwrap();
        store.close();
        let refused = store.begin(scope(3), UnixMillis(1), NEVER, MANY).await;
        assert_eq!(refused, Err(StoreError::Closed));
    }
    let store = place.open();
    assert_eq!(store.find(scope(1), NEVER).await, Ok(Some(Found::Begun)));
    assert_eq!(store.find(scope(2), NEVER).await, Ok(answered(Some("{}"))));
}
