"""Where data lies: files as they came in the landing zone, Delta tables in the lake."""
