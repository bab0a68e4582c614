"""Measures of recommendation quality: ranking, rating, click probability and diversity."""
