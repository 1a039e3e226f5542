-- Roles. A user gets exactly one by GRANT ROLE; docs/security.md describes them.

CREATE ROLE finance_loader;

CREATE ROLE finance_controller;

CREATE ROLE finance_analyst;

CREATE ROLE finance_partner;
