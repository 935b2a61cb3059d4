-- Browsers that are signed in: the cookie holds a token, the table its SHA-256.
CREATE TABLE sessions (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id       BIGINT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    token_hash   BLOB      NOT NULL UNIQUE,
    device       TEXT      NOT NULL,
    address      TEXT      NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP,
    expires_at   TIMESTAMP NOT NULL
);
CREATE INDEX sessions_key ON sessions (key_id, id);

-- Links that sign a browser in, once.
CREATE TABLE sign_in_links (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    key_id     BIGINT    NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    token_hash BLOB      NOT NULL UNIQUE,
    expires_at TIMESTAMP NOT NULL
);

-- What was deleted or made anonymous, by whom: never whose number it was.
CREATE TABLE audit_log (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TIMESTAMP NOT NULL,
    who      TEXT      NOT NULL,
    action   TEXT      NOT NULL,
    detail   TEXT      NOT NULL,
    affected BIGINT    NOT NULL
);

-- What others were told of a call, at its page.
CREATE INDEX deliveries_call ON deliveries (call);
