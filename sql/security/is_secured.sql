-- Grain: one row, whether the table exists that row-level security reads; bind :schema.
-- Every user sees every row of the system catalog tables; information_schema leaves out what a role's rights come from.

SELECT COUNT(*) AS Found
FROM pg_class
INNER JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
WHERE pg_namespace.nspname = :schema AND pg_class.relname = 'departmentunit';
