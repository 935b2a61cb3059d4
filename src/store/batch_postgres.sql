-- One batch of call events, in one statement: one round trip, one commit. See batch_postgres.rs, which gives the
-- parameters in the order of their marks.
WITH numbers AS (
    UPDATE feed SET change = change + {} WHERE id = 1 RETURNING change - {} AS base
),
-- calls that are new, or of which more than their progress changed
said AS MATERIALIZED (
    SELECT * FROM unnest(
        {}::bigint[], {}::bigint[], {}::bigint[], {}::bigint[], {}::bigint[], {}::text[], {}::text[],
        {}::int[], {}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::text[],
        {}::text[], {}::text[], {}::timestamp[], {}::bool[], {}::text[], {}::text[], {}::text[],
        {}::text[], {}::text[], {}::text[], {}::text[], {}::timestamp[], {}::timestamp[], {}::bool[],
        {}::bool[]
    ) AS t (
        known_id, id_offset, expected, change_offset, pbx_id, call_id, leg_id, incarnation, direction,
        from_number, from_key, dialed_from, to_number, to_key, users, queue, decision, started_at,
        internal, extra, answered_by, answering_number, state, outcome, cause, raw_cause, answered_at,
        ended_at, done, open
    )
),
added AS (
    INSERT INTO calls (id, change,
        pbx_id, call_id, leg_id, incarnation, direction, from_number, from_key, dialed_from, to_number,
        to_key, users, queue, decision, started_at, internal, extra, answered_by, answering_number,
        state, outcome, cause, raw_cause, answered_at, ended_at, done, open
    )
    SELECT base + id_offset, base + change_offset,
        pbx_id, call_id, leg_id, incarnation, direction, from_number, from_key, dialed_from, to_number,
        to_key, users, queue, decision, started_at, internal, extra, answered_by, answering_number,
        state, outcome, cause, raw_cause, answered_at, ended_at, done, open
    FROM said, numbers WHERE known_id IS NULL -- one that is there already fails the whole statement
),
rings AS (
    -- one that ended lives again where another leg of it rings
    INSERT INTO live_calls (id)
    SELECT coalesce(known_id, base + id_offset) FROM said, numbers WHERE ended_at IS NULL
    ON CONFLICT DO NOTHING
),
ended AS (
    DELETE FROM live_calls WHERE id = ANY ({}::bigint[])
),
refilled AS (
    UPDATE calls SET change = base + said.change_offset,
        direction = said.direction, from_number = said.from_number, from_key = said.from_key,
        dialed_from = said.dialed_from, to_number = said.to_number, to_key = said.to_key,
        users = said.users, queue = said.queue, decision = said.decision, started_at = said.started_at,
        internal = said.internal, extra = said.extra, answered_by = said.answered_by,
        answering_number = said.answering_number, state = said.state, outcome = said.outcome,
        cause = said.cause, raw_cause = said.raw_cause, answered_at = said.answered_at,
        ended_at = said.ended_at, done = said.done, open = said.open
    FROM said, numbers WHERE calls.id = said.known_id AND calls.change = said.expected
    RETURNING 1
),
-- calls that were answered or hung up: no column that most calls are indexed by
progress AS MATERIALIZED (
    SELECT * FROM unnest(
        {}::bigint[], {}::bigint[], {}::bigint[], {}::text[], {}::text[], {}::text[], {}::text[],
        {}::text[], {}::text[], {}::timestamp[], {}::timestamp[], {}::bool[], {}::bool[]
    ) AS t (
        known_id, expected, change_offset, answered_by, answering_number, state, outcome, cause,
        raw_cause, answered_at, ended_at, done, open
    )
),
moved AS (
    UPDATE calls SET change = base + progress.change_offset,
        answered_by = progress.answered_by, answering_number = progress.answering_number,
        state = progress.state, outcome = progress.outcome, cause = progress.cause,
        raw_cause = progress.raw_cause, answered_at = progress.answered_at,
        ended_at = progress.ended_at, done = progress.done, open = progress.open
    FROM progress, numbers WHERE calls.id = progress.known_id AND calls.change = progress.expected
    RETURNING 1
),
written AS (
    INSERT INTO journal (change, call,
        pbx_id, received_at, kind, result, why, address, content_type, query, body, status, answer
    )
    SELECT base + change_offset, coalesce(call, base + call_offset),
        pbx_id, received_at, kind, result, why, address, content_type, query, body, status, answer
    FROM numbers, unnest(
        {}::bigint[], {}::bigint[], {}::bigint[], {}::bigint[], {}::timestamp[], {}::text[], {}::text[],
        {}::text[], {}::text[], {}::text[], {}::text[], {}::text[], {}::int[], {}::text[]
    ) AS t (
        call, call_offset, change_offset, pbx_id, received_at, kind, result, why, address, content_type,
        query, body, status, answer
    )
)
SELECT
    -- a row that somebody else moved meanwhile fails the whole statement, by this cast
    CASE WHEN (SELECT count(*) FROM refilled) = (SELECT count(known_id) FROM said)
            AND (SELECT count(*) FROM moved) = (SELECT count(*) FROM progress)
        THEN base ELSE ('stale after ' || base)::bigint END AS base,
    -- the missed calls of the far ends that were reached
    ARRAY (
        SELECT calls.id FROM calls, unnest({}::bigint[], {}::text[]) AS t (pbx_id, party)
        WHERE calls.open AND calls.pbx_id = t.pbx_id AND calls.from_key = t.party
    ) AS reached
FROM numbers
