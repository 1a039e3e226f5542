"""Refresh: the use cases of the platform, without a framework.

Belongs here: the steps of a run (`steps`), what `verify` compares (`verification`), one file against its feed
(`file_check`), status, close, packs, a new home: functions of ports and plain arguments that return what happened.
Does not belong here: Dagster, the command line, adapters.
"""
