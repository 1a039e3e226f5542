-- Grain: SchemaVersion one change of the warehouse's tables and views; the row with the highest Version says what stands.
--
-- Fingerprint is a hash of the definitions: where it is this release's, nothing has to be looked at. A few rows in
-- all, so every node keeps a copy.

CREATE TABLE IF NOT EXISTS SchemaVersion (
    Version     BIGINT        NOT NULL,
    Fingerprint VARCHAR(64)   NOT NULL,
    Changes     VARCHAR(4096) NOT NULL,
    AppliedAt   TIMESTAMP     NOT NULL,
    PRIMARY KEY (Version)
)
DISTSTYLE ALL
SORTKEY (Version);
