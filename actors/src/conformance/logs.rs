//! Log entries and the many ways to ask for them.

use serde_json::{Value, json};

use crate::facts::Fact;
use crate::ids::AgentId;
use crate::ports::LogQuery;
use crate::records::LogEntry;
use crate::time::UnixMillis;

use super::kit::{ADA, BOB, Subject, content, id, map};

pub(super) fn entry(agent_id: AgentId, number: u128, at: i64) -> LogEntry {
    LogEntry {
        id: id(number),
        agent_id,
        entity_id: id(2),
        room_id: id(1),
        run_id: None,
        kind: "action".into(),
        body: content("an entry"),
        created_at: UnixMillis(at),
    }
}

fn all() -> LogQuery {
    LogQuery::of(ADA, u32::MAX)
}

async fn found(on: &Subject, query: LogQuery) -> Vec<u128> {
    let entries = on.logs(query).await.unwrap();
    entries.iter().map(|entry| entry.id.0.as_u128()).collect()
}

/// An agent whose log has one entry for each of these bodies, in order, the first the newest.
async fn with_bodies(on: Subject, bodies: &[Value]) -> Subject {
    let on = on.with_agents().await;
    for ((number, at), body) in (1..).zip((0..100).rev()).zip(bodies) {
        let entry = LogEntry { body: map(body.clone()), ..entry(ADA, number, at) };
        on.keep([Fact::Logged(Box::new(entry))]).await;
    }
    on
}

pub(super) async fn an_entry_is_kept_in_full_and_removed(on: Subject) {
    let on = on.with_agents().await;
    let full = LogEntry { run_id: Some(id(5)), ..entry(ADA, 1, 1_700_000_000_000) };
    let bare = LogEntry { body: map(json!({})), ..entry(ADA, 2, 10) };
    for entry in [&full, &bare] {
        assert_eq!(on.affected(Fact::Logged(Box::new(entry.clone()))).await, 1);
        assert_eq!(on.log(ADA, entry.id).await.unwrap().as_ref(), Some(entry));
        assert_eq!(on.log(BOB, entry.id).await.unwrap(), None);
    }
    assert_eq!(on.logs(all()).await.unwrap(), [full, bare.clone()]);
    let removed = |agent_id| Fact::LogRemoved { agent_id, id: id(1) };
    let committed = on.keep([removed(BOB), removed(ADA), removed(ADA)]).await;
    assert_eq!(committed.affected, [0, 1, 0]);
    assert_eq!(on.log(ADA, id(1)).await.unwrap(), None);
    assert_eq!(on.logs(all()).await.unwrap(), [bare]);
}

pub(super) async fn entries_are_listed_newest_first_and_filtered(on: Subject) {
    let on = on.with_agents().await;
    for (number, at, kind, room, run) in [
        (3, 20, "action", 1, Some(7)),
        (1, 10, "run_event", 2, Some(7)),
        (2, 20, "action", 2, Some(8)),
        (4, 30, "run_event", 1, None),
        (5, 5, "action", 1, None),
    ] {
        let entry = LogEntry {
            kind: kind.into(),
            room_id: id(room),
            run_id: run.map(id),
            ..entry(ADA, number, at)
        };
        on.keep([Fact::Logged(Box::new(entry))]).await;
    }
    on.keep([Fact::Logged(Box::new(entry(BOB, 6, 20)))]).await;
    let at = |millis| Some(UnixMillis(millis));
    let table: Vec<(LogQuery, &[u128])> = vec![
        (all(), &[4, 3, 2, 1, 5]),
        (LogQuery { room_id: Some(id(1)), ..all() }, &[4, 3, 5]),
        (LogQuery { run_id: Some(id(7)), ..all() }, &[3, 1]),
        (LogQuery { kind: Some("run_event".into()), ..all() }, &[4, 1]),
        (LogQuery { kind: Some("run".into()), ..all() }, &[]),
        (LogQuery { from: at(20), ..all() }, &[4, 3, 2]),
        (LogQuery { to: at(20), ..all() }, &[3, 2, 1, 5]),
        (LogQuery { from: at(10), to: at(20), ..all() }, &[3, 2, 1]),
        (LogQuery { offset: 1, limit: 2, ..all() }, &[3, 2]),
        (LogQuery { offset: 5, ..all() }, &[]),
        (LogQuery { limit: 0, ..all() }, &[]),
        (LogQuery { kind: Some("action".into()), room_id: Some(id(1)), offset: 1, ..all() }, &[5]),
        (LogQuery::of(BOB, 9), &[6]),
        (LogQuery::of(id(9), 9), &[]),
    ];
    for (query, expected) in table {
        assert_eq!(found(&on, query.clone()).await, expected, "{query:?}");
    }
}

