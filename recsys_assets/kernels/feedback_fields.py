"""Fields of feedback, in the order in which journals hold them."""

IMPRESSION, CLICK = "impression", "click"
COLUMNS = ("event", "user", "item", "kind", "rank", "version", "arm", "timestamp")
