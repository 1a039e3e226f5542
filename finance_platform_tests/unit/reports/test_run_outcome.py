"""The outcome of a run: the same checks from a step's own results as from Dagster's events.

Belongs here: the two ways to an evaluated check. Does not belong here: printing.
"""

from __future__ import annotations

import pytest

from finance_platform.orchestration.checks import check_result, evidence_rows, summary_of
from finance_platform.quality.checks import DESCRIPTORS_VALID, Outcome
from finance_platform.reports.run_outcome import EVIDENCE_ROWS_REPORTED, EvaluatedCheck

ROWS = [
    {"File": "a.yaml", "Problem": "it is \x1b[31mred", "Lines": 3},
    {"File": None, "Problem": "", "Amount": "1.00"},
    *({"File": f"{number}.yaml"} for number in range(EVIDENCE_ROWS_REPORTED)),
]


@pytest.mark.parametrize("rows", [[], ROWS])
def test_an_outcome_is_reported_as_through_dagster(rows: list[dict[str, object]]):
    outcome = Outcome.from_evidence(
        DESCRIPTORS_VALID, rows, f"{len(rows)} rows\x07, the most: *Sales* [A](http://b) & <b>"
    )
    evaluation = check_result(outcome)
    # Dagster renders it as Markdown.
    assert "\\*Sales\\* \\[A\\](http://b) &amp; &lt;b&gt;" in str(evaluation.description)
    assert (
        EvaluatedCheck.of(outcome)
        == EvaluatedCheck(
            asset=evaluation.asset_key.to_user_string() if evaluation.asset_key else "",
            name=str(evaluation.check_name),
            passed=evaluation.passed,
            is_warning=False,
            summary=summary_of(evaluation),  # type: ignore[arg-type]  # has a description too
            evidence=tuple(evidence_rows(evaluation)[:EVIDENCE_ROWS_REPORTED]),  # type: ignore[arg-type]  # has metadata too
        )
    )
