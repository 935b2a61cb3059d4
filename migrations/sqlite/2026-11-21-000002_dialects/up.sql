-- Who works at a PBX, as its latest word has it.
CREATE TABLE agents (
    pbx_id    BIGINT    NOT NULL,
    agent     TEXT      NOT NULL,
    extension TEXT,
    kind      TEXT      NOT NULL,
    status    TEXT      NOT NULL,
    since     TIMESTAMP NOT NULL,
    PRIMARY KEY (pbx_id, agent)
);

-- Calls that name another one's id as the beginning of their story (transfers), so that the other one finds them.
CREATE TABLE stories (
    pbx_id BIGINT NOT NULL,
    story  TEXT   NOT NULL,
    call   BIGINT NOT NULL,
    PRIMARY KEY (pbx_id, story, call)
);
