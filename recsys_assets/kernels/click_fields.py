"""Fields of a click row in Criteo's form."""

LABEL = "label"
NUMBERS = tuple(f"I{i}" for i in range(1, 14))
CATEGORIES = tuple(f"C{i}" for i in range(1, 27))
LEAST_NUMBER, MOST_NUMBER = -1_000, 2**31 - 1
"""What a number may be: counts of 32 bits, some of which the source shifted below zero."""
CATEGORY_PATTERN = "^[0-9a-f]{8}$"
