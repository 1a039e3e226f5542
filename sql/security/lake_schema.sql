-- The processed zone's tables, through the data catalog. No role may use this schema: an external table can have neither
-- row-level security nor masks.

CREATE EXTERNAL SCHEMA IF NOT EXISTS ${lake_schema}
FROM DATA CATALOG
DATABASE '${catalog_database}'
IAM_ROLE '${copy_role_arn}';
