-- Grain: stated at each query. The first thirty questions of a finance team, in the dialect of both warehouses.
--
-- Run all with:  finance-platform query -f sql/dml/sample_queries.sql
-- or one with:   finance-platform query "SELECT COUNT(*) FROM DimDate"
--
-- Each question is answered by one view; `finance-platform tables NAME` says what its columns mean and what to fix
-- before a sum. Reports are seen from the last complete period (IsLastComplete); write another period in its place, and
-- another scenario or reference: every scenario is compared with every other one and with Prior Year.
-- IsComplete leaves out a month that does not have its usual lines yet: without it, an open month looks like a miss.
-- Both sides of a division are cast: without casts the two warehouses return different types.

-- Is everything loaded? One row each: the number of rows of each table.

SELECT COUNT(*) FROM DimDate;

SELECT COUNT(*) FROM DimDepartment;

SELECT COUNT(*) FROM DimAccount;

SELECT COUNT(*) FROM DimScenario;

SELECT COUNT(*) FROM FactFinancials;

-- 1. How does the year so far compare with the budget? One row per line; a subtotal repeats the lines above it.
SELECT
    Line,
    SUM(ComparedAmount) AS Actual,
    SUM(ComparedReference) AS Budget,
    SUM(Variance) AS Variance,
    SUM(Impact) AS ProfitEffect
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY LineOrder, Line
ORDER BY LineOrder;

-- 2. And the last month alone? One row per line.
SELECT
    Line,
    SUM(ComparedAmount) AS Actual,
    SUM(ComparedReference) AS Budget,
    SUM(Variance) AS Variance,
    SUM(Impact) AS ProfitEffect
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'month' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY LineOrder, Line
ORDER BY LineOrder;

-- 3. Are we better than a year ago? One row per line, the year so far against the same months of the year before.
SELECT
    Line,
    SUM(ComparedAmount) AS ThisYear,
    SUM(ComparedReference) AS YearBefore,
    SUM(Variance) AS Change,
    SUM(Impact) AS ProfitEffect
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Prior Year'
GROUP BY LineOrder, Line
ORDER BY LineOrder;

-- 4. Where will the full year end? One row per line: actuals so far, a plan for the other months; and the budget.
SELECT
    Line,
    SUM(Amount) AS FullYear,
    SUM(ReferenceAmount) AS Budget,
    MAX(Periods) AS Months,
    MAX(OutlookPeriods) AS MonthsOfPlan
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'full year' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY LineOrder, Line
ORDER BY LineOrder;

-- 5. What are the key figures? One row per figure, the year so far; a ratio in per cent, its numerator summed first.
SELECT
    KpiName,
    SUM(Numerator) AS Numerator,
    SUM(Denominator) AS Denominator,
    CAST(
        100 * (CAST(SUM(Numerator) AS DOUBLE PRECISION) / CAST(NULLIF(SUM(Denominator), 0) AS DOUBLE PRECISION))
        AS DECIMAL(9, 1)
    ) AS InPercent
FROM Kpi
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY KpiOrder, KpiName
ORDER BY KpiOrder;

-- 6. Why does profit differ from the budget? One row per step from the budget's profit to the actual one.
SELECT
    StepKind,
    Step,
    SUM(Impact) AS ProfitEffect
FROM VarianceBridge
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY StepOrder, StepKind, Step
ORDER BY StepOrder;

-- 7. Which business unit earns what? One row per business unit, operating profit of the year so far.
SELECT
    BusinessUnit,
    SUM(ComparedAmount) AS OperatingProfit,
    SUM(ComparedReference) AS Budget,
    SUM(Impact) AS ProfitEffect
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND Line = 'Operating profit' AND IsSubtotal
GROUP BY BusinessUnit
ORDER BY ProfitEffect, BusinessUnit;

-- 8. What are the ten largest variances? One row per department and account, the year so far, by effect on profit;
-- CapEx is ranked as if it were a cost.
SELECT
    ImpactRank,
    DepartmentName,
    AccountName,
    Amount,
    ReferenceAmount,
    Impact,
    Owner,
    Comment
FROM TopVariance
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND ImpactRank <= 10
ORDER BY ImpactRank, DepartmentName, AccountName;

-- 9. Which material variances still need a comment? One row per department and account, the year so far.
SELECT
    DepartmentCode,
    DepartmentName,
    AccountNumber,
    AccountName,
    Variance,
    Impact
FROM TopVariance
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND NeedsComment
ORDER BY ImpactRank, DepartmentCode, AccountNumber;

-- 10. How much of the material variances is timing, how much permanent? One row per kind; NULL is not explained yet.
-- CapEx has no effect on profit, so it is a column of its own; over plan it is negative.
SELECT
    Nature,
    COUNT(*) AS Variances,
    SUM(CASE WHEN AccountType <> 'Asset' THEN Impact ELSE 0 END) AS ProfitEffect,
    SUM(CASE WHEN AccountType = 'Asset' THEN Impact ELSE 0 END) AS CapExUnderPlan
