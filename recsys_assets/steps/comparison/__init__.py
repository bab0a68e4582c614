"""Models side by side on one split: judged, compared, checked for leaks, told in tables."""
