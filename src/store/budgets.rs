//! Budgets: what was spent and what is reserved.
//!
//! The writer is the only one to reserve and to charge, one after the other, so that the sums are
//! exact however many agents share a budget.

use greenroom_actors::budget::{
    Account, Amount, DayUsage, Level, Reservation, Scope, UsageQuery, UtcDay,
};
use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Event;
use greenroom_actors::ids::{AgentId, RunId};
use greenroom_actors::runs::Usage;
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row};

use super::columns::{Columns, all, first, json, run as execute, signed, unsigned};
use super::events;
use super::fault::Fault;
use super::filter::Filter;
use super::retention::SLICE;
use super::sqlite::Writing;

/// The day of an account that is of no day.
const NO_DAY: i32 = 0;

/// The greatest amount that one call adds.
const AMOUNT_MAX: u64 = 1 << 50;

/// Reserves what a call may cost, if there is room for it.
pub(super) fn reserve(connection: &Connection, reservation: &Reservation) -> Result<u64, Fault> {
    let key = (reservation.run_id.0, reservation.index);
    let sql = "SELECT 1 FROM reservations WHERE run = ?1 AND place = ?2";
    if first(connection, sql, key, |_| Ok(()))?.is_some() {
        return Ok(0);
    }
    let mut levels = Vec::new();
    for scope in Scope::ALL {
        if reservation.ceilings.of(scope).is_set() {
            levels.push((scope, level(connection, &reservation.account(scope))?));
        }
    }
    reservation.fits(&levels).map_err(StoreError::Exceeded)?;
    let Amount { tokens, cost_micros } = reservation.amount();
    let sql = "INSERT INTO spending (scope, whose, day, tokens, cost_micros, held_tokens,
                   held_cost_micros, is_marked)
               VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, 0)
               ON CONFLICT DO UPDATE SET held_tokens = held_tokens + excluded.held_tokens,
                   held_cost_micros = held_cost_micros + excluded.held_cost_micros";
    for account in reservation.accounts() {
        let (scope, whose, day) = key_of(&account);
        execute(connection, sql, (scope, whose, day, capped(tokens), capped(cost_micros)))?;
    }
    let sql = "INSERT INTO reservations (run, place, agent, document) VALUES (?1, ?2, ?3, ?4)";
    let agent = reservation.agent_id.0;
    Ok(execute(connection, sql, (key.0, key.1, agent, json(reservation)?))?)
}

/// Charges what was reserved for a step with what it cost, or in full where nobody knows; nothing if
/// nothing is reserved for it. Answers with the events of the soft marks that were come to.
pub(super) fn settle(
    writing: &mut Writing<'_>,
    (run, index): (RunId, u32),
    usage: Option<&Usage>,
    at: UnixMillis,
) -> Result<Vec<Event>, Fault> {
    let connection = writing.connection;
    let sql = "DELETE FROM reservations WHERE run = ?1 AND place = ?2 RETURNING document";
    let found =
        first(connection, sql, (run.0, index), |row| Columns::of(row).json::<Reservation>())?;
    let Some(reservation) = found else { return Ok(Vec::new()) };
    let in_full = reservation.in_full();
    let charge = reservation.charge(usage.unwrap_or(&in_full));
    let held = reservation.amount();
    let sql = "UPDATE spending SET tokens = tokens + ?4, cost_micros = cost_micros + ?5,
                   held_tokens = max(held_tokens - ?6, 0),
                   held_cost_micros = max(held_cost_micros - ?7, 0)
               WHERE scope = ?1 AND whose = ?2 AND day = ?3";
    let mut marks = Vec::new();
    for account in reservation.accounts() {
        let (scope, whose, day) = key_of(&account);
        execute(
            connection,
            sql,
            (
                scope,
                whose,
                day,
                capped(charge.tokens),
                capped(charge.cost_micros),
                capped(held.tokens),
                capped(held.cost_micros),
            ),
        )?;
        if !reservation.ceilings.of(account.scope).is_set() {
            continue;
        }
        let level = level(connection, &account)?;
        if let Some(mark) = reservation.mark(account.scope, &level, at) {
            let sql = "UPDATE spending SET is_marked = 1
                       WHERE scope = ?1 AND whose = ?2 AND day = ?3";
            execute(connection, sql, (scope, whose, day))?;
            marks.push(events::append(connection, &mut writing.sequences.agents, mark)?);
        }
    }
    note_usage(connection, &reservation, usage, charge)?;
    Ok(marks)
}

/// Adds a call to the usage of its day.
fn note_usage(
    connection: &Connection,
    reservation: &Reservation,
    usage: Option<&Usage>,
    charge: Amount,
) -> rusqlite::Result<u64> {
    let in_full = reservation.in_full();
    let presumed = usage.is_none();
    let usage = usage.unwrap_or(&in_full);
    let model = usage.model.as_ref().unwrap_or(&reservation.model);
    let sql = "INSERT INTO usage (day, agent, model, owner, calls, presumed_calls, input_tokens,
                   output_tokens, cost_micros)
               VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8)
               ON CONFLICT DO UPDATE SET calls = calls + 1,
                   presumed_calls = presumed_calls + excluded.presumed_calls,
                   input_tokens = input_tokens + excluded.input_tokens,
                   output_tokens = output_tokens + excluded.output_tokens,
                   cost_micros = cost_micros + excluded.cost_micros";
    execute(
        connection,
        sql,
        (
            reservation.day.0,
            reservation.agent_id.0,
            model,
            &reservation.owner,
            presumed,
            capped(usage.input_tokens),
            capped(usage.output_tokens),
            capped(charge.cost_micros),
        ),
    )
}

