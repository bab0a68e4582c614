"""Fields of a click row in Criteo's form."""

LABEL = "label"
NUMBERS = tuple(f"I{i}" for i in range(1, 14))
CATEGORIES = tuple(f"C{i}" for i in range(1, 27))
