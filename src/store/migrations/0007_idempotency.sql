-- Requests with a key, in the order in which they were begun. `scope` and `request` are digests; the
-- columns after `begun_at` are NULL until the request is answered, and `body` stays so where it is not
-- kept.
CREATE TABLE idempotency (
    number INTEGER PRIMARY KEY,
    scope BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    request BLOB,
    status INTEGER,
    content_type TEXT,
    location TEXT,
    body BLOB
) STRICT;

CREATE UNIQUE INDEX idempotency_by_scope ON idempotency (scope);
