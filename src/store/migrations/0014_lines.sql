-- Agents' logs as lines of text, each numbered within its agent; the oldest goes as a new one comes.
CREATE TABLE lines (
    agent BLOB NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (agent, number)
) STRICT, WITHOUT ROWID;
