"""Landed files become validated tables, row by row accounted for."""
