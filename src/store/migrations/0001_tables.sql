-- Ids are UUIDs as 16-byte blobs, times are milliseconds since 1970, free-form values are JSON text,
-- flags are 0 or 1. There are no foreign keys: facts of one agent may come in any order, memories may
-- outlive their agent, and removal is written out where it happens.

CREATE TABLE host (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    epoch INTEGER NOT NULL,
    is_halted INTEGER NOT NULL
) STRICT;

INSERT INTO host (only, epoch, is_halted) VALUES (1, 0, 0);

-- `state` follows from `desired` and `failure`; kept because it is listed and counted by.
CREATE TABLE agents (
    id BLOB NOT NULL PRIMARY KEY,
    handle TEXT NOT NULL,
    name TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    state TEXT NOT NULL,
    desired TEXT NOT NULL,
    started_at INTEGER,
    tick_every_ms INTEGER,
    overrides TEXT,
    failure TEXT,
    reflected_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX agents_by_handle ON agents (handle);
CREATE INDEX agents_in_order ON agents ((state <> 'running'), name, id);
CREATE INDEX agents_by_state ON agents (state, name, id);

-- Apart from `agents`, so that a change of lifecycle does not rewrite the document.
CREATE TABLE characters (
    agent BLOB NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

-- The hottest table: one small row per tick, one b-tree, no further index.
CREATE TABLE events (
    agent BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (agent, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id BLOB NOT NULL PRIMARY KEY,
    agent BLOB NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    room BLOB NOT NULL,
    entity BLOB NOT NULL,
    letter BLOB,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    error TEXT,
    model TEXT,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_micros INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_by_agent ON runs (agent, started_at, id);
CREATE INDEX runs_open ON runs (id) WHERE status = 'started';
CREATE INDEX runs_by_age ON runs (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE steps (
    run BLOB NOT NULL,
    place INTEGER NOT NULL,
    agent BLOB NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    intent TEXT NOT NULL,
    outcome TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    model TEXT,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_micros INTEGER,
    PRIMARY KEY (run, place)
) STRICT;

CREATE INDEX steps_open ON steps (run) WHERE status = 'intended';

CREATE TABLE letters (
    id BLOB NOT NULL PRIMARY KEY,
    reader BLOB NOT NULL,
    writer BLOB NOT NULL,
    writer_agent BLOB,
    room BLOB NOT NULL,
    memory BLOB NOT NULL,
    content TEXT NOT NULL,
    expects_reply INTEGER NOT NULL,
    in_reply_to BLOB,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;

CREATE INDEX letters_waiting ON letters (reader, sent_at, id) WHERE status = 'waiting';
CREATE INDEX letters_settled ON letters (sent_at) WHERE status <> 'waiting';
CREATE INDEX letters_by_reader ON letters (reader);

-- `number` ties a memory to its words and its embedding. `kind` stands last in the indexes so that
-- a list of one kind is filtered within the index.
CREATE TABLE memories (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    agent BLOB NOT NULL,
    kind TEXT NOT NULL,
    room BLOB NOT NULL,
    world BLOB,
    entity BLOB NOT NULL,
    content TEXT NOT NULL,
    metadata TEXT NOT NULL,
    is_unique INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The id first: new ids sort by time, so that this index grows at its end and touches one page for
-- many memories, where the others touch one for each agent.
CREATE UNIQUE INDEX memories_by_id ON memories (id, agent);
CREATE INDEX memories_by_time ON memories (agent, created_at, id, kind);
CREATE INDEX memories_by_room ON memories (agent, room, created_at, id, kind);

-- The words of memories, each with its agent's mark in front (see search.rs). The texts themselves
-- are not stored a second time.
CREATE VIRTUAL TABLE memory_words USING fts5 (
    words,
    content = '',
    contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

-- Not a virtual table of the vector extension: one partitioned by agent would allocate a chunk for
-- each partition, which a hundred thousand agents cannot afford.
CREATE TABLE embeddings (
    memory INTEGER PRIMARY KEY,
    agent BLOB NOT NULL,
    embedder TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    vector BLOB NOT NULL
) STRICT;

CREATE INDEX embeddings_by_agent ON embeddings (agent, embedder);
CREATE INDEX embeddings_by_embedder ON embeddings (embedder, created_at, memory);

-- The memories that have a text and no embedding at all.
CREATE TABLE unembedded (
    created_at INTEGER NOT NULL,
    memory INTEGER NOT NULL,
    PRIMARY KEY (created_at, memory)
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    channel TEXT,
    message_server BLOB,
    world BLOB,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rooms_by_world ON rooms (world) WHERE world IS NOT NULL;

CREATE TABLE participants (
    agent BLOB NOT NULL,
    room BLOB NOT NULL,
    entity BLOB NOT NULL,
    state TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, room, entity)
) STRICT, WITHOUT ROWID;

CREATE INDEX participants_by_entity ON participants (agent, entity);

CREATE TABLE worlds (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    message_server BLOB,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE entities (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    names TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE components (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    entity BLOB NOT NULL,
    room BLOB NOT NULL,
    world BLOB,
    source_entity BLOB,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX components_by_entity ON components (agent, entity);

CREATE TABLE relationships (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    source_entity BLOB NOT NULL,
    target_entity BLOB NOT NULL,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tasks (
    agent BLOB NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    room BLOB,
    world BLOB,
    entity BLOB,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (agent, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    agent BLOB NOT NULL,
    entity BLOB NOT NULL,
    room BLOB NOT NULL,
    run BLOB,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX logs_by_id ON logs (agent, id);
CREATE INDEX logs_by_time ON logs (agent, created_at, id);
CREATE INDEX logs_by_run ON logs (agent, run, created_at, id) WHERE run IS NOT NULL;
CREATE INDEX logs_by_age ON logs (created_at);
