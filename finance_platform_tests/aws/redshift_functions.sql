-- What Redshift has and PostgreSQL lacks, as far as the platform uses it; run once, in the template of all databases.

SET allow_system_table_mods = on;

CREATE TABLE pg_catalog.sys_load_error_detail (
    user_id         integer,
    query_id        bigint,
    transaction_id  bigint,
    session_id      integer,
    database_name   character(64),
    table_id        integer,
    start_time      timestamp,
    file_name       character(256),
    line_number     bigint,
    column_name     character(127),
    column_type     character(10),
    column_length   character(10),
    position        integer,
    error_code      integer,
    error_message   character(512)
);

GRANT SELECT ON pg_catalog.sys_load_error_detail TO PUBLIC;

CREATE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql AS
$$ SELECT COALESCE(NULLIF(current_setting('redshift.last_copy_count', true), ''), '0')::bigint $$;

CREATE FUNCTION pg_catalog.pg_last_copy_id() RETURNS bigint LANGUAGE sql AS
$$ SELECT COALESCE(NULLIF(current_setting('redshift.last_copy_id', true), ''), '-1')::bigint $$;
