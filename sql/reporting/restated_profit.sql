-- Grain: one step from the signed figures of the latest close of a period to those of now, of one scenario's amounts.
--
-- Amounts of account types are never added up; their effect on profit is.

SELECT
    Period,
    CloseNumber,
    ClosedBy,
    StepNumber,
    Cause,
    ObjectKey,
    Detail,
    DecidedBy,
    Reason,
    ScenarioName,
    CAST(SUM(ProfitEffect) AS DECIMAL(38, 2)) AS ProfitEffect
FROM Restatement
WHERE IsLatest AND Measure = 'Amount'
GROUP BY
    Period,
    CloseNumber,
    ClosedBy,
    StepNumber,
    Cause,
    ObjectKey,
    Detail,
    DecidedBy,
    Reason,
    ScenarioName
ORDER BY Period DESC, ScenarioName, StepNumber, Cause, ObjectKey, Detail;
