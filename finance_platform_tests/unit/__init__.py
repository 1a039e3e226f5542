"""Rules and functions, one module each."""
