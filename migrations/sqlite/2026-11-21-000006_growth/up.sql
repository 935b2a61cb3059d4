-- Only PostgreSQL needs to be told how to look after large tables.
SELECT 1;
