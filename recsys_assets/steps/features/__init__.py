"""Validated ratings and movies become what models learn from."""
