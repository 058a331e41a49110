//! How much is kept of an agent.

use greenroom_actors::ids::AgentId;
use greenroom_actors::ports::AgentSizes;
use rusqlite::Connection;

use super::columns::{Columns, first, unsigned};

/// Counts its rows, and the bytes of what they say. What a value says is not read for that: its length
/// stands in front of it.
pub(super) fn of(connection: &Connection, agent: AgentId) -> rusqlite::Result<AgentSizes> {
    let sql = "SELECT octet_length(document) FROM characters WHERE agent = ?1";
    let Some(character) = first(connection, sql, (agent.0,), |row| row.get(0).map(unsigned))?
    else {
        return Ok(AgentSizes::default());
    };
    let mut bytes = character;
    let mut count = |table: &str, said: &[&str]| -> rusqlite::Result<u64> {
        let said: String =
            said.iter().map(|column| format!(" + coalesce(octet_length({column}), 0)")).collect();
        let sql =
            format!("SELECT count(*), coalesce(sum(0{said}), 0) FROM {table} WHERE agent = ?1");
        let found = first(connection, &sql, (agent.0,), |row| {
            let mut columns = Columns::of(row);
            Ok((columns.number()?, columns.number()?))
        })?;
        let (rows, said) = found.unwrap_or_default();
        bytes += said;
        Ok(rows)
    };
    let mut sizes = AgentSizes {
        memories: count("memories", &["content", "metadata"])?,
        entities: count("entities", &["names", "metadata"])?,
        rooms: count("rooms", &["metadata"])?,
        worlds: count("worlds", &["metadata"])?,
        tasks: count("tasks", &["tags", "metadata"])? + count("triggers", &["document"])?,
        components: count("components", &["data"])?,
        participants: count("participants", &[])?,
        relationships: count("relationships", &["tags", "metadata"])?,
        text_bytes: 0,
    };
    sizes.text_bytes = bytes + sizes.rows() * AgentSizes::ROW_BYTES;
    Ok(sizes)
}
