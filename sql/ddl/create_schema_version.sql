-- Grain: SchemaVersion one migration of the warehouse's tables and views; the row with the highest Version is current.
--
-- Fingerprint is a hash of the definitions: if it is this release's, no table needs to be compared. A few rows in
-- total, so every node keeps a copy.

CREATE TABLE IF NOT EXISTS SchemaVersion (
    Version     BIGINT        NOT NULL,
    Fingerprint VARCHAR(64)   NOT NULL,
    Changes     VARCHAR(4096) NOT NULL,
    AppliedAt   TIMESTAMP     NOT NULL,
    PRIMARY KEY (Version)
)
DISTSTYLE ALL
SORTKEY (Version);
