-- Grain: one row, how often the warehouse was migrated to the definitions with :fingerprint.

SELECT COUNT(*) AS Times
FROM SchemaVersion
WHERE Fingerprint = :fingerprint;
