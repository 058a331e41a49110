-- The firing that a run carries out, and the run that it goes on from.
ALTER TABLE runs ADD COLUMN firing BLOB;
ALTER TABLE runs ADD COLUMN resumes BLOB;

-- The agents that wait for what comes of a letter, as JSON.
ALTER TABLE letters ADD COLUMN askers TEXT;

CREATE TABLE goals (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT,
    rests_until INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX goals_open ON goals (agent) WHERE status = 'open';
CREATE INDEX goals_over ON goals (updated_at) WHERE status <> 'open';
