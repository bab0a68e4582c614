"""Files that land beside the second day's, and go again."""

from recsys_assets_tests.faults.bench import Bench
from recsys_assets_tests.faults.homes import DAYS

PAGE = b"<html><body>Please sign in</body></html>\n"


def take_away(bench: Bench, *names: str) -> None:
    """Remove files from the second day's drop."""
    for name in names:
        (bench.home.root / "landing" / "ratings" / DAYS[1].isoformat() / name).unlink()
