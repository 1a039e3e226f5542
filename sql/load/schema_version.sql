-- Grain: one row, the latest migration of the tables and views; none before the first.

SELECT Version, Fingerprint
FROM SchemaVersion
ORDER BY Version DESC
LIMIT 1;
