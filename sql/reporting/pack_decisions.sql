-- Grain: one decision, and one scenario, account type and unit of its money; the newest first.

SELECT
    EventNumber,
    DecidedAt,
    Action,
    IsProposal,
    COALESCE(ObjectKey, Period) AS Subject,
    DecidedBy,
    IdentifiedBy,
    PreparedBy,
    Reason,
    Waived,
    OpeningOf,
    LatePeriods,
    BookedIn,
    ScenarioName,
    AccountType,
    Unit,
    NetAmount
FROM DecisionLog
ORDER BY EventNumber DESC, ScenarioName, AccountType, Unit;
