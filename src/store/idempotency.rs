//! Requests with a key, and their answers.

use greenroom_actors::ports::StoreFuture;
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::columns::{Columns, first, run, signed};
use crate::http::idempotency::{Answer, Answers, Found, Scope};

/// Keys that one job of the writer forgets, so that others do not wait long for it.
const SLICE: u32 = 1000;

impl Answers for SqliteStore {
    fn find(&self, scope: Scope, since: UnixMillis) -> StoreFuture<Option<Found>> {
        self.read(move |connection| find(connection, scope, since))
    }

    fn begin(
        &self,
        scope: Scope,
        now: UnixMillis,
        since: UnixMillis,
        kept_max: u64,
    ) -> StoreFuture<Option<Found>> {
        self.write(move |writing| Ok(begin(writing.connection, scope, now, since, kept_max)?))
    }

    fn settle(&self, scope: Scope, answer: Answer) -> StoreFuture<()> {
        self.write(move |writing| Ok(settle(writing.connection, scope, &answer)?))
    }

    fn release(&self, scope: Scope) -> StoreFuture<()> {
        self.write(move |writing| Ok(release(writing.connection, scope)?))
    }

    fn expire(&self, since: UnixMillis) -> StoreFuture<u64> {
        let store = self.clone();
        Box::pin(async move {
            let mut expired = 0;
            loop {
                let slice =
                    store.write(move |writing| Ok(expire(writing.connection, since)?)).await?;
                expired += slice;
                if slice < u64::from(SLICE) {
                    return Ok(expired);
                }
            }
        })
    }
}

fn find(
    connection: &Connection,
    scope: Scope,
    since: UnixMillis,
) -> rusqlite::Result<Option<Found>> {
    let sql = "SELECT request, status, content_type, location, body FROM idempotency
               WHERE scope = ?1 AND begun_at >= ?2";
    first(connection, sql, (scope.0, since.0), read)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Found> {
    let mut columns = Columns::of(row);
    let Some(request) = columns.take::<Option<[u8; 32]>>()? else { return Ok(Found::Begun) };
    Ok(Found::Answered(Box::new(Answer {
        request,
        status: columns.take()?,
        content_type: columns.take()?,
        location: columns.take()?,
        body: columns.take::<Option<Vec<u8>>>()?.map(Into::into),
    })))
}

fn begin(
    connection: &Connection,
    scope: Scope,
    now: UnixMillis,
    since: UnixMillis,
    kept_max: u64,
) -> rusqlite::Result<Option<Found>> {
    if let Some(found) = find(connection, scope, since)? {
        return Ok(Some(found));
    }
    release(connection, scope)?;
    let sql = "INSERT INTO idempotency (scope, begun_at) VALUES (?1, ?2)";
    run(connection, sql, (scope.0, now.0))?;
    // Numbers only grow, so those before are no more than so many.
    let oldest = connection.last_insert_rowid().saturating_sub(signed(kept_max));
    run(connection, "DELETE FROM idempotency WHERE number <= ?1", (oldest,))?;
    Ok(None)
}

fn settle(connection: &Connection, scope: Scope, answer: &Answer) -> rusqlite::Result<()> {
    let sql = "UPDATE idempotency SET request = ?2, status = ?3, content_type = ?4, location = ?5,
                   body = ?6
               WHERE scope = ?1";
    let Answer { request, status, content_type, location, body } = answer;
    let params = params![scope.0, request, status, content_type, location, body.as_deref()];
    run(connection, sql, params).map(drop)
}

fn release(connection: &Connection, scope: Scope) -> rusqlite::Result<()> {
    run(connection, "DELETE FROM idempotency WHERE scope = ?1", (scope.0,)).map(drop)
}

/// Forgets a slice of the oldest keys, as far as they were begun before `since`.
fn expire(connection: &Connection, since: UnixMillis) -> rusqlite::Result<u64> {
    let sql = "DELETE FROM idempotency WHERE number IN
                   (SELECT number FROM
                       (SELECT number, begun_at FROM idempotency ORDER BY number LIMIT ?2)
                    WHERE begun_at < ?1)";
    run(connection, sql, (since.0, SLICE))
}
