"""Searching settings: trials, their journal, and the best that the next training takes over."""
