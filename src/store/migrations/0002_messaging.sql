-- What agents and people share. There are no foreign keys, as before: removal is written out where it
-- happens, and events outlive their channel.

CREATE TABLE servers (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source_id TEXT,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE enlistments (
    server BLOB NOT NULL,
    agent BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (server, agent)
) STRICT, WITHOUT ROWID;

CREATE INDEX enlistments_by_agent ON enlistments (agent, since, server);

CREATE TABLE channels (
    id BLOB NOT NULL PRIMARY KEY,
    server BLOB NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    source_type TEXT,
    source_id TEXT,
    topic TEXT,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX channels_by_server ON channels (server, created_at, id);
CREATE INDEX channels_by_source ON channels (server, source_id, created_at, id)
    WHERE source_id IS NOT NULL;

CREATE TABLE members (
    channel BLOB NOT NULL,
    user BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (channel, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_by_user ON members (user, channel);

-- `number` ties a message to its words.
CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    channel BLOB NOT NULL,
    author BLOB NOT NULL,
    content TEXT NOT NULL,
    raw_message TEXT,
    in_reply_to BLOB,
    source_type TEXT,
    source_id TEXT,
    metadata TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX messages_by_id ON messages (id);
CREATE INDEX messages_by_channel ON messages (channel, created_at, id);
CREATE INDEX messages_by_author ON messages (author, created_at, id);
CREATE INDEX messages_by_time ON messages (created_at, id);

-- The words of messages, and their channel's id as one word of a column of its own, so that the
-- lists of words are cut with that of the channel. Texts themselves are not stored a second time.
CREATE VIRTUAL TABLE message_words USING fts5 (
    channel_word,
    words,
    content = '',
    contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE channel_events (
    channel BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT,
    PRIMARY KEY (channel, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    agent BLOB NOT NULL,
    channel BLOB NOT NULL,
    user BLOB NOT NULL,
    metadata TEXT NOT NULL,
    timeout_minutes REAL NOT NULL,
    auto_renew INTEGER NOT NULL,
    max_duration_minutes REAL NOT NULL,
    warning_threshold_minutes REAL NOT NULL,
    renewals INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_in_order ON sessions (created_at, id);
CREATE INDEX sessions_by_end ON sessions (expires_at, id);
CREATE INDEX sessions_by_agent ON sessions (agent);
CREATE INDEX sessions_by_channel ON sessions (channel);

CREATE TABLE jobs (
    id BLOB NOT NULL PRIMARY KEY,
    agent BLOB NOT NULL,
    user BLOB NOT NULL,
    channel BLOB NOT NULL,
    prompt TEXT NOT NULL,
    metadata TEXT NOT NULL,
    status TEXT NOT NULL,
    answer BLOB,
    error TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX jobs_in_order ON jobs (created_at, id);
CREATE INDEX jobs_by_status ON jobs (status, created_at, id, ended_at);
CREATE INDEX jobs_by_agent ON jobs (agent);
CREATE INDEX jobs_by_channel ON jobs (channel, created_at, id);
CREATE INDEX jobs_by_age ON jobs (coalesce(ended_at, created_at))
    WHERE status IN ('completed', 'failed', 'timeout');

-- Whether a letter may be ignored, and where it was said, if others heard it.
ALTER TABLE letters ADD COLUMN may_be_ignored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE letters ADD COLUMN heard_channel BLOB;
ALTER TABLE letters ADD COLUMN heard_message BLOB;
