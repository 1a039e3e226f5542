"""Rewrites Redshift's roles and row-level security to PostgreSQL's; masks have no equivalent there.

Belongs here: the statements of `sql/security`, and Redshift's system views of their objects.
Does not belong here: any other statement (see `redshift_rewrites`).

As on Redshift: under row-level security a user without a policy sees no row, not even the owner; several policies are
combined by AND; the reader needs no grant on the tables that a policy reads; a view shows the rows visible to its
reader.
"""

from __future__ import annotations

import re

_CREATED = re.compile(
    r"CREATE RLS POLICY (?P<name>\w+)(?: WITH \((?P<columns>[^()]*)\))? USING \((?P<predicate>.*)\)", re.I | re.S
)
_ALTERED = re.compile(r"ALTER RLS POLICY (?P<name>\w+) USING \((?P<predicate>.*)\)", re.I | re.S)
_ATTACHED = re.compile(r"ATTACH RLS POLICY (\w+) ON (\w+) TO ROLE (\w+)", re.I)
_ON = re.compile(r"ALTER TABLE (\w+) ROW LEVEL SECURITY ON", re.I)
_EXTERNAL_SCHEMA = re.compile(r"CREATE EXTERNAL SCHEMA IF NOT EXISTS .*", re.I | re.S)
_USER = re.compile(r"CREATE USER (\w+) PASSWORD DISABLE", re.I)
_DROPPED = re.compile(r"DROP (ROLE|USER) (\w+)( FORCE)?", re.I)
_DROPPED_POLICY = re.compile(r"DROP RLS POLICY (\w+) CASCADE", re.I)
_VIEW = re.compile(r"CREATE VIEW (\w+) AS (SELECT .*)", re.I | re.S)
_TO_POLICY = re.compile(r"GRANT .* TO RLS POLICY \w+", re.I | re.S)
_GRANT = re.compile(r"(GRANT|REVOKE)\b.*\bROLE \w+.*", re.I | re.S)

VIEWS = """
SET allow_system_table_mods = on;

CREATE TABLE pg_catalog.svv_rls_policy (
    poldb text DEFAULT current_database(), polname text PRIMARY KEY, polatts text, polqual text
);
CREATE TABLE pg_catalog.svv_rls_attached_policy (
    relschema text DEFAULT current_schema(), relname text, polname text, grantee text,
    PRIMARY KEY (relname, polname, grantee)
);
CREATE VIEW pg_catalog.svv_rls_relation AS
SELECT nspname AS relschema, relname, relrowsecurity AS is_rls_on
FROM pg_class INNER JOIN pg_namespace ON pg_namespace.oid = relnamespace;
REVOKE ALL ON pg_catalog.svv_rls_relation FROM PUBLIC;
CREATE TABLE pg_catalog.svv_external_tables (schemaname text, tablename text);
CREATE VIEW pg_catalog.svv_roles AS SELECT rolname AS role_name FROM pg_roles;
CREATE VIEW pg_catalog.svv_user_info AS SELECT rolname AS user_name FROM pg_roles WHERE rolcanlogin;
CREATE VIEW pg_catalog.svv_user_grants AS
SELECT member.rolname AS user_name, granted.rolname AS role_name
FROM pg_auth_members
INNER JOIN pg_roles AS member ON member.oid = pg_auth_members.member
INNER JOIN pg_roles AS granted ON granted.oid = pg_auth_members.roleid
WHERE member.rolcanlogin;
CREATE VIEW pg_catalog.svv_masking_policy AS
SELECT 'a_neighbour'::text AS policy_database, 'finance_hidden_text'::text AS policy_name;
CREATE VIEW pg_catalog.svv_attached_masking_policy AS
SELECT ''::text AS policy_name, ''::text AS table_name, ''::text AS output_columns, ''::text AS grantee,
    ''::text AS schema_name
WHERE false;

CREATE FUNCTION pg_catalog.say_rls_policy(name text, columns text, predicate text)
RETURNS void LANGUAGE plpgsql AS $say$
BEGIN
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION %s.rls_%s(%s) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER '
        'SET search_path = %1$s AS $rls$ SELECT %4$s $rls$',
        current_schema(), name, columns, regexp_replace(predicate, '\\mcurrent_user\\M', 'session_user', 'gi')
    );
END $say$;

CREATE FUNCTION pg_catalog.attach_rls_policy(policy text, relation text, role text)
RETURNS void LANGUAGE plpgsql AS $to$
DECLARE
    names text;
BEGIN
    SELECT COALESCE(
        (SELECT string_agg(split_part(trim(one), ' ', 1), ', ') FROM unnest(string_to_array(polatts, ',')) one), ''
    ) INTO STRICT names FROM svv_rls_policy WHERE polname = policy;
    INSERT INTO svv_rls_attached_policy (relname, polname, grantee) VALUES (relation, policy, role);
    IF NOT EXISTS (SELECT 1 FROM pg_policies WHERE tablename = relation AND policyname = 'open_to_' || role) THEN
        EXECUTE format('CREATE POLICY open_to_%s ON %s TO %s USING (true)', role, relation, role);
    END IF;
    EXECUTE format(
        'CREATE POLICY %s_%s ON %s AS RESTRICTIVE TO %s USING (%s.rls_%s(%s))',
        policy, role, relation, role, current_schema(), policy, names
    );
END $to$;
"""
"""Run once in a database, by the superuser. Masks are listed for all databases, as on Redshift."""


