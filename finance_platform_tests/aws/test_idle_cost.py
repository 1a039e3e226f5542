"""What docs/deploy.md says that an idle stack costs, beside what the template creates at the list prices of that page.

Belongs here: what is paid by the hour or month without any use. Does not belong here: what use costs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.aws.shipped_template import shipped_template

HOURS = 730
PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
COSTS = PAGE.read_text(encoding="utf-8").split("## Costs")[1].split("\n## ")[0]
FEEDS = 5
"""Each has a metric of its age every five minutes, which both alarms on feeds read."""

DEFAULTS = {"Image": "image"}


def created(parameters: dict[str, str]) -> dict[str, Any]:
    """Return the resources that a deployment creates."""
    resources: dict[str, Any] = shipped_template().select_resources(parameters)
    return resources


def count(resources: dict[str, Any], kind: str) -> int:
    return sum(one["Type"] == kind for one in resources.values())


def price(pattern: str) -> float:
    """Return a unit price of the page."""
    match = re.search(pattern, COSTS)
    assert match, pattern
    return float(match[1])


def endpoints(resources: dict[str, Any]) -> int:
    found = [one for one in resources.values() if one["Type"] == "AWS::EC2::VPCEndpoint"]
    return sum(one["Properties"]["VpcEndpointType"] == "Interface" for one in found)


def services(resources: dict[str, Any]) -> float:
    """Return the cost of the tasks of services, which is all but that of a run."""
    tasks = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::ECS::TaskDefinition"]
    serving = [one for one in tasks if isinstance(one["Cpu"], str)]
    assert (len(tasks), len(serving)) == (4, 3)
    processors, memory = (sum(int(one[name]) for one in serving) / 1024 for name in ("Cpu", "Memory"))
    return HOURS * (processors * price(r"([\d.]+) per vCPU hour") + memory * price(r"([\d.]+) per GB hour"))


def small_things(resources: dict[str, Any]) -> float:
    """Return the cost of alarms, metrics, dashboard, key, secrets and the zone of names."""
    alarms = count(resources, "AWS::CloudWatch::Alarm") + 2 * (FEEDS - 1)
    metrics = 1 + FEEDS
    others = 3.0 * count(resources, "AWS::CloudWatch::Dashboard") + 1 * count(resources, "AWS::KMS::Key")
    others += 0.4 * count(resources, "AWS::SecretsManager::Secret")
    others += 0.5 * count(resources, "AWS::ServiceDiscovery::PrivateDnsNamespace")
    return alarms * price(r"([\d.]+) per alarm") + metrics * price(r"([\d.]+) per metric") + others


def test_the_page_names_what_an_idle_stack_costs():
    stack = created(DEFAULTS)
    parts = {
        "for the endpoints": endpoints(stack) * HOURS * price(r"\(12; 11 with a cluster\) \| ([\d.]+) per hour"),
        "for the three services": services(stack),
        "for the load balancer": HOURS * price(r"Load balancer \| ([\d.]+) per hour"),
        "for RDS": HOURS * price(r"db\.t4g\.micro ([\d.]+) per hour") + 20 * 0.115,
        "for alarms, metrics, dashboard": small_things(stack),
    }
    for words, cost in parts.items():
        assert round(cost) == price(rf"(\d+) {words}"), (words, cost)
    total = sum(parts.values()) + price(r"some (\d+) for the warehouse")
    assert abs(total - price(r"\*\*An idle stack\*\*.* costs about (\d+) a month")) < 5, total


def test_the_page_counts_the_endpoints():
    assert endpoints(created(DEFAULTS)) == 12
    assert endpoints(created({**DEFAULTS, "Warehouse": "provisioned"})) == 11
    everywhere = 2 * 12 * HOURS * 0.01
    assert round(everywhere) == price(r"`EndpointZones=all` adds (\d+)")
    assert round(HOURS * price(r"ra3\.xlplus ([\d.]+) per hour")) == price(r"`ra3\.xlplus` adds (\d+)")


@pytest.mark.parametrize("kind", ["AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Instance"])
def test_nothing_is_paid_by_the_hour_that_the_page_leaves_out(kind: str):
    assert count(created(DEFAULTS), kind) == 0
