//! Runs and steps, and the beginning of a boot, which ends those that were left open.

use greenroom_actors::error::StoreError;
use greenroom_actors::facts::Epoch;
use greenroom_actors::ids::{AgentId, LetterId, RunId};
use greenroom_actors::ports::{Boot, LastWork, RunQuery, WorkDone};
use greenroom_actors::runs::{Run, RunEnd, Step, StepEnd};
use greenroom_actors::time::UnixMillis;
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Named, all, first, json, run as execute, signed, unsigned};
use super::fault::{Fault, is_taken};
use super::filter::Filter;

/// Raises the epoch and closes what earlier boots left open.
pub(super) fn boot(connection: &Connection, now: UnixMillis) -> Result<Boot, Fault> {
    execute(connection, "UPDATE host SET epoch = epoch + 1", [])?;
    let sql = "UPDATE runs SET status = 'interrupted', ended_at = ?1 WHERE status = 'started'";
    let interrupted_runs = execute(connection, sql, (now.0,))?;
    // All that are still open, those of runs that were ended under them too.
    let sql = "UPDATE steps SET status = 'outcome_unknown' WHERE status = 'intended'";
    let unknown_calls = execute(connection, sql, [])?;
    Ok(Boot { epoch: epoch(connection)?, interrupted_runs, unknown_calls })
}

/// The epoch of the newest boot; 0 before the first.
pub(super) fn epoch(connection: &Connection) -> rusqlite::Result<Epoch> {
    let epoch = first(connection, "SELECT epoch FROM host", [], |row| row.get(0))?;
    Ok(Epoch(epoch.map_or(0, unsigned)))
}

/// Halts the fleet, or lets it go.
pub(super) fn halt(connection: &Connection, is_halted: bool) -> rusqlite::Result<u64> {
    execute(connection, "UPDATE host SET is_halted = ?1", (is_halted,))
}

/// Whether the fleet is halted.
pub(super) fn is_halted(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(first(connection, "SELECT is_halted FROM host", [], |row| row.get(0))?.unwrap_or(false))
}

/// Writes a run that was begun.
pub(super) fn start(connection: &Connection, run: &Run) -> Result<u64, Fault> {
    let sql = "INSERT INTO runs (id, agent, kind, status, room, entity, letter, firing, resumes,
                   started_at, ended_at, error, model, input_tokens, output_tokens, cost_micros)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let written = execute(
        connection,
        sql,
        params![
            run.id.0,
            run.agent_id.0,
            run.kind.name(),
            run.status.name(),
            run.room_id.0,
            run.entity_id.0,
            run.letter_id.map(|id| id.0),
            run.firing_id.map(|id| id.0),
            run.resumes.map(|id| id.0),
            run.started_at.0,
            run.ended_at.map(|at| at.0),
            run.error,
            run.usage.model,
            signed(run.usage.input_tokens),
            signed(run.usage.output_tokens),
            run.usage.cost_micros.map(signed),
        ],
    );
    written.map_err(|error| match is_taken(&error) {
        true => StoreError::Exists { what: "run", id: run.id.0 }.into(),
        false => error.into(),
    })
}

/// Writes how a run ended, if it had not before. Of its calls that have no outcome nobody knows one.
pub(super) fn end(connection: &Connection, end: &RunEnd) -> rusqlite::Result<u64> {
    let sql = "UPDATE runs SET status = ?3, ended_at = ?4, error = ?5, model = ?6,
                   input_tokens = ?7, output_tokens = ?8, cost_micros = ?9
               WHERE id = ?1 AND agent = ?2 AND status = 'started'";
    let ended = execute(
        connection,
        sql,
        (
            end.run_id.0,
            end.agent_id.0,
            end.status.name(),
            end.ended_at.0,
            &end.error,
            &end.usage.model,
            signed(end.usage.input_tokens),
            signed(end.usage.output_tokens),
            end.usage.cost_micros.map(signed),
        ),
    )?;
    if ended > 0 {
        let sql = "UPDATE steps SET status = 'outcome_unknown', ended_at = ?2
                   WHERE run = ?1 AND status = 'intended'";
        execute(connection, sql, (end.run_id.0, end.ended_at.0))?;
    }
    Ok(ended)
}

