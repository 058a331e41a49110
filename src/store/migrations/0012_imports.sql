-- Agents on their way in: what is their own is in the tables already, and nobody sees it but whoever
-- asks for that very agent. One that is not open any more is removed bit by bit.
CREATE TABLE imports (
    agent BLOB NOT NULL PRIMARY KEY,
    begun_at INTEGER NOT NULL,
    is_open INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