/// Charges in full what is reserved for steps of a run that has ended, and forgets what the run has
/// spent.
pub(super) fn end_run(
    writing: &mut Writing<'_>,
    run: RunId,
    at: UnixMillis,
) -> Result<Vec<Event>, Fault> {
    let sql = "SELECT run, place FROM reservations WHERE run = ?1";
    let open = all(writing.connection, sql, (run.0,), read_step)?;
    let marks = charge(writing, open, at)?;
    let sql = "DELETE FROM spending WHERE scope = ?1 AND whose = ?2";
    execute(writing.connection, sql, (Scope::Run.as_str(), run.to_string()))?;
    Ok(marks)
}

/// Charges in full what is reserved for an agent that is removed, and forgets what it has spent
/// itself. What its owner has spent, and the usage, stay.
pub(super) fn remove_of(writing: &mut Writing<'_>, agent: AgentId) -> Result<(), Fault> {
    // The events of marks go with the agent.
    let sql = "SELECT run, place FROM reservations WHERE agent = ?1";
    let open = all(writing.connection, sql, (agent.0,), read_step)?;
    charge(writing, open, UnixMillis(0))?;
    let sql = "DELETE FROM spending WHERE scope IN ('agent', 'agent_day') AND whose = ?1";
    execute(writing.connection, sql, (agent.to_string(),))?;
    Ok(())
}

/// Charges in full everything that is reserved: what an earlier boot has left open.
pub(super) fn charge_all(writing: &mut Writing<'_>, at: UnixMillis) -> Result<(), Fault> {
    let open = all(writing.connection, "SELECT run, place FROM reservations", [], read_step)?;
    charge(writing, open, at)?;
    Ok(())
}

fn charge(
    writing: &mut Writing<'_>,
    steps: Vec<(RunId, u32)>,
    at: UnixMillis,
) -> Result<Vec<Event>, Fault> {
    let mut marks = Vec::new();
    for step in steps {
        marks.extend(settle(writing, step, None, at)?);
    }
    Ok(marks)
}

/// An amount as it is added up: so far from the end of the range that no sum comes near it.
fn capped(amount: u64) -> i64 {
    signed(amount.min(AMOUNT_MAX))
}

fn read_step(row: &Row<'_>) -> rusqlite::Result<(RunId, u32)> {
    let mut columns = Columns::of(row);
    Ok((columns.id()?, columns.small()?))
}

/// How an account stands.
pub(super) fn level(connection: &Connection, account: &Account) -> rusqlite::Result<Level> {
    let sql = "SELECT tokens, cost_micros, held_tokens, held_cost_micros, is_marked
               FROM spending WHERE scope = ?1 AND whose = ?2 AND day = ?3";
    let found = first(connection, sql, key_of(account), |row| {
        let mut columns = Columns::of(row);
        let mut number = || columns.number();
        let spent = Amount { tokens: number()?, cost_micros: number()? };
        let held = Amount { tokens: number()?, cost_micros: number()? };
        Ok(Level { spent, held, is_marked: columns.take()? })
    })?;
    Ok(found.unwrap_or_default())
}

fn key_of(account: &Account) -> (&'static str, &str, i32) {
    (account.scope.as_str(), &account.whose, account.day.map_or(NO_DAY, |day| day.0))
}

/// For how many calls something is reserved.
pub(super) fn open_reservations(connection: &Connection) -> rusqlite::Result<u64> {
    let count = first(connection, "SELECT count(*) FROM reservations", [], |row| row.get(0))?;
    Ok(count.map_or(0, unsigned))
}

/// What was used.
pub(super) fn usage(
    connection: &Connection,
    query: &UsageQuery,
) -> rusqlite::Result<Vec<DayUsage>> {
    let select = "SELECT agent, owner, model, day, calls, presumed_calls, input_tokens,
                      output_tokens, cost_micros
                  FROM usage";
    let day = |day: Option<UtcDay>| day.map(|day| i64::from(day.0));
    Filter::none()
        .and("agent = ?", query.agent_id.map(|id| id.0))
        .and("owner = ?", query.owner.as_deref())
        .and("day >= ?", day(query.from))
        .and("day <= ?", day(query.to))
        .by("day DESC, agent, model, owner")
        .page(query.limit, query.offset)
        .all(connection, select, |row| {
            let mut columns = Columns::of(row);
            Ok(DayUsage {
                agent_id: columns.id()?,
                owner: columns.take()?,
                model: columns.take()?,
                day: read_day(&mut columns)?,
                calls: columns.number()?,
                presumed_calls: columns.number()?,
                input_tokens: columns.number()?,
                output_tokens: columns.number()?,
                cost_micros: columns.number()?,
            })
        })
}

fn read_day(columns: &mut Columns<'_, '_>) -> rusqlite::Result<UtcDay> {
    columns.take().map(UtcDay)
}

/// Removes a slice of the usage of days before that of `limit`, and what was spent on these days.
pub(super) fn prune(connection: &Connection, limit: UnixMillis) -> rusqlite::Result<u64> {
    let first = UtcDay::of(limit).0;
    let sql = "DELETE FROM spending WHERE (scope, whose, day) IN
                   (SELECT scope, whose, day FROM spending
                    WHERE scope IN ('agent_day', 'owner_day') AND day < ?1
                        AND held_tokens = 0 AND held_cost_micros = 0
                    LIMIT ?2)";
    execute(connection, sql, (first, SLICE))?;
    let sql = "DELETE FROM usage WHERE (day, agent, model, owner) IN
                   (SELECT day, agent, model, owner FROM usage WHERE day < ?1 LIMIT ?2)";
    execute(connection, sql, (first, SLICE))
}
