-- Roles: what somebody may do. A user gets one by GRANT ROLE, and it alone; docs/security.md says who gets which.

CREATE ROLE finance_loader;

CREATE ROLE finance_controller;

CREATE ROLE finance_analyst;

CREATE ROLE finance_partner;
