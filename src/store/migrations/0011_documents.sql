-- Small pieces of JSON that an API keeps, and that are no agent's.
CREATE TABLE documents (
    shelf TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (shelf, key)
) STRICT;
