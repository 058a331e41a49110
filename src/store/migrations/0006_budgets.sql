-- What was spent and what is reserved. `whose` is the id of a run or an agent as text, or an owner's
-- name; `day` is the number of days since 1970, and 0 where the scope is not of a day.
CREATE TABLE spending (
    scope TEXT NOT NULL,
    whose TEXT NOT NULL,
    day INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL,
    held_tokens INTEGER NOT NULL,
    held_cost_micros INTEGER NOT NULL,
    is_marked INTEGER NOT NULL,
    PRIMARY KEY (scope, whose, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX spending_by_day ON spending (day) WHERE scope IN ('agent_day', 'owner_day');

-- One row for each call of a model that has begun and not ended.
CREATE TABLE reservations (
    run BLOB NOT NULL,
    place INTEGER NOT NULL,
    agent BLOB NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

-- Who used how much of which model on which day. It outlives the agent: it is somebody's bill.
CREATE TABLE usage (
    day INTEGER NOT NULL,
    agent BLOB NOT NULL,
    model TEXT NOT NULL,
    owner TEXT NOT NULL,
    calls INTEGER NOT NULL,
    presumed_calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_micros INTEGER NOT NULL,
    PRIMARY KEY (day, agent, model, owner)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_agent ON usage (agent, day);
CREATE INDEX usage_by_owner ON usage (owner, day);

-- Why an agent is paused, as JSON, where no operator asked for it.
ALTER TABLE agents ADD COLUMN pause TEXT;
