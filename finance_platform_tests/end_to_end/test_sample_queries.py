"""The sample queries: thirty questions, each answered by one view, with figures of the sample that are known.

Belongs here: `sql/dml/sample_queries.sql` on the sample. Does not belong here: that both warehouses give the same rows
(see `warehouse/test_result_parity`), the views themselves (see `warehouse/test_views`).
"""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlglot import exp

from finance_platform.contracts.dictionary import find_entry
from finance_platform.warehouse.dialect import parse_query
from finance_platform.warehouse.query_script import ScriptStatement, read_script
from finance_platform.warehouse.statements import sql_folder
from finance_platform_tests.end_to_end.dagster_refresh import RefreshedHome
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.profiles import current_profile

SCRIPT = read_script((sql_folder() / "dml" / "sample_queries.sql").read_text(encoding="utf-8"), "sample_queries.sql")
QUESTIONS = {int(each.heading.partition(".")[0]): each for each in SCRIPT if each.heading[0].isdigit()}
NOTHING_MOVED = {29}
"""The question without an answer after the first load; see `warehouse/test_statements`."""
WITH_FIGURES = (1, 6, 7, 8, 10, 12, 19, 26, 27)
"""The questions whose answers are known; by default no others are asked (see `warehouse/test_result_parity`)."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> RefreshedHome:
    """The refreshed sample; read-only."""
    return refresh_sample_once(tmp_path_factory)


def tables_of(statement: ScriptStatement) -> list[str]:
    """Return the tables and views that a question's own FROM and JOIN name, without those of its conditions."""
    tree = parse_query(statement.sql)
    conditions = {table for where in tree.find_all(exp.Where) for table in where.find_all(exp.Table)}
    return [table.name for table in tree.find_all(exp.Table) if table not in conditions]


def test_there_are_thirty_questions_and_each_is_a_sentence_with_its_grain():
    assert sorted(QUESTIONS) == list(range(1, 31))
    for question in QUESTIONS.values():
        text = question.heading.partition(" ")[2]
        assert "? One row per " in text
        assert text.endswith(".")


def test_a_question_needs_one_view_and_at_most_one_join():
    for question in QUESTIONS.values():
        tables = tables_of(question)
        assert 1 <= len(tables) <= 2, question.heading
        assert all(find_entry(name) for name in tables), question.heading
        assert len(list(parse_query(question.sql).find_all(exp.Join))) <= 1


def test_the_number_of_rows_of_each_table_comes_first_as_in_the_original_specification():
    assert [each.text for each in SCRIPT[:5]] == [
        f"SELECT COUNT(*) FROM {table}"
        for table in ("DimDate", "DimDepartment", "DimAccount", "DimScenario", "FactFinancials")
    ]


@pytest.mark.end_to_end
def test_the_sample_answers_every_question_with_the_figures_that_are_known(home: RefreshedHome):
    asked = QUESTIONS if current_profile().is_exhaustive else {number: QUESTIONS[number] for number in WITH_FIGURES}
    answers = {number: home.select(question.sql) for number, question in asked.items()}
    assert {number for number, rows in answers.items() if not rows} == NOTHING_MOVED & asked.keys()
    lines = {line: rest for line, *rest in answers[1]}
    assert lines["Revenue, net"][:2] == [Decimal("34780985.04"), Decimal("35628870.00")]
    assert lines["Operating profit"] == [
        *(Decimal("2444051.93"), Decimal("2927680.00"), Decimal("-483628.07"), Decimal("-483628.07")),
    ]
    assert lines["Profit after unclassified"][0] == Decimal("2433129.23")
    steps = {step: impact for _, step, impact in answers[6]}
    assert steps.pop("Actual") == sum(steps.values()) == Decimal("2433129.23")
    assert sum(profit for _, profit, *_ in answers[7]) == Decimal("2444051.93")
    # Of the five material variances, one is of CapEx, which is no part of profit.
    assert answers[10] == [(None, 5, Decimal("-823102.20"), Decimal("31315.23"))]
    assert [row[1] for row in answers[8]][:2] == ["Sales", "Platform Engineering"]
    spent = sum(row[1] for row in answers[12])
    assert spent == sum(row[1] for row in answers[19]) - Decimal("10922.70") == Decimal("32336933.11")
    assert sum(row[3] for row in answers[26] if row[0] == 2025) == Decimal("10922.70")
    assert answers[27][0][:3] == ("2025-09", True, False)
