"""Tests of the law: whatever was delivered, decided and broken off, the star is what a build from scratch gives."""
