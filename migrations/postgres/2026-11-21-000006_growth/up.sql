-- By itself PostgreSQL looks after a table once a fifth of it changed: of five million calls that is a million, and so
-- long the newest pages are not known to be visible to all, which the walks along `calls_started` live on, and what
-- retention deleted takes its room. The larger the tables, the smaller a share.
ALTER TABLE calls SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);
ALTER TABLE journal SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);
