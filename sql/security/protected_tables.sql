-- Grain: one row, the number of relations with row-level security; bind :schema. Superusers and sys:secadmin may read it.

SELECT COUNT(*) AS Protected
FROM svv_rls_relation
WHERE relschema = :schema AND is_rls_on;