def rewrite_security(sql: str) -> str | None:
    """Return the statement for PostgreSQL in place of one of `sql/security`; None for any other."""
    flat = " ".join(sql.split())
    if created := _CREATED.fullmatch(flat):
        name, columns, predicate = created["name"].lower(), created["columns"] or "", created["predicate"]
        values = f"{_quote(name)}, {_quote(columns)}, {_quote(predicate)}"
        return _do_block(
            f"INSERT INTO svv_rls_policy (polname, polatts, polqual) VALUES ({values}); "
            f"PERFORM say_rls_policy({values});"
        )
    if altered := _ALTERED.fullmatch(flat):
        name, predicate = altered["name"].lower(), altered["predicate"]
        return _do_block(
            f"PERFORM say_rls_policy(polname, polatts, {_quote(predicate)}) FROM svv_rls_policy "
            f"WHERE polname = {_quote(name)};"
        )
    if attached := _ATTACHED.fullmatch(flat):
        return _do_block(f"PERFORM attach_rls_policy({', '.join(_quote(part.lower()) for part in attached.groups())});")
    if on := _ON.fullmatch(flat):
        return f"ALTER TABLE {on[1]} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    if _EXTERNAL_SCHEMA.fullmatch(flat):
        return _do_block("NULL;")  # its tables are those that a test writes into svv_external_tables
    if _TO_POLICY.fullmatch(flat):
        return _do_block("NULL;")  # in PostgreSQL, the function of a policy runs with its owner's rights
    if _GRANT.fullmatch(flat):
        return re.sub(r"\bROLE (\w+)", r"\1", flat)
    return _rewrite_scratch(flat)


def _rewrite_scratch(flat: str) -> str | None:
    """Return a statement with which `prove` makes and removes views, users and policies of its own."""
    if view := _VIEW.fullmatch(flat):  # as on Redshift, it shows the rows that its reader may see
        return f"CREATE VIEW {view[1]} WITH (security_invoker = on) AS {view[2]}"
    if user := _USER.fullmatch(flat):
        return f"CREATE USER {user[1]}"
    if dropped := _DROPPED.fullmatch(flat):
        return _do_block(f"DROP OWNED BY {dropped[2]}; DROP ROLE {dropped[2]};")
    if policy := _DROPPED_POLICY.fullmatch(flat):
        name = policy[1].lower()
        return _do_block(
            f"DELETE FROM svv_rls_attached_policy WHERE polname = {_quote(name)}; "
            f"DELETE FROM svv_rls_policy WHERE polname = {_quote(name)}; DROP FUNCTION rls_{name} CASCADE;"
        )
    return None


def _do_block(body: str) -> str:
    return f"DO $redshift$ BEGIN {body} END $redshift$"


def _quote(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
