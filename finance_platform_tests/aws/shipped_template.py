"""The shipped CloudFormation template, which a process of the tests parses once.

Belongs here: reading it. Does not belong here: expectations, templates of a test's own.
"""

from __future__ import annotations

from functools import cache

from finance_platform.deployment.template import Template, read_template, template_path


@cache
def shipped_template() -> Template:
    """Return the template; parsing it takes longer than the collection of a module, and seven modules need it."""
    return read_template(template_path())
