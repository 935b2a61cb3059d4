-- The yardstick of the benchmark: what the server writes for a call's three events, straight from pgbench: one
-- statement and one commit for each event, each as short as a direct writer would make it. The server's own is
-- src/store/batch_postgres.sql; where that writes something else, this follows.
--
-- One thing is cheaper here: the change number comes from a sequence. The server takes numbers from a locked row, which
-- costs its one writer nothing, but would make pgbench's clients wait for one another.
--
--   CREATE SEQUENCE bench_change;
--   pgbench -n -M prepared -c 64 -j 2 -T 10 -f pgbench_event.sql     (one transaction = three events)

\set left random(1000000000000000000, 9000000000000000000)
\set right random(1000000000000000, 9000000000000000)
\set caller 493023000000 + 641 * random(0, 999)

WITH added AS (
    INSERT INTO calls (
        id, pbx_id, call_id, leg_id, incarnation, direction, from_number, from_key, to_number, to_key,
        users, queue, state, decision, started_at, internal, done, open, change
    ) VALUES (
        nextval('bench_change'), 1, :left::text || '-' || :right::text, '', 1, 'in', :caller::text,
        '+' || :caller::text, '4930609811111', '+4930609811111', '["Alice Müller"]', 'support', 'ringing',
        '{"action":"accept"}', localtimestamp(3), false, false, false, currval('bench_change')
    )
    RETURNING id
),
rings AS (
    INSERT INTO live_calls (id) SELECT id FROM added
)
INSERT INTO journal (change, call, pbx_id, received_at, kind, result, address, content_type, body, status, answer)
SELECT id, id, 1, localtimestamp(3), 'newCall', 'applied', '127.0.0.1', 'application/x-www-form-urlencoded',
    'event=newCall&from=' || :caller::text || '&to=4930609811111&direction=in&callId=' || :left::text || '-'
        || :right::text || '&user[]=Alice+M%C3%BCller&queue=support', 200, '{}'
FROM added
RETURNING change AS call
\gset

WITH moved AS (
    UPDATE calls SET
        answered_by = 'Alice Müller', answering_number = '4930609811120', state = 'connected',
        answered_at = localtimestamp(3), done = true, change = nextval('bench_change')
    WHERE id = :call::bigint
    RETURNING id, change
)
INSERT INTO journal (change, call, pbx_id, received_at, kind, result, address, content_type, body, status, answer)
SELECT change, id, 1, localtimestamp(3), 'answer', 'applied', '127.0.0.1', 'application/x-www-form-urlencoded',
    'event=answer&from=' || :caller::text || '&to=4930609811111&direction=in&callId=' || :left::text || '-'
        || :right::text || '&user=Alice+M%C3%BCller&answeringNumber=4930609811120', 200, '{}'
FROM moved
RETURNING -- the caller was reached: are there missed calls of theirs?
    ARRAY (SELECT id FROM calls WHERE open AND pbx_id = 1 AND from_key = '+' || :caller::text);

WITH gone AS (
    DELETE FROM live_calls WHERE id = :call::bigint
),
moved AS (
    UPDATE calls SET
        state = 'ended', outcome = 'answered', cause = 'normalClearing', raw_cause = 'normalClearing',
        ended_at = localtimestamp(3), change = nextval('bench_change')
    WHERE id = :call::bigint
    RETURNING id, change
)
INSERT INTO journal (change, call, pbx_id, received_at, kind, result, address, content_type, body, status, answer)
SELECT change, id, 1, localtimestamp(3), 'hangup', 'applied', '127.0.0.1', 'application/x-www-form-urlencoded',
    'event=hangup&from=' || :caller::text || '&to=4930609811111&direction=in&callId=' || :left::text || '-'
        || :right::text || '&cause=normalClearing&answeringNumber=4930609811120', 200, '{}'
FROM moved;
