DROP INDEX deliveries_call;
DROP TABLE audit_log;
DROP TABLE sign_in_links;
DROP TABLE sessions;
