//! A database that an earlier version made is brought up to date, and everything in it stays.

use std::fs;

use greenroom_actors::channels::MessageServer;
use greenroom_actors::facts::{Epoch, Fact};
use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::{MemoryQuery, Store};
use greenroom_actors::time::UnixMillis;
use rusqlite::Connection;
use rusqlite_migration::Migrations;

use super::support::{Place, batch, created, memory, remembered, server, ticked};
use crate::store::open::{APPLICATION_ID, MIGRATIONS, SCHEMA};
use crate::store::search::marked;
use crate::store::verify;

#[test]
fn the_steps_to_each_schema_can_be_taken() {
    Migrations::from_slice(MIGRATIONS).validate().unwrap();
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it() {
    let place = Place::new();
    let file = place.settings.file();
    let agent = AgentId::new();
    let said = memory(agent, "hello from the first schema", 7);

    // What the first version wrote: its own tables, filled by today's code for those tables.
    let newer = Place::new();
    {
        let store = newer.open();
        let facts = vec![created(agent, "Ada"), ticked(agent, 2), remembered(&said)];
        store.commit(batch(Epoch(0), facts)).await.unwrap();
    }
    fs::create_dir_all(&place.settings.data_dir).unwrap();
    let mut first = Connection::open(&file).unwrap();
    first.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
    Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut first).unwrap();
    first.execute("ATTACH ?1 AS newer", (newer.settings.file().to_str().unwrap(),)).unwrap();
    for table in ["agents", "characters", "events", "memories", "unembedded"] {
        // Columns that later versions added come last, and are not there yet.
        let columns =
            format!("SELECT group_concat(name) FROM pragma_table_info('{table}', 'main')");
        let columns = first.query_row(&columns, [], |row| row.get::<_, String>(0)).unwrap();
        let sql = format!("INSERT INTO main.{table} SELECT {columns} FROM newer.{table}");
        assert_eq!(first.execute(&sql, []).unwrap(), 1, "{table}");
    }
    let words = (marked(agent, said.text()),);
    first
        .execute("INSERT INTO memory_words (rowid, words) SELECT number, ?1 FROM memories", words)
        .unwrap();
    first.close().unwrap();
    let report = verify(&file).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(report.schema, 1, "a look at it changes nothing");

    let store = place.open();
    assert_eq!(store.agent_by_handle("ada").await.unwrap().unwrap().id, agent);
    assert_eq!(store.memories(MemoryQuery::of(agent, 10)).await.unwrap(), [said]);
    let met = Fact::ServerMet(Box::new(server(MessageServer::DEFAULT)));
    let epoch = store.boot(UnixMillis(3)).await.unwrap().epoch;
    let committed = store.commit(batch(epoch, vec![met, ticked(agent, 4)])).await.unwrap();
    assert_eq!((committed.affected, committed.events[0].seq), (vec![1, 1], 2));
    let servers = store.message_servers().await.unwrap();
    assert_eq!(servers, [server(MessageServer::DEFAULT)]);
    store.close();
    let report = verify(&file).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(usize::try_from(report.schema), Ok(SCHEMA));
    // Brought up to date once.
    assert_eq!(place.open().message_servers().await.unwrap(), servers);
}
