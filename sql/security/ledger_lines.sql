-- Grain: LedgerLines one ledger line of a live delivery, including lines that a later delivery supersedes.
--
-- Spectrum reads them through the external schema. The view has row-level security and masks, which an external table
-- cannot have, and binds late, as every view of an external table must.
-- Columns that a contract marks as personal are masked for all roles but controllers.
-- It runs after everything else, and only once its tables are in the data catalog.

CREATE OR REPLACE VIEW LedgerLines AS
SELECT
    CAST(transactions.delivery_id AS VARCHAR(65535)) AS DeliveryId,
    CAST(transactions.feed AS VARCHAR(65535)) AS Feed,
    CAST(transactions.source_file AS VARCHAR(65535)) AS SourceFile,
    CAST(transactions.source_sheet AS VARCHAR(65535)) AS SourceSheet,
    CAST(transactions.source_row AS BIGINT) AS SourceRow,
    CAST(transactions.source_column AS VARCHAR(65535)) AS SourceColumn,
    CAST(transactions.scenario AS VARCHAR(65535)) AS Scenario,
    CAST(transactions.scenario_type AS VARCHAR(65535)) AS ScenarioType,
    CAST(transactions.scenario_key AS BIGINT) AS ScenarioKey,
    CAST(transactions.period AS VARCHAR(65535)) AS Period,
    CAST(transactions.document_date AS DATE) AS DocumentDate,
    CAST(transactions.posting_date AS DATE) AS PostingDate,
    CAST(transactions.department_code AS VARCHAR(65535)) AS DepartmentCode,
    CAST(transactions.department_key AS BIGINT) AS DepartmentKey,
    CAST(transactions.account_number AS VARCHAR(65535)) AS AccountNumber,
    CAST(transactions.account_key AS BIGINT) AS AccountKey,
    CAST(transactions.amount AS DECIMAL(18, 2)) AS Amount,
    CAST(transactions.is_debit_positive AS BOOLEAN) AS IsDebitPositive,
    CAST(transactions.line_key AS VARCHAR(65535)) AS LineKey,
    CAST(transactions.scope_key AS VARCHAR(65535)) AS ScopeKey,
    CAST(transactions.transaction_id AS VARCHAR(65535)) AS TransactionId,
    CAST(transactions.description AS VARCHAR(65535)) AS Description,
    CAST(transactions.reverses_transaction_id AS VARCHAR(65535)) AS ReversesTransactionId
FROM ${lake_schema}.transactions
UNION ALL
SELECT
    CAST(budget.delivery_id AS VARCHAR(65535)) AS DeliveryId,
    CAST(budget.feed AS VARCHAR(65535)) AS Feed,
    CAST(budget.source_file AS VARCHAR(65535)) AS SourceFile,
    CAST(budget.source_sheet AS VARCHAR(65535)) AS SourceSheet,
    CAST(budget.source_row AS BIGINT) AS SourceRow,
    CAST(budget.source_column AS VARCHAR(65535)) AS SourceColumn,
    CAST(budget.scenario AS VARCHAR(65535)) AS Scenario,
    CAST(budget.scenario_type AS VARCHAR(65535)) AS ScenarioType,
    CAST(budget.scenario_key AS BIGINT) AS ScenarioKey,
    CAST(budget.period AS VARCHAR(65535)) AS Period,
    CAST(budget.document_date AS DATE) AS DocumentDate,
    CAST(budget.posting_date AS DATE) AS PostingDate,
    CAST(budget.department_code AS VARCHAR(65535)) AS DepartmentCode,
    CAST(budget.department_key AS BIGINT) AS DepartmentKey,
    CAST(budget.account_number AS VARCHAR(65535)) AS AccountNumber,
    CAST(budget.account_key AS BIGINT) AS AccountKey,
    CAST(budget.amount AS DECIMAL(18, 2)) AS Amount,
    CAST(budget.is_debit_positive AS BOOLEAN) AS IsDebitPositive,
    CAST(budget.line_key AS VARCHAR(65535)) AS LineKey,
    CAST(budget.scope_key AS VARCHAR(65535)) AS ScopeKey,
    CAST(budget.transaction_id AS VARCHAR(65535)) AS TransactionId,
    CAST(budget.description AS VARCHAR(65535)) AS Description,
    CAST(budget.reverses_transaction_id AS VARCHAR(65535)) AS ReversesTransactionId
FROM ${lake_schema}.budget
WITH NO SCHEMA BINDING;

ATTACH RLS POLICY finance_every_row ON LedgerLines TO ROLE finance_controller;

ATTACH RLS POLICY finance_every_row ON LedgerLines TO ROLE finance_analyst;

ATTACH RLS POLICY finance_own_departments ON LedgerLines TO ROLE finance_partner;

ALTER TABLE LedgerLines ROW LEVEL SECURITY ON;

CREATE MASKING POLICY finance_hidden_text
WITH (Shown VARCHAR(65535))
USING (CAST('***' AS VARCHAR(65535)));

ATTACH MASKING POLICY finance_hidden_text ON LedgerLines (LineKey) TO ROLE finance_analyst PRIORITY 10;

ATTACH MASKING POLICY finance_hidden_text ON LedgerLines (LineKey) TO ROLE finance_partner PRIORITY 10;

ATTACH MASKING POLICY finance_hidden_text ON LedgerLines (Description) TO ROLE finance_analyst PRIORITY 10;

ATTACH MASKING POLICY finance_hidden_text ON LedgerLines (Description) TO ROLE finance_partner PRIORITY 10;

GRANT SELECT ON TABLE LedgerLines TO ROLE finance_controller, ROLE finance_analyst, ROLE finance_partner;
