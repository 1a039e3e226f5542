-- Grain: one row, the definitions that the tables and views stand at; none before the first.

SELECT Version, Fingerprint
FROM SchemaVersion
ORDER BY Version DESC
LIMIT 1;
