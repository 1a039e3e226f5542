"""QuickSight's part of the template: generated from the contracts, off by default, no sum that counts money twice.

Belongs here: what can be shown without an account of QuickSight. Does not belong here: the linter, policies and
parameters (see `test_template`, `test_template_policies`), the columns of the views (see `warehouse/test_views`).
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from finance_platform.contracts.security import BUSINESS_UNIT_ACCESS
from finance_platform.contracts.views import VIEWS
from finance_platform_tests.aws.shipped_template import shipped_template
from finance_platform_tests.quicksight_resources import SHEETS, Sheet, build_resources, replace_generated

TEMPLATE = shipped_template()
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE.document["Resources"]
ON = {"QuickSightOwner": "arn", "QuickSightSecretArn": "arn", "QuickSightPeriod": "2025-09"}
DATA_SETS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::QuickSight::DataSet"]
COLUMNS = {view.name: [column.name for column in view.columns] for view in VIEWS} | {
    BUSINESS_UNIT_ACCESS.table: [column.sql_name for column in BUSINESS_UNIT_ACCESS.columns]
}


def found(value: Any, key: str) -> list[Any]:
    """Return every value that a nested key has."""
    if isinstance(value, list):
        return [one for item in value for one in found(item, key)]
    if not isinstance(value, dict):
        return []
    return [one for name, item in value.items() for one in ([item] if name == key else found(item, key))]


def test_the_generated_part_is_that_of_the_contracts_of_today():
    assert replace_generated(TEMPLATE.text) == TEMPLATE.text, "run `make reference`"
    assert {name: RESOURCES[name] for name in build_resources()} == build_resources()


def test_without_its_parameters_a_stack_has_nothing_of_quicksight():
    new = set(TEMPLATE.select_resources(ON)) - set(TEMPLATE.select_resources({}))
    assert new == {name for name in RESOURCES if name.startswith("QuickSight")}
    assert {one["Type"] for one in RESOURCES.values() if "QuickSight" in one["Type"]} <= {
        RESOURCES[name]["Type"] for name in new
    }


@pytest.mark.parametrize("name", DATA_SETS)
def test_a_data_set_reads_each_column_in_lower_case_and_shows_it_as_its_contract_does(name: str):
    properties = RESOURCES[name]["Properties"]
    view = name.removeprefix("QuickSight")
    (table,) = found(properties, "RelationalTable")
    renamed = {one["ColumnName"]: one["NewColumnName"] for one in found(properties, "RenameColumnOperation")}
    assert table["Name"] == view.lower()
    assert [column["Name"] for column in table["InputColumns"]] == [column.lower() for column in COLUMNS[view]]
    assert renamed == {column.lower(): column for column in COLUMNS[view]}
    assert [one["ColumnName"] for one in found(properties, "TagColumnOperation")] == COLUMNS[view]
    assert all(1 <= len(text) <= 500 for text in found(properties, "Text"))
    assert properties["ImportMode"] == "DIRECT_QUERY"


@pytest.mark.parametrize("name", DATA_SETS)
def test_money_with_a_business_unit_is_filtered_by_reader_and_nothing_decides_for_everybody(name: str):
    properties = RESOURCES[name]["Properties"]
    is_restricted = "RowLevelPermissionDataSet" in properties
    view = name.removeprefix("QuickSight")
    assert is_restricted == ("BusinessUnit" in COLUMNS[view] and view != BUSINESS_UNIT_ACCESS.table)
    if is_restricted:
        rules = properties["RowLevelPermissionDataSet"]
        assert rules["Arn"] == {"Fn::GetAtt": ["QuickSightBusinessUnitAccess", "Arn"]}
        assert (rules["PermissionPolicy"], rules["Status"]) == ("GRANT_ACCESS", "ENABLED")
        assert set(COLUMNS[BUSINESS_UNIT_ACCESS.table]) == {"UserName", "BusinessUnit"}
    else:
        assert not {"Amount", "Variance", "Impact"} & set(COLUMNS[view])


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.id)
def test_a_sheet_fixes_what_its_view_says_and_sums_measures_only(sheet: Sheet):
    grouped = set(sheet.rows + sheet.columns + sheet.hidden)
    assert set(sheet.view.fix) <= grouped | set(sheet.filters)
    # A view's money may be grouped by its whole key, in which case a sum has one row.
    is_by_key = set(sheet.view.key) <= grouped | set(sheet.filters)
    assert is_by_key or set(sheet.values) <= set(sheet.view.measures)


@pytest.mark.parametrize("kind", ["QuickSightAnalysis", "QuickSightDashboard"])
def test_what_a_sheet_names_exists(kind: str):
    definition = RESOURCES[kind]["Properties"]["Definition"]
    for column in [*found(definition, "Column"), *found(definition, "LinkToDataSetColumn")]:
        assert column["ColumnName"] in COLUMNS[column["DataSetIdentifier"]]
    declared = {one["Name"] for one in found(definition, "StringParameterDeclaration")}
    assert set(found(definition, "ParameterName")) == declared == set(found(definition, "SourceParameterName"))
    assert all(re.fullmatch(r"[\w-]{1,512}", one) for one in found(definition, "FieldId"))
    identities = found(definition, "FilterId") + found(definition, "ParameterControlId") + found(definition, "VisualId")
    assert len(set(identities)) == len(identities)
    assert "VISIBLE" not in str(found(definition, "TotalOptions")), "a total would count subtotals twice"


def test_owner_and_readers_may_do_no_more_than_they_need():
    for name, one in RESOURCES.items():
        if not one["Type"].startswith("AWS::QuickSight") or one["Type"].endswith("VPCConnection"):
            continue
        actions = {action for actions in found(one["Properties"]["Permissions"], "Actions") for action in actions}
        assert not [action for action in actions if "*" in action]
        if one["Type"] != "AWS::QuickSight::Analysis":
            assert not [action for action in actions if re.search("Update|Delete|Create", action)], name
    permissions = RESOURCES["QuickSightDashboard"]["Properties"]["Permissions"]
    assert found(permissions, "Fn::If")[0][0] == "HasQuickSightReaders"
