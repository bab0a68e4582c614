"""Where published tables go for others to read: lookup stores by user, warehouses by SQL."""
