"""Makes `python -m finance_platform.cli` the same as `finance-platform`."""

from finance_platform.cli import main

main()