FROM TopVariance
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND IsMaterial
GROUP BY Nature
ORDER BY Nature;

-- 11. What did each department spend, month by month? One row per period and department.
SELECT
    Period,
    DepartmentName,
    SUM(Amount) AS Spend
FROM PeriodAmount
WHERE ScenarioName = 'Actual' AND AccountType = 'Expense' AND Measure = 'flow'
GROUP BY Period, DepartmentName
ORDER BY Period, Spend DESC, DepartmentName;

-- 12. How much of its budget for the year has each department spent? One row per department; the rest is left to spend.
SELECT
    DepartmentName,
    SUM(CASE WHEN Horizon = 'year to date' THEN Amount ELSE 0 END) AS Spent,
    SUM(CASE WHEN Horizon = 'full year' THEN ReferenceAmount ELSE 0 END) AS BudgetOfYear,
    SUM(CASE WHEN Horizon = 'full year' THEN ReferenceAmount ELSE -Amount END) AS LeftToSpend
FROM VarianceByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon IN ('year to date', 'full year') AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND AccountType = 'Expense'
GROUP BY DepartmentName
ORDER BY LeftToSpend, DepartmentName;

-- 13. Which departments are over their budget? One row per department that spent more than planned, the year so far.
SELECT
    DepartmentName,
    SUM(ComparedAmount) AS Spend,
    SUM(ComparedReference) AS Budget,
    SUM(Variance) AS OverBudget
FROM VarianceByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND AccountType = 'Expense'
GROUP BY DepartmentName
HAVING SUM(Variance) > 0
ORDER BY OverBudget DESC, DepartmentName;

-- 14. What was spent or earned in months without a budget for it? One row per complete month, department and account.
SELECT
    Period,
    DepartmentName,
    AccountName,
    SUM(Amount) AS Amount
FROM UnbudgetedActual
WHERE ReferenceName = 'Budget' AND IsComplete
GROUP BY Period, DepartmentName, AccountName
ORDER BY Period DESC, Amount DESC, DepartmentName, AccountName;

-- 15. Of which month's budget was nothing spent in that month? One row per complete month, department and account.
SELECT
    Period,
    DepartmentName,
    AccountName,
    SUM(ReferenceAmount) AS Budget
FROM UnspentBudget
WHERE ReferenceName = 'Budget' AND IsComplete
GROUP BY Period, DepartmentName, AccountName
ORDER BY Period DESC, Budget DESC, DepartmentName, AccountName;

-- 16. Is capital expenditure within its plan? One row per department and account; a positive OverPlan is unfavourable.
SELECT
    DepartmentName,
    AccountName,
    SUM(ComparedAmount) AS CapEx,
    SUM(ComparedReference) AS PlannedCapEx,
    SUM(OverPlan) AS OverPlan
FROM CapExVsPlan
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
GROUP BY DepartmentName, AccountName
ORDER BY OverPlan DESC, DepartmentName, AccountName;

-- 17. How has operating profit developed? One row per period and scenario.
SELECT
    Period,
    ScenarioName,
    SUM(Amount) AS OperatingProfit
FROM ProfitAndLoss
WHERE Line = 'Operating profit' AND IsSubtotal
GROUP BY Period, ScenarioName
ORDER BY Period DESC, ScenarioName;

-- 18. How does revenue compare with the year before? One row per period and category, complete months only.
SELECT
    Period,
    Category,
    SUM(Amount) AS Revenue,
    SUM(ReferenceAmount) AS YearBefore,
    SUM(Variance) AS Change
FROM ScenarioComparison
WHERE
    ScenarioName = 'Actual' AND ReferenceName = 'Prior Year' AND AccountType = 'Revenue'
    AND IsCovered AND IsComplete
GROUP BY Period, Category
ORDER BY Period DESC, Category;

-- 19. Which costs does the company have? One row per line, the year so far, with its share of all costs in per cent.
SELECT
    Line,
    SUM(ComparedAmount) AS Cost,
    CAST(
        100
        * (
            CAST(SUM(ComparedAmount) AS DOUBLE PRECISION)
            / CAST(NULLIF(SUM(SUM(ComparedAmount)) OVER (), 0) AS DOUBLE PRECISION)
        )
        AS DECIMAL(9, 1)
    ) AS PerCentOfCosts
FROM ProfitAndLossByHorizon
WHERE
    AsOfPeriod = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND Horizon = 'year to date' AND ScenarioName = 'Actual' AND ReferenceName = 'Budget'
    AND LineSign = -1 AND NOT IsSubtotal
GROUP BY LineOrder, Line
ORDER BY Cost DESC, Line;

-- 20. What does the outlook expect of the months to come? One row per period and type of account, with its source.
SELECT
    Period,
    Source,
    ScenarioName,
    AccountType,
    SUM(Amount) AS Amount
FROM Outlook
WHERE FiscalYear = (SELECT FiscalYear FROM PeriodCalendar WHERE IsLastComplete)
GROUP BY Period, Source, ScenarioName, AccountType
ORDER BY Period, AccountType;

