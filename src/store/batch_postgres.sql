-- One batch of call events, in one statement: one round trip, one commit. See batch_postgres.rs, which gives the
-- parameters in the order of their marks. Arrays are unnested in the SELECT list, where all of them advance together:
-- in FROM, PostgreSQL keeps a store of rows for each. One that is shorter goes on as NULL, and NULL costs least: so what
-- nearly all rows have in common is sent as NULL.
WITH numbers AS (
    UPDATE feed SET change = change + {} WHERE id = 1
    RETURNING change - {} AS base, {} AS known -- the newest change that this node knows of
),
-- calls that are new or ring again, or of which more than their progress changed
said AS MATERIALIZED (
    SELECT
        unnest({}::bigint[]) AS known_id, unnest({}::bigint[]) AS id_offset, unnest({}::bigint[]) AS expected,
        unnest({}::bigint[]) AS change_offset, unnest({}::bigint[]) AS pbx_id, unnest({}::text[]) AS call_id,
        unnest({}::text[]) AS leg_id, unnest({}::int[]) AS incarnation, unnest({}::text[]) AS direction,
        unnest({}::text[]) AS from_number, unnest({}::text[]) AS from_key, unnest({}::text[]) AS dialed_from,
        unnest({}::text[]) AS to_number, unnest({}::text[]) AS to_key, unnest({}::text[]) AS users,
        unnest({}::text[]) AS queue, unnest({}::text[]) AS decision, unnest({}::timestamp[]) AS started_at,
        unnest({}::bool[]) AS internal, unnest({}::text[]) AS extra, unnest({}::text[]) AS answered_by,
        unnest({}::text[]) AS answering_number, unnest({}::text[]) AS state, unnest({}::text[]) AS outcome,
        unnest({}::text[]) AS cause, unnest({}::text[]) AS raw_cause, unnest({}::timestamp[]) AS answered_at,
        unnest({}::timestamp[]) AS ended_at, unnest({}::bool[]) AS done, unnest({}::bool[]) AS open
),
added AS (
    INSERT INTO calls (id, change,
        pbx_id, call_id, leg_id, incarnation, direction, from_number, from_key, dialed_from, to_number,
        to_key, users, queue, decision, started_at, internal, extra, answered_by, answering_number,
        state, outcome, cause, raw_cause, answered_at, ended_at, done, open
    )
    SELECT base + id_offset, base + change_offset,
        pbx_id, call_id, coalesce(leg_id, ''), coalesce(incarnation, 1), direction, from_number, from_key,
        dialed_from, to_number, to_key, users, queue, decision, started_at, coalesce(internal, false), extra,
        answered_by, answering_number, state, outcome, cause, raw_cause, answered_at, ended_at,
        coalesce(done, false), coalesce(open, false)
    FROM said, numbers WHERE known_id IS NULL -- one that is there already fails the whole statement
),
rings AS (
    INSERT INTO live_calls (id)
    SELECT base + id_offset FROM said, numbers WHERE known_id IS NULL AND ended_at IS NULL
),
-- one that ended lives again where another leg of it rings; apart, since looking for what is there costs twice
rings_again AS (
    INSERT INTO live_calls (id) SELECT unnest({}::bigint[]) ON CONFLICT DO NOTHING
),
ended AS (
    DELETE FROM live_calls WHERE id = ANY ({}::bigint[])
),
refilled AS (
    UPDATE calls SET change = base + said.change_offset,
        direction = said.direction, from_number = said.from_number, from_key = said.from_key,
        dialed_from = said.dialed_from, to_number = said.to_number, to_key = said.to_key,
        users = said.users, queue = said.queue, decision = said.decision, started_at = said.started_at,
        internal = coalesce(said.internal, false), extra = said.extra, answered_by = said.answered_by,
        answering_number = said.answering_number, state = said.state, outcome = said.outcome,
        cause = said.cause, raw_cause = said.raw_cause, answered_at = said.answered_at,
        ended_at = said.ended_at, done = coalesce(said.done, false), open = coalesce(said.open, false)
    FROM said, numbers WHERE calls.id = said.known_id AND calls.change = said.expected
    RETURNING 1
),
-- calls that were answered or hung up, or another leg rang: no column that most calls are indexed by
progress AS MATERIALIZED (
    SELECT
        unnest({}::bigint[]) AS known_id, unnest({}::bigint[]) AS expected, unnest({}::bigint[]) AS change_offset,
        unnest({}::text[]) AS extra, unnest({}::text[]) AS answered_by, unnest({}::text[]) AS answering_number,
        unnest({}::text[]) AS state, unnest({}::text[]) AS outcome, unnest({}::text[]) AS cause,
        unnest({}::text[]) AS raw_cause, unnest({}::timestamp[]) AS answered_at,
        unnest({}::timestamp[]) AS ended_at, unnest({}::bool[]) AS done, unnest({}::bool[]) AS open
),
moved AS (
    UPDATE calls SET change = base + progress.change_offset, extra = progress.extra,
        answered_by = progress.answered_by, answering_number = progress.answering_number,
        state = progress.state, outcome = progress.outcome, cause = progress.cause,
        raw_cause = progress.raw_cause, answered_at = progress.answered_at,
        ended_at = progress.ended_at, done = coalesce(progress.done, false),
        open = coalesce(progress.open, false)
    FROM progress, numbers WHERE calls.id = progress.known_id AND calls.change = progress.expected
    RETURNING 1
),
written AS (
    INSERT INTO journal (change, call,
        pbx_id, received_at, kind, result, why, address, content_type, query, body, status, answer
    )
    SELECT base + change_offset, coalesce(call, base + call_offset),
        pbx_id, received_at, kind, result, why, address, content_type, query, body, status, answer
    FROM numbers, (
        SELECT
            unnest({}::bigint[]) AS call, unnest({}::bigint[]) AS call_offset, unnest({}::bigint[]) AS change_offset,
            unnest({}::bigint[]) AS pbx_id, unnest({}::timestamp[]) AS received_at, unnest({}::text[]) AS kind,
            unnest({}::text[]) AS result, unnest({}::text[]) AS why, unnest({}::text[]) AS address,
            unnest({}::text[]) AS content_type, unnest({}::text[]) AS query, unnest({}::text[]) AS body,
            unnest({}::int[]) AS status, unnest({}::text[]) AS answer
    ) AS said
)
SELECT
    -- a row that somebody else moved meanwhile fails the whole statement, by this cast; and so does, where another node
    -- wrote since, a call of which nothing is to be written though it moved, or whose id means a later call there
    CASE WHEN (SELECT count(*) FROM refilled) = (SELECT count(known_id) FROM said)
            AND (SELECT count(*) FROM moved) = (SELECT count(*) FROM progress)
            AND (base = known OR NOT EXISTS (
                SELECT FROM (
                    SELECT known_id, expected FROM said WHERE known_id IS NOT NULL
                    UNION ALL SELECT known_id, expected FROM progress
                    UNION ALL SELECT unnest({}::bigint[]), unnest({}::bigint[])
                ) AS remembered
                LEFT JOIN calls ON calls.id = remembered.known_id AND calls.change = remembered.expected
                WHERE calls.id IS NULL OR EXISTS (
                    SELECT FROM calls AS later
                    WHERE (later.pbx_id, later.call_id, later.leg_id) = (calls.pbx_id, calls.call_id, calls.leg_id)
                        AND later.incarnation > calls.incarnation
                )
            ))
        THEN base ELSE ('stale after ' || base)::bigint END AS base,
    -- are there missed calls of the far ends that were reached?
    EXISTS (
        SELECT FROM calls, unnest({}::bigint[], {}::text[]) AS t (pbx_id, party)
        WHERE calls.open AND calls.pbx_id = t.pbx_id AND calls.from_key = t.party
    ) AS reaches
FROM numbers
