-- Rows up to these numbers are in the full-text indexes; later ones are taken in together (see
-- words.rs).
CREATE TABLE indexed (
    rows_of TEXT NOT NULL PRIMARY KEY,
    through INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO indexed (rows_of, through) VALUES
    ('memories', (SELECT coalesce(max(number), 0) FROM memories)),
    ('messages', (SELECT coalesce(max(number), 0) FROM messages));