/// Writes a call that is about to be made.
pub(super) fn intend(connection: &Connection, step: &Step) -> Result<u64, Fault> {
    let sql = "INSERT INTO steps (run, place, agent, kind, name, status, intent, outcome,
                   started_at, ended_at, model, input_tokens, output_tokens, cost_micros)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    let written = execute(
        connection,
        sql,
        params![
            step.run_id.0,
            step.index,
            step.agent_id.0,
            step.kind.name(),
            step.name,
            step.status.name(),
            json(&step.intent)?,
            step.outcome.as_ref().map(json).transpose()?,
            step.started_at.0,
            step.ended_at.map(|at| at.0),
            step.usage.model,
            signed(step.usage.input_tokens),
            signed(step.usage.output_tokens),
            step.usage.cost_micros.map(signed),
        ],
    );
    written.map_err(|error| match is_taken(&error) {
        true => StoreError::Exists { what: "step", id: step.run_id.0 }.into(),
        false => error.into(),
    })
}

/// Writes how a call went, if that was not known.
pub(super) fn settle(connection: &Connection, end: &StepEnd) -> rusqlite::Result<u64> {
    let sql = "UPDATE steps SET status = ?3, outcome = ?4, ended_at = ?5, model = ?6,
                   input_tokens = ?7, output_tokens = ?8, cost_micros = ?9
               WHERE run = ?1 AND place = ?2 AND status = 'intended'";
    execute(
        connection,
        sql,
        (
            end.run_id.0,
            end.index,
            end.status.name(),
            json(&end.outcome)?,
            end.ended_at.0,
            &end.usage.model,
            signed(end.usage.input_tokens),
            signed(end.usage.output_tokens),
            end.usage.cost_micros.map(signed),
        ),
    )
}

/// Removes an agent's runs and their steps.
pub(super) fn remove_of(connection: &Connection, agent: AgentId) -> rusqlite::Result<()> {
    let sql = "DELETE FROM steps WHERE run IN (SELECT id FROM runs WHERE agent = ?1)";
    execute(connection, sql, (agent.0,))?;
    execute(connection, "DELETE FROM runs WHERE agent = ?1", (agent.0,))?;
    Ok(())
}

/// One run.
pub(super) fn run(
    connection: &Connection,
    agent: AgentId,
    id: RunId,
) -> rusqlite::Result<Option<Run>> {
    first(connection, &format!("{RUN} WHERE id = ?1 AND agent = ?2"), (id.0, agent.0), read_run)
}

/// Runs, newest first.
pub(super) fn list(connection: &Connection, query: &RunQuery) -> rusqlite::Result<Vec<Run>> {
    filter(query)?
        .newest_first("started_at", query.limit, query.offset)
        .all(connection, RUN, read_run)
}

/// Those that have not ended, of all agents.
pub(super) fn open(connection: &Connection, limit: u32) -> rusqlite::Result<Vec<Run>> {
    let sql = format!("{RUN} INDEXED BY runs_open WHERE status = 'started' ORDER BY id LIMIT ?1");
    all(connection, &sql, (limit,), read_run)
}

/// How many match.
pub(super) fn count(connection: &Connection, query: &RunQuery) -> rusqlite::Result<u64> {
    filter(query)?.count(connection, "runs")
}

/// When agents last worked, and what their last call of a model read, for a page of them.
pub(super) fn last_work(
    connection: &Connection,
    after: Option<AgentId>,
    limit: u32,
) -> rusqlite::Result<Vec<LastWork>> {
    let asked = |column: &str| {
        format!(
            "(SELECT {column} FROM steps WHERE run = runs.id AND kind = 'model'
              ORDER BY place DESC LIMIT 1)"
        )
    };
    let (name, tokens) =
        (asked("name"), asked("CASE status WHEN 'succeeded' THEN input_tokens END"));
    // The latest run of each is one step into an index.
    let sql = format!(
        "SELECT agents.id, coalesce(runs.ended_at, runs.started_at), {name}, {tokens}
         FROM agents CROSS JOIN runs ON runs.id =
             (SELECT id FROM runs WHERE agent = agents.id ORDER BY started_at DESC, id DESC LIMIT 1)
         WHERE agents.id > ?1 ORDER BY agents.id LIMIT ?2"
    );
    let after = after.map_or(Vec::new(), |after| after.0.as_bytes().to_vec());
    all(connection, &sql, (after, limit), |row| {
        let mut columns = Columns::of(row);
        Ok(LastWork {
            agent_id: columns.id()?,
            at: columns.at()?,
            model: columns.take()?,
            input_tokens: columns.take::<Option<i64>>()?.map(unsigned),
        })
    })
}

