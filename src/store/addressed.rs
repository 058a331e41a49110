//! Messages on their way to an agent.

use greenroom_actors::channels::Addressed;
use greenroom_actors::ids::{AgentId, ChannelMessageId};
use rusqlite::{Connection, params};

use super::columns::{Columns, all, run};

/// Writes that a message is on its way, since this boot.
pub(super) fn send(connection: &Connection, addressed: &Addressed) -> rusqlite::Result<u64> {
    let sql = "INSERT OR REPLACE INTO addressed
                   (message, agent, channel, author_name, is_one_of_several, epoch)
               SELECT ?1, ?2, ?3, ?4, ?5, epoch FROM host";
    let Addressed { message_id, channel_id, agent_id, author_name, is_one_of_several } = addressed;
    let params = params![message_id.0, agent_id.0, channel_id.0, author_name, is_one_of_several];
    run(connection, sql, params)
}

/// Removes that a message is on its way.
pub(super) fn reach(
    connection: &Connection,
    message: ChannelMessageId,
    agent: AgentId,
) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM addressed WHERE message = ?1 AND agent = ?2";
    run(connection, sql, (message.0, agent.0))
}

/// Those that earlier boots left.
pub(super) fn left(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<Addressed>> {
    let sql = "SELECT message, channel, agent, author_name, is_one_of_several FROM addressed
               WHERE epoch < (SELECT epoch FROM host) ORDER BY message, agent LIMIT ?1";
    all(connection, sql, (limit,), |row| {
        let mut columns = Columns::of(row);
        Ok(Addressed {
            message_id: columns.id()?,
            channel_id: columns.id()?,
            agent_id: columns.id()?,
            author_name: columns.take()?,
            is_one_of_several: columns.take()?,
        })
    })
}
