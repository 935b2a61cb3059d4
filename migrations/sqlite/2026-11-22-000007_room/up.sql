-- Only PostgreSQL keeps the rows of before.
SELECT 1;
