"""Models that recommend: each learns from ratings and content and scores all items for any user."""
