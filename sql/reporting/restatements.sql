-- Grain: one step from the signed figures of a close to those of now, of one measure, scenario and account type.

SELECT
    Period,
    CloseNumber,
    IsLatest,
    ClosedBy,
    ClosedAt,
    StepNumber,
    Cause,
    ObjectKey,
    Detail,
    DecidedBy,
    Reason,
    Measure,
    ScenarioName,
    AccountType,
    CAST(SUM(Amount) AS DECIMAL(38, 2)) AS Amount,
    CAST(SUM(ProfitEffect) AS DECIMAL(38, 2)) AS ProfitEffect
FROM Restatement
GROUP BY
    Period,
    CloseNumber,
    IsLatest,
    ClosedBy,
    ClosedAt,
    StepNumber,
    Cause,
    ObjectKey,
    Detail,
    DecidedBy,
    Reason,
    Measure,
    ScenarioName,
    AccountType
ORDER BY Period DESC, CloseNumber, Measure, ScenarioName, AccountType, StepNumber;
