-- What a trigger is lies in `document`; what the store itself changes, and what is looked for, has
-- columns, which count where the document says otherwise.
CREATE TABLE triggers (
    id BLOB NOT NULL PRIMARY KEY,
    agent BLOB NOT NULL,
    document TEXT NOT NULL,
    needs_autonomy INTEGER NOT NULL,
    grace_ms INTEGER NOT NULL,
    max_runs INTEGER,
    is_enabled INTEGER NOT NULL,
    next_due_at INTEGER,
    run_count INTEGER NOT NULL,
    last_fired_at INTEGER,
    last_status TEXT,
    last_error TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX triggers_by_agent ON triggers (agent, created_at, id);
CREATE INDEX triggers_due ON triggers (next_due_at, id) WHERE is_enabled AND next_due_at IS NOT NULL;

-- A slot of a trigger that came due; `count` slots where there were too many.
CREATE TABLE firings (
    id BLOB NOT NULL PRIMARY KEY,
    trigger_id BLOB NOT NULL,
    agent BLOB NOT NULL,
    due_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    run BLOB,
    reason TEXT,
    source TEXT NOT NULL,
    wake TEXT NOT NULL,
    count INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX firings_by_agent ON firings (agent, due_at, id);
CREATE INDEX firings_by_trigger ON firings (trigger_id, due_at, id);
CREATE INDEX firings_open ON firings (agent, due_at, id) WHERE status IN ('waiting', 'running');
CREATE INDEX firings_ended ON firings (ended_at) WHERE ended_at IS NOT NULL;
