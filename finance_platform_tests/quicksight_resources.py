"""Writes the generated resources of QuickSight into the CloudFormation template.

Belongs here: which file has them. Does not belong here: what they are (see `deployment.quicksight`).
"""

from __future__ import annotations

from finance_platform.deployment.quicksight import replace_generated
from finance_platform.deployment.template import template_path

if __name__ == "__main__":
    template_path().write_text(replace_generated(template_path().read_text(encoding="utf-8")), encoding="utf-8")
