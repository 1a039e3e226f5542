-- Grain: one row per account as classified and line of the statement to which it contributes: its own line, and each subtotal below.
-- Columns to fix before summing: IsSubtotal.
--
-- A line's amount is SUM(Amount * Factor) of its accounts. The lines are the accounts' categories, in the order of
-- account numbers, unless StatementMapping maps the account, or its category, to another. An account without a type is
-- Unclassified, a cost below operating profit (docs/decisions/023); other accounts outside of profit have no line.
-- Join it by AccountClassKey: an account whose classification changed is on several lines.
-- A subtotal is left out if nothing is between it and the one above: Gross profit without cost of sales, and so on.

CREATE OR REPLACE VIEW StatementLine AS
WITH MappedAccount AS (
    SELECT
        AccountClass.AccountClassKey,
        AccountClass.AccountKey,
        AccountClass.AccountNumber,
        AccountClass.AccountName,
        AccountClass.AccountType,
        AccountClass.ProfitSign,
        ByAccount.Line IS NOT NULL OR ByCategory.Line IS NOT NULL AS IsMapped,
        COALESCE(ByAccount.LineOrder, ByCategory.LineOrder, 2147483647) AS MappedOrder,
        CASE
            WHEN AccountClass.AccountType = 'Unknown' THEN 'Unclassified'
            WHEN ByAccount.Section IS NOT NULL THEN ByAccount.Section
            WHEN ByCategory.Section IS NOT NULL THEN ByCategory.Section
            WHEN AccountClass.AccountType = 'Revenue' THEN 'Revenue'
            WHEN LOWER(AccountClass.Category) IN (
                'cost of sales', 'cost of goods sold', 'cost of revenue', 'cogs', 'direct costs'
            ) THEN 'Cost of Sales'
            ELSE 'Operating Expense'
        END AS Section,
        CASE
            WHEN AccountClass.AccountType = 'Unknown' THEN 'Unclassified'
            WHEN ByAccount.Line IS NOT NULL THEN ByAccount.Line
            WHEN ByCategory.Line IS NOT NULL THEN ByCategory.Line
            WHEN AccountClass.Category <> 'Unknown' THEN AccountClass.Category
            WHEN AccountClass.AccountType = 'Revenue' THEN 'Revenue without a category'
            ELSE 'Expense without a category'
        END AS Line
    FROM AccountClass
    LEFT JOIN StatementMapping AS ByAccount ON ByAccount.AccountKey = AccountClass.AccountKey
    LEFT JOIN StatementMapping AS ByCategory
        ON ByCategory.AccountKey IS NULL AND LOWER(ByCategory.Category) = LOWER(AccountClass.Category)
    WHERE
        AccountClass.IsMonetary
        AND AccountClass.Measure = 'flow'
        AND AccountClass.AccountType IN ('Revenue', 'Expense', 'Unknown')
),

SectionAccount AS (
    SELECT
        MappedAccount.*,
        CASE MappedAccount.Section
            WHEN 'Revenue' THEN 1
            WHEN 'Cost of Sales' THEN 2
            WHEN 'Operating Expense' THEN 3
            WHEN 'Non-operating' THEN 4
            ELSE 5
        END AS SectionOrder,
        CASE WHEN MappedAccount.Section IN ('Revenue', 'Non-operating') THEN 1 ELSE -1 END AS LineSign
    FROM MappedAccount
),

OwnLine AS (
    SELECT
        SectionOrder,
        LOWER(Line) AS FoldedLine,
        MIN(Line) AS Line,
        1000000 * SectionOrder
        + ROW_NUMBER() OVER (
            PARTITION BY SectionOrder
            ORDER BY MIN(MappedOrder), MIN(AccountNumber), LOWER(Line)
        ) AS LineOrder
    FROM SectionAccount
    GROUP BY SectionOrder, LOWER(Line)
),

UsedSection AS (
    SELECT SectionOrder
    FROM SectionAccount
    GROUP BY SectionOrder

    UNION

    SELECT 3 AS SectionOrder
    FROM SectionAccount
    WHERE SectionOrder < 3
),

Subtotal AS (
    SELECT
        SectionOrder,
        1000000 * SectionOrder + 999999 AS LineOrder,
        CASE SectionOrder
            WHEN 1 THEN 'Revenue, net'
            WHEN 2 THEN 'Gross profit'
            WHEN 3 THEN 'Operating profit'
            WHEN 4 THEN 'Net profit'
            ELSE 'Profit after unclassified'
        END AS Line
    FROM UsedSection
)

SELECT
    SectionAccount.AccountKey,
    SectionAccount.AccountNumber,
    SectionAccount.AccountName,
    SectionAccount.AccountType,
    CAST(OwnLine.LineOrder AS INTEGER) AS LineOrder,
    CAST(SectionAccount.Section AS VARCHAR(32)) AS Section,
    CAST(OwnLine.Line AS VARCHAR(256)) AS Line,
    FALSE AS IsSubtotal,
    SectionAccount.LineSign,
    CASE
        WHEN SectionAccount.ProfitSign = 0 THEN 1
        ELSE SectionAccount.ProfitSign * SectionAccount.LineSign
    END AS Factor,
    SectionAccount.IsMapped,
    SectionAccount.AccountClassKey
FROM SectionAccount
INNER JOIN OwnLine
    ON OwnLine.SectionOrder = SectionAccount.SectionOrder AND OwnLine.FoldedLine = LOWER(SectionAccount.Line)

UNION ALL

SELECT
    SectionAccount.AccountKey,
    SectionAccount.AccountNumber,
    SectionAccount.AccountName,
    SectionAccount.AccountType,
    CAST(Subtotal.LineOrder AS INTEGER) AS LineOrder,
    CAST('Subtotal' AS VARCHAR(32)) AS Section,
    CAST(Subtotal.Line AS VARCHAR(256)) AS Line,
    TRUE AS IsSubtotal,
    1 AS LineSign,
    CASE WHEN SectionAccount.ProfitSign = 0 THEN -1 ELSE SectionAccount.ProfitSign END AS Factor,
    SectionAccount.IsMapped,
    SectionAccount.AccountClassKey
FROM SectionAccount
INNER JOIN Subtotal ON Subtotal.SectionOrder >= SectionAccount.SectionOrder;