pub(super) async fn some_kinds_are_excluded(on: Subject) {
    let on = on.with_agents().await;
    for (number, kind, body) in [
        (1, "action", json!({"modelType": "TEXT_LARGE"})),
        (2, "useModel:TEXT_EMBEDDING", json!({"modelType": "TEXT_EMBEDDING"})),
        (3, "run_event", json!({})),
        (4, "RUN_EVENT", json!({"modelType": null})),
        (5, "run_event_2", json!({"modelType": 5, "other": "embedding"})),
    ] {
        let entry = LogEntry {
            kind: kind.into(),
            body: map(body),
            ..entry(ADA, number, 100 - i64::try_from(number).unwrap())
        };
        on.keep([Fact::Logged(Box::new(entry))]).await;
    }
    for (exclude, expected) in [
        (vec![], vec![1, 2, 3, 4, 5]),
        (vec!["embedding"], vec![1, 3, 4, 5]),
        (vec!["Text_"], vec![3, 4, 5]),
        (vec!["run_event"], vec![1, 2, 4, 5]),
        (vec!["action", "run_event", "embedding"], vec![4, 5]),
        (vec!["%", "*", "nothing"], vec![1, 2, 3, 4, 5]),
    ] {
        let query =
            LogQuery { exclude: exclude.iter().map(|kind| (*kind).to_owned()).collect(), ..all() };
        assert_eq!(found(&on, query).await, expected, "{exclude:?}");
    }
}

pub(super) async fn errors_are_told_by_their_body(on: Subject) {
    let bodies = [
        json!({"error": "it broke"}),
        json!({"error": null}),
        json!({"error": false}),
        json!({"error": true}),
        json!({"error": {"message": "it broke"}}),
        json!({"error": ""}),
        json!({"error": 0}),
        json!({"status": "error"}),
        json!({"status": "failed", "error": null}),
        json!({"status": "timeout"}),
        json!({"status": "completed"}),
        json!({"status": "FAILED"}),
        json!({"result": {"success": false}}),
        json!({"result": {"success": true}}),
        json!({"result": {"success": null}}),
        json!({"result": false, "text": "error failed"}),
        json!({"nested": {"error": "deep"}}),
        json!({}),
        json!({"error": []}),
    ];
    let on = with_bodies(on, &bodies).await;
    let errors = LogQuery { errors_only: true, ..all() };
    assert_eq!(found(&on, errors).await, [1, 4, 5, 6, 7, 8, 9, 10, 13, 19]);
}

pub(super) async fn bodies_are_searched_as_text(on: Subject) {
    let bodies = [
        json!({"prompt": "A Teapot"}),
        json!({"deep": [{"teapot": 1}]}),
        json!({"text": "100% sure_thing"}),
        json!({"text": "grün [a] * ? 'quoted'"}),
    ];
    let on = with_bodies(on, &bodies).await;
    for (search, expected) in [
        ("teapot", vec![1, 2]),
        ("TEAPOT", vec![1, 2]),
        ("a teapot", vec![1]),
        ("\"prompt\"", vec![1]),
        ("100%", vec![3]),
        ("0%s", vec![]),
        ("%", vec![3]),
        ("sure_thing", vec![3]),
        ("s_re", vec![]),
        ("grün", vec![4]),
        ("[a]", vec![4]),
        ("*", vec![4]),
        ("'quoted'", vec![4]),
        ("\\", vec![]),
        ("", vec![1, 2, 3, 4]),
    ] {
        let query = LogQuery { search: Some(search.into()), ..all() };
        assert_eq!(found(&on, query).await, expected, "{search:?}");
    }
}
