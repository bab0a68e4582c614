"""Which drops a run works on."""

import datetime

from recsys_assets.assets.partitions import chosen_dates, drop_tags, range_tags

DAYS = [datetime.date(2026, 1, day) for day in (11, 13)]
KEYS = ["2026-01-11", "2026-01-12", "2026-01-13"]


def test_a_run_for_drops_that_wait_passes_over_those_between_them() -> None:
    assert chosen_dates(drop_tags(DAYS), KEYS) == ["2026-01-11", "2026-01-13"]


def test_a_range_is_all_of_its_drops() -> None:
    assert chosen_dates(range_tags(DAYS), KEYS) == KEYS
