-- How a letter is to be dealt with, as JSON; whether that is beside the conversation; how it ended.
ALTER TABLE letters ADD COLUMN terms TEXT;
ALTER TABLE letters ADD COLUMN beside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE letters ADD COLUMN settled_at INTEGER;
ALTER TABLE letters ADD COLUMN reason TEXT;
ALTER TABLE letters ADD COLUMN reply BLOB;

DROP INDEX letters_waiting;
CREATE INDEX letters_waiting ON letters (reader, sent_at, id) WHERE status = 'waiting' AND NOT beside;
CREATE INDEX letters_waiting_beside ON letters (reader, sent_at, id)
    WHERE status = 'waiting' AND beside;

-- In the order in which they are listed.
DROP INDEX letters_by_reader;
CREATE INDEX letters_by_reader ON letters (reader, sent_at, id);

CREATE INDEX runs_by_letter ON runs (letter, started_at, id) WHERE letter IS NOT NULL;
CREATE INDEX runs_of_work ON runs (started_at) WHERE kind <> 'tick';