-- 21. How good were the forecasts? One row per forecast and type of account; AbsoluteError leaves out the sign.
SELECT
    ForecastName,
    AccountType,
    COUNT(DISTINCT Period) AS Months,
    SUM(Forecast) AS Forecast,
    SUM(Actual) AS Actual,
    SUM(ForecastError) AS Bias,
    SUM(AbsoluteError) AS AbsoluteError
FROM ForecastAccuracy
GROUP BY ForecastName, AccountType
ORDER BY ForecastName, AccountType;

-- 22. How do the plans differ from each other? One row per plan, fiscal year and type of account, against the budget.
SELECT
    ScenarioName,
    FiscalYear,
    AccountType,
    SUM(Amount) AS Plan,
    SUM(ReferenceAmount) AS Budget,
    SUM(Variance) AS Difference
FROM ScenarioComparison
WHERE ScenarioName <> 'Actual' AND ReferenceName = 'Budget' AND IsCovered
GROUP BY ScenarioName, FiscalYear, AccountType
ORDER BY ScenarioName, FiscalYear, AccountType;

-- 23. What does a department cost with all departments below it? One row per department, the last complete month.
SELECT
    DepartmentTree.AncestorName,
    COUNT(DISTINCT DepartmentTree.DescendantKey) AS Departments,
    SUM(PeriodAmount.Amount) AS Spend
FROM DepartmentTree
INNER JOIN PeriodAmount ON PeriodAmount.DepartmentKey = DepartmentTree.DescendantKey
WHERE
    PeriodAmount.Period = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND PeriodAmount.ScenarioName = 'Actual' AND PeriodAmount.AccountType = 'Expense' AND PeriodAmount.Measure = 'flow'
GROUP BY DepartmentTree.AncestorKey, DepartmentTree.AncestorName
ORDER BY Spend DESC, DepartmentTree.AncestorName;

-- 24. What is on an account with all accounts below it? One row per account, the last complete month.
SELECT
    AccountTree.AncestorNumber,
    AccountTree.AncestorName,
    COUNT(DISTINCT AccountTree.DescendantKey) AS Accounts,
    SUM(PeriodAmount.Amount) AS Amount
FROM AccountTree
INNER JOIN PeriodAmount ON PeriodAmount.AccountKey = AccountTree.DescendantKey
WHERE
    PeriodAmount.Period = (SELECT Period FROM PeriodCalendar WHERE IsLastComplete)
    AND PeriodAmount.ScenarioName = 'Actual' AND PeriodAmount.AccountType = 'Expense' AND PeriodAmount.Measure = 'flow'
GROUP BY AccountTree.AncestorKey, AccountTree.AncestorNumber, AccountTree.AncestorName
ORDER BY AccountTree.AncestorNumber;

-- 25. Which line of the statement is an account on? One row per account that is on the statement.
SELECT
    AccountNumber,
    AccountName,
    AccountType,
    Section,
    Line,
    IsMapped
FROM StatementLine
WHERE NOT IsSubtotal
ORDER BY LineOrder, AccountNumber;

-- 26. Which money has no type of account yet? One row per account and fiscal year; until then, it counts as a cost.
SELECT
    FiscalYear,
    AccountNumber,
    AccountName,
    SUM(Amount) AS Amount,
    SUM(TransactionCount) AS TransactionLines
FROM Unclassified
WHERE ScenarioName = 'Actual'
GROUP BY FiscalYear, AccountNumber, AccountName
ORDER BY FiscalYear DESC, AccountNumber;

-- 27. Which months can be relied on? One row per period with Actual lines: complete, closed, missing departments.
SELECT
    Period,
    IsComplete,
    IsClosed,
    IsPreliminary,
    LineCount,
    UsualDepartments,
    MissingDepartments
FROM PeriodCalendar
WHERE HasActual
ORDER BY Period DESC;

-- 28. Which departments and accounts are in no reference file? One row per inferred member.
SELECT 'Department' AS Dimension, DepartmentCode AS Code, DepartmentName AS Name
FROM DimDepartment
WHERE IsInferred

UNION ALL

SELECT 'Account' AS Dimension, AccountNumber AS Code, AccountName AS Name
FROM DimAccount
WHERE IsInferred
ORDER BY Dimension, Code;

-- 29. What changed in figures that were published? One row per load, period, scenario and measure; UTC.
SELECT
    LoadedAt,
    Period,
    ScenarioName,
    Measure,
    COUNT(*) AS Cells,
    SUM(Difference) AS Difference,
    IsRestatement,
    Cause
FROM Movements
WHERE Kind = 'movement' AND LoadedAt >= DATE '2025-01-01'
GROUP BY LoadedAt, Period, ScenarioName, Measure, IsRestatement, Cause
ORDER BY LoadedAt, Period, ScenarioName, Measure;

-- 30. When was each period last loaded, and with what total? One row per slice and load, latest first.
SELECT LoadedAt, TableName, Slice, RowCount, Amount, IsRemoved, RunId
FROM LoadLedger
ORDER BY LoadNumber DESC, TableName, Slice;
