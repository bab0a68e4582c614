"""Judging and promoting models, and watching what they are fed."""
