-- Grain: one row per step from the signed figures of a close to the published ones, and group of its money.
-- Columns to fix before summing: Period, CloseNumber, StepNumber, Measure, ScenarioName, AccountType.
--
-- StepNumber 0 has the signed figures, the last one those of now; the steps before it add up to it in every group of
-- Measure, ScenarioName, AccountType, Category and BusinessUnit. A close whose figures are published as signed has no rows.

CREATE OR REPLACE VIEW Restatement AS
SELECT
    RestatementStep.Period,
    RestatementStep.CloseNumber,
    SignedClose.IsLatest,
    SignedClose.ClosedAt,
    SignedClose.ClosedBy,
    RestatementStep.StepNumber,
    RestatementStep.Cause,
    RestatementStep.ObjectKey,
    RestatementStep.Detail,
    RestatementStep.DecisionNumber,
    RestatementStep.DecidedBy,
    RestatementStep.Reason,
    RestatementStep.Measure,
    RestatementStep.ScenarioName,
    RestatementStep.AccountType,
    RestatementStep.Category,
    RestatementStep.BusinessUnit,
    RestatementStep.Amount,
    RestatementStep.ProfitEffect
FROM RestatementStep
INNER JOIN SignedClose
    ON SignedClose.Period = RestatementStep.Period AND SignedClose.CloseNumber = RestatementStep.CloseNumber;
