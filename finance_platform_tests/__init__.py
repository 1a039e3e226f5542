"""Tests of the Finance Analytics Platform, by what they need: unit, transforms, warehouse, orchestration, end to end."""
