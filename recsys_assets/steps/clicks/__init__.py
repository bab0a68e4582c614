"""Clicks: from validated rows to features, the click model, its evaluation and promotion."""
