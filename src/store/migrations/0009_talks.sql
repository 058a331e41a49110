-- Messages on their way to an agent, by the boot that sent them; a few at a time.
CREATE TABLE addressed (
    message BLOB NOT NULL,
    agent BLOB NOT NULL,
    channel BLOB NOT NULL,
    author_name TEXT,
    is_one_of_several INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (message, agent)
) STRICT, WITHOUT ROWID;

ALTER TABLE memories ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE memories SET updated_at = created_at;