/// An agent's parked runs of which no approval waits, oldest first.
pub(super) fn resumable(
    connection: &Connection,
    agent: AgentId,
    limit: u32,
) -> rusqlite::Result<Vec<Run>> {
    let sql = format!(
        "{RUN} WHERE agent = ?1 AND status = 'parked' AND NOT EXISTS
             (SELECT 1 FROM approvals WHERE run = runs.id AND status = 'waiting')
         ORDER BY started_at, id LIMIT ?2"
    );
    all(connection, &sql, (agent.0, limit), read_run)
}

/// The latest run that was begun for a letter.
pub(super) fn latest_for(
    connection: &Connection,
    agent: AgentId,
    letter: LetterId,
) -> rusqlite::Result<Option<Run>> {
    let sql = format!(
        "{RUN} INDEXED BY runs_by_letter WHERE letter = ?1 AND agent = ?2
         ORDER BY started_at DESC, id DESC LIMIT 1"
    );
    first(connection, &sql, (letter.0, agent.0), read_run)
}

/// What agents were asked to do and have begun since then.
pub(super) fn work_since(
    connection: &Connection,
    from: UnixMillis,
) -> rusqlite::Result<Vec<WorkDone>> {
    let sql = "SELECT agent, count(*), count(*) FILTER (WHERE status = 'completed'),
                   count(*) FILTER (WHERE status IN ('failed', 'timed_out')),
                   count(*) FILTER (WHERE status IN ('started', 'parked')),
                   coalesce(sum(cost_micros), 0), max(started_at)
               FROM runs INDEXED BY runs_of_work
               WHERE started_at >= ?1 AND kind <> 'tick' AND status <> 'interrupted'
               GROUP BY agent ORDER BY agent";
    all(connection, sql, (from.0,), |row| {
        let mut columns = Columns::of(row);
        Ok(WorkDone {
            agent_id: columns.id()?,
            total: columns.number()?,
            completed: columns.number()?,
            failed: columns.number()?,
            open: columns.number()?,
            cost_micros: columns.number()?,
            last_started_at: columns.at()?,
        })
    })
}

fn filter(query: &RunQuery) -> rusqlite::Result<Filter> {
    let names: Vec<_> = query.statuses.iter().map(|status| status.name()).collect();
    let statuses = (!names.is_empty()).then(|| json(&names)).transpose()?;
    Ok(Filter::new("agent = ?", query.agent_id.0)
        .and("room = ?", query.room_id.map(|id| id.0))
        .and("letter = ?", query.letter_id.map(|id| id.0))
        .and("firing = ?", query.firing_id.map(|id| id.0))
        .and("started_at >= ?", query.from.map(|at| at.0))
        .and("started_at <= ?", query.to.map(|at| at.0))
        .and("status IN (SELECT value FROM json_each(?))", statuses.as_deref()))
}

/// The steps of these runs.
pub(super) fn steps(connection: &Connection, runs: &[RunId]) -> rusqlite::Result<Vec<Step>> {
    let sql = "SELECT run, agent, place, kind, name, status, intent, outcome, started_at, ended_at,
                   model, input_tokens, output_tokens, cost_micros
               FROM steps WHERE run = ?1 ORDER BY place";
    let mut steps = Vec::new();
    for run in runs {
        steps.extend(all(connection, sql, (run.0,), read_step)?);
    }
    Ok(steps)
}

const RUN: &str = "SELECT id, agent, kind, status, room, entity, letter, firing, resumes,
        started_at, ended_at, error, model, input_tokens, output_tokens, cost_micros
    FROM runs";

fn read_run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let mut columns = Columns::of(row);
    Ok(Run {
        id: columns.id()?,
        agent_id: columns.id()?,
        kind: columns.named()?,
        status: columns.named()?,
        room_id: columns.id()?,
        entity_id: columns.id()?,
        letter_id: columns.id_or_null()?,
        firing_id: columns.id_or_null()?,
        resumes: columns.id_or_null()?,
        started_at: columns.at()?,
        ended_at: columns.at_or_null()?,
        error: columns.take()?,
        usage: columns.usage()?,
    })
}

fn read_step(row: &Row<'_>) -> rusqlite::Result<Step> {
    let mut columns = Columns::of(row);
    Ok(Step {
        run_id: columns.id()?,
        agent_id: columns.id()?,
        index: columns.small()?,
        kind: columns.named()?,
        name: columns.take()?,
        status: columns.named()?,
        intent: columns.json()?,
        outcome: columns.json_or_null()?,
        started_at: columns.at()?,
        ended_at: columns.at_or_null()?,
        usage: columns.usage()?,
    })
}
