"""Runs the command line as `python -m finance_platform.cli`."""

from finance_platform.cli import main

main()
