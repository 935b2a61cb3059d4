-- A call that goes takes its lines along; those of calls that are gone already were left behind.
CREATE INDEX stories_call ON stories (call);
DELETE FROM stories WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.id = stories.call);
