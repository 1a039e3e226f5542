"""Tests of the Finance Analytics Platform, in folders by what they need."""
