-- Grain: one row, whether the tables that row-level security reads exist; bind :schema.

SELECT COUNT(*) AS Found
FROM information_schema.tables
WHERE table_schema = :schema AND table_name = 'departmentunit';
