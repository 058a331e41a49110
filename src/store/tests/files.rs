//! What a file must endure: reopening, strangers, damage, copies.

use std::fs;

use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Epoch;
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{MemoryQuery, Store};
use greenroom_actors::time::UnixMillis;
use rusqlite::Connection;

use super::support::{Place, batch, created, memory, remembered, ticked};
use crate::store::open::SCHEMA;
use crate::store::{SqliteStore, StoreSettings, verify};

fn refusal(settings: &StoreSettings) -> String {
    match SqliteStore::open(settings) {
        Ok(_) => panic!("it should not have opened"),
        Err(StoreError::Failed(reason)) => reason,
        Err(other) => panic!("another error: {other:?}"),
    }
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let place = Place::new();
    let agent = AgentId::new();
    let said = memory(agent, "hello", 7);
    {
        let store = place.open();
        let epoch = store.boot(UnixMillis(1)).await.unwrap().epoch;
        assert_eq!(epoch, Epoch(1));
        let facts = vec![created(agent, "Ada"), ticked(agent, 2), remembered(&said)];
        store.commit(batch(epoch, facts)).await.unwrap();
    }
    let store = place.open();
    assert_eq!(store.boot(UnixMillis(3)).await.unwrap().epoch, Epoch(2));
    assert_eq!(store.agent_by_handle("ada").await.unwrap().unwrap().id, agent);
    assert_eq!(store.memories(MemoryQuery::of(agent, 10)).await.unwrap(), [said]);
    let next = store.commit(batch(Epoch(2), vec![ticked(agent, 4)])).await.unwrap();
    assert_eq!(next.events[0].seq, 2);
    let old = store.commit(batch(Epoch(1), vec![ticked(agent, 5)])).await;
    assert_eq!(old, Err(StoreError::Fenced));
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let store = place.open();
    store.boot(UnixMillis(1)).await.unwrap();
    let copy = place.folder.path().join("copy.db");
    store.backup(&copy).await.unwrap();
    let mut wal = place.settings.file().into_os_string();
    wal.push("-wal");
    for file in [place.settings.file(), wal.into(), copy] {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_second_opening_is_refused_until_the_first_is_closed() {
    let place = Place::new();
    let store = place.open();
    let reason = refusal(&place.settings);
    assert!(reason.contains("/lock is held by another process"), "{reason}");
    store.close();
    assert_eq!(store.is_halted().await, Err(StoreError::Closed));
    assert_eq!(store.boot(UnixMillis(1)).await, Err(StoreError::Closed));
    place.open();
}

#[test]
fn a_newer_schema_is_refused_and_kept() {
    let place = Place::new();
    drop(place.open());
    let file = place.settings.file();
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 999).unwrap();
    let reason = refusal(&place.settings);
    assert!(reason.contains("greenroom.db was written by a newer version"), "{reason}");
    assert!(reason.contains("999"), "{reason}");
    assert_eq!(verify(&file), Err(StoreError::Failed(reason)));
}

#[test]
fn files_that_are_not_ours_are_refused_and_left_as_they_were() {
    let place = Place::new();
    let file = place.settings.file();
    fs::create_dir_all(&place.settings.data_dir).unwrap();

    fs::write(&file, "Dear diary, today I became a database.").unwrap();
    let reason = refusal(&place.settings);
    assert!(reason.contains("greenroom.db is not a database, or is damaged"), "{reason}");
    assert_eq!(fs::read(&file).unwrap(), b"Dear diary, today I became a database.");

    fs::remove_file(&file).unwrap();
    let stranger = Connection::open(&file).unwrap();
    stranger.execute_batch("CREATE TABLE recipes (name TEXT)").unwrap();
    stranger.close().unwrap();
    let before = fs::read(&file).unwrap();
    let reason = refusal(&place.settings);
    assert!(reason.contains("greenroom.db belongs to another program"), "{reason}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn a_damaged_file_is_reported_and_left_as_it_was() {
    let place = Place::new();
    drop(place.open());
    let file = place.settings.file();
    let mut bytes = fs::read(&file).unwrap();
    bytes[100..4096].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    let reason = refusal(&place.settings);
    assert!(reason.contains("greenroom.db is damaged"), "{reason}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert!(matches!(verify(&file), Err(StoreError::Failed(_))));
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new();
    let taken = place.folder.path().join("taken");
    fs::write(&taken, "a file").unwrap();
    let reason = refusal(&StoreSettings::within(taken.join("data")));
    assert!(reason.contains("taken"), "{reason}");
}

#[test]
fn a_database_that_cannot_be_written_is_named() {
    let place = Place::new();
    let store = place.open();
    let epoch = futures::executor::block_on(store.boot(UnixMillis(1))).unwrap().epoch;
    assert_eq!(epoch, Epoch(1));
    drop(store);
    // Instead of the permissions, which do not bind the superuser who may run this.
    let file = place.settings.file();
    fs::create_dir(super::super::sizes::wal_of(&file)).unwrap();
    let reason = refusal(&place.settings);
    assert!(reason.contains("greenroom.db"), "{reason}");
}

#[tokio::test]
async fn a_copy_holds_everything_and_is_whole() {
    let place = Place::new();
    let store = place.open();
    let epoch = store.boot(UnixMillis(1)).await.unwrap().epoch;
    let agent = AgentId::new();
    let said = memory(agent, "a word to keep", 7);
    let facts = vec![created(agent, "Ada"), ticked(agent, 2), ticked(agent, 3), remembered(&said)];
    store.commit(batch(epoch, facts)).await.unwrap();

    let copy = place.folder.path().join("copies");
    fs::create_dir(&copy).unwrap();
    let file = copy.join("greenroom.db");
    store.backup(&file).await.unwrap();
    let again = store.backup(&file).await;
    assert!(matches!(again, Err(StoreError::Failed(reason)) if reason.contains("exists already")));
    assert_eq!(fs::read_dir(&copy).unwrap().count(), 1);

    let report = verify(&file).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.schema, u64::try_from(SCHEMA).unwrap());
    let rows = |table: &str| report.rows.iter().find(|(name, _)| name == table).unwrap().1;
    assert_eq!((rows("agents"), rows("events"), rows("memories")), (1, 2, 1));
    assert!(verify(&store.file()).unwrap().is_whole());

    let restored = SqliteStore::open(&StoreSettings::within(&copy)).unwrap();
    assert_eq!(restored.memories(MemoryQuery::of(agent, 10)).await.unwrap(), [said]);
}

#[tokio::test]
async fn damage_inside_a_copy_is_found() {
    let place = Place::new();
    let store = place.open();
    let agent = AgentId::new();
    let facts = (0..2000).map(|at| ticked(agent, at)).collect();
    store.commit(batch(Epoch(0), facts)).await.unwrap();
    let file = place.folder.path().join("copy.db");
    store.backup(&file).await.unwrap();
    let connection = Connection::open(&file).unwrap();
    connection.execute("DELETE FROM events WHERE seq = 1000", []).unwrap();
    connection.execute("INSERT INTO embeddings VALUES (9, x'00', 'e', 1, x'00')", []).unwrap();
    connection.close().unwrap();
    let report = verify(&file).unwrap();
    assert_eq!(report.complaints, ["1 embeddings of no memory", "1 sequences of events with gaps"]);
}
