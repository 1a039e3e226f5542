"""Tests of `orchestration.ahead`."""
