"""How the property tests of this folder run."""

from hypothesis import settings

quick = settings(max_examples=50, deadline=None)
"""Enough examples for small inputs; no deadline, since a busy machine breaks no law."""
