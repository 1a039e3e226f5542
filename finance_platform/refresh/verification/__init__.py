"""Verification: whether anything was changed behind the platform's back: the use cases of `verify`."""
