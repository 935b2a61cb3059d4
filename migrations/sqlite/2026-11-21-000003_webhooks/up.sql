CREATE TABLE webhooks (
    id            INTEGER   PRIMARY KEY AUTOINCREMENT,
    url           TEXT      NOT NULL,
    method        TEXT      NOT NULL,
    events        TEXT      NOT NULL,
    extension     TEXT,
    pbx_id        BIGINT    REFERENCES pbxes (id) ON DELETE CASCADE,
    payload       TEXT      NOT NULL,
    filters       TEXT      NOT NULL,
    enabled       BOOLEAN   NOT NULL,
    notes         TEXT,
    -- In clear: deliveries are signed with it.
    secret        TEXT      NOT NULL,
    -- The key that made it; NULL for the command line.
    created_by    BIGINT,
    disabled_why  TEXT,
    -- How its receiver fares: failures since the last success, and until when it is left alone.
    failures      INTEGER   NOT NULL DEFAULT 0,
    failing_since TIMESTAMP,
    resume_at     TIMESTAMP,
    succeeded_at  TIMESTAMP,
    created_at    TIMESTAMP NOT NULL,
    updated_at    TIMESTAMP NOT NULL
);
CREATE INDEX webhooks_extension ON webhooks (extension);

-- What a webhook is to be told, and what came of it. No foreign key: an event must not fail because its webhook was
-- just deleted; what is left behind is swept.
CREATE TABLE deliveries (
    id             INTEGER   PRIMARY KEY AUTOINCREMENT,
    webhook_id     BIGINT    NOT NULL,
    call           BIGINT    NOT NULL,
    change         BIGINT    NOT NULL,
    kind           TEXT      NOT NULL,
    -- The call as it was at that change: JSON.
    snapshot       TEXT      NOT NULL,
    state          TEXT      NOT NULL,
    -- How often it was claimed; also tells the claims of one delivery apart.
    attempts       INTEGER   NOT NULL,
    -- When it is to be sent; of one that is being sent, when its claim ends.
    due_at         TIMESTAMP NOT NULL,
    created_at     TIMESTAMP NOT NULL,
    first_tried_at TIMESTAMP,
    done_at        TIMESTAMP,
    status         INTEGER,
    took_ms        BIGINT,
    answer         TEXT,
    error          TEXT
);
CREATE INDEX deliveries_due ON deliveries (webhook_id, due_at) WHERE done_at IS NULL;
CREATE INDEX deliveries_chain ON deliveries (webhook_id, call, id) WHERE done_at IS NULL;
CREATE INDEX deliveries_webhook ON deliveries (webhook_id, id);
CREATE INDEX deliveries_done ON deliveries (done_at) WHERE done_at IS NOT NULL;
