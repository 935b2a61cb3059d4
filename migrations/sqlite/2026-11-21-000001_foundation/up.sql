-- Times are UTC. JSON is kept as text, so that one code path serves both databases.

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
-- Grows with each change of PBXes, rules or keys: nodes that hold them in memory look here.
INSERT INTO settings (name, value) VALUES ('config_version', '1');

-- One row: the last change number, handed out in commit order.
CREATE TABLE feed (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    change BIGINT  NOT NULL
);
INSERT INTO feed (id, change) VALUES (1, 0);

CREATE TABLE pbxes (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT      NOT NULL,
    dialect           TEXT      NOT NULL,
    region            TEXT      NOT NULL,
    options           TEXT      NOT NULL DEFAULT '{}',
    allowed_addresses TEXT      NOT NULL DEFAULT '[]',
    enabled           BOOLEAN   NOT NULL DEFAULT TRUE,
    token_hash        BLOB      NOT NULL UNIQUE,
    old_token_hash    BLOB      UNIQUE,
    old_token_until   TIMESTAMP,
    created_at        TIMESTAMP NOT NULL,
    updated_at        TIMESTAMP NOT NULL
);

CREATE TABLE keys (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT      NOT NULL,
    role         TEXT      NOT NULL,
    key_hash     BLOB      NOT NULL UNIQUE,
    pbx_ids      TEXT,
    created_at   TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP,
    revoked_at   TIMESTAMP
);

CREATE TABLE block_rules (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    pattern     TEXT      NOT NULL,
    action      TEXT      NOT NULL,
    reason      TEXT      NOT NULL,
    pbx_id      BIGINT    REFERENCES pbxes (id) ON DELETE CASCADE,
    called      TEXT,
    expires_at  TIMESTAMP,
    note        TEXT,
    hits        BIGINT    NOT NULL DEFAULT 0,
    last_hit_at TIMESTAMP,
    created_at  TIMESTAMP NOT NULL
);

CREATE TABLE caller_id_rules (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    position    INTEGER   NOT NULL,
    destination TEXT      NOT NULL,
    caller_id   TEXT      NOT NULL,
    caller      TEXT,
    pbx_id      BIGINT    REFERENCES pbxes (id) ON DELETE CASCADE,
    note        TEXT,
    hits        BIGINT    NOT NULL DEFAULT 0,
    last_hit_at TIMESTAMP,
    created_at  TIMESTAMP NOT NULL
);

CREATE TABLE contacts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT      NOT NULL,
    company    TEXT,
    note       TEXT,
    -- Name and company in lower case: the order of the list, and what is searched.
    sort_key   TEXT      NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX contacts_sort ON contacts (sort_key, id);

CREATE TABLE contact_numbers (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    contact_id BIGINT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    number     TEXT   NOT NULL,
    number_key TEXT   NOT NULL
);
CREATE INDEX contact_numbers_key ON contact_numbers (number_key);
CREATE INDEX contact_numbers_contact ON contact_numbers (contact_id);

-- A call's id is the change number of the event that made it.
CREATE TABLE calls (
    id               INTEGER   PRIMARY KEY,
    pbx_id           BIGINT    NOT NULL,
    call_id          TEXT      NOT NULL,
    leg_id           TEXT      NOT NULL,
    incarnation      INTEGER   NOT NULL,
    direction        TEXT     ,
    from_number      TEXT     ,
    from_key         TEXT     ,
    dialed_from      TEXT     ,
    to_number        TEXT     ,
    to_key           TEXT     ,
    users            TEXT      NOT NULL,
    answered_by      TEXT,
    answering_number TEXT,
    queue            TEXT,
    state            TEXT      NOT NULL,
    outcome          TEXT     ,
    cause            TEXT     ,
    raw_cause        TEXT,
    decision         TEXT,
    started_at       TIMESTAMP NOT NULL,
    answered_at      TIMESTAMP,
    ended_at         TIMESTAMP,
    internal         BOOLEAN   NOT NULL,
    done             BOOLEAN   NOT NULL,
    done_by          TEXT,
    done_at          TIMESTAMP,
    open             BOOLEAN   NOT NULL,
    note             TEXT,
    extra            TEXT,
    change           BIGINT    NOT NULL
);
CREATE UNIQUE INDEX calls_identity ON calls (pbx_id, call_id, leg_id, incarnation);
CREATE INDEX calls_started ON calls (started_at, id);
CREATE INDEX calls_from ON calls (from_key, started_at, id);
CREATE INDEX calls_to ON calls (to_key, started_at, id);
CREATE INDEX calls_open ON calls (started_at, id) WHERE open;
CREATE INDEX calls_open_from ON calls (pbx_id, from_key) WHERE open;

-- The calls that ring or are connected. A table and not a partial index: the row of a call that ends would otherwise
-- move in every index of `calls`.
CREATE TABLE live_calls (
    id INTEGER PRIMARY KEY
);

-- What PBXes sent and what came of it, and what people and we did to a call. Its key is the feed: `change` grows
-- in commit order.
CREATE TABLE journal (
    change       INTEGER   PRIMARY KEY,
    pbx_id       BIGINT    NOT NULL,
    call         BIGINT,
    received_at  TIMESTAMP NOT NULL,
    kind         TEXT     ,
    result       TEXT      NOT NULL,
    why          TEXT,
    address      TEXT,
    content_type TEXT,
    query        TEXT,
    body         TEXT,
    status       INTEGER,
    answer       TEXT
);
CREATE INDEX journal_call ON journal (call) WHERE call IS NOT NULL;
CREATE INDEX journal_pbx ON journal (pbx_id, change);
