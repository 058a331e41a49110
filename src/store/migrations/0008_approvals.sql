-- Calls that wait, or waited, for a person's yes; removed with their run.
CREATE TABLE approvals (
    id BLOB NOT NULL PRIMARY KEY,
    agent BLOB NOT NULL,
    run BLOB NOT NULL,
    tool TEXT NOT NULL,
    arguments TEXT NOT NULL,
    call TEXT NOT NULL,
    key BLOB NOT NULL,
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    comment TEXT
) STRICT;

CREATE INDEX approvals_by_agent ON approvals (agent, asked_at, id);
CREATE INDEX approvals_by_run ON approvals (run, status);
CREATE INDEX approvals_waiting ON approvals (asked_at, id, agent) WHERE status = 'waiting';
CREATE INDEX approvals_in_order ON approvals (asked_at, id);

CREATE INDEX runs_parked ON runs (agent, started_at, id) WHERE status = 'parked';
