"""Which drops a run works on."""

import datetime

from recsys_assets.assets.partitions import (
    PARTITION,
    chosen_dates,
    drop_tags,
    range_tags,
    spans_of,
    stretches,
)

DAYS = [datetime.date(2026, 1, day) for day in (11, 13)]
KEYS = ["2026-01-11", "2026-01-12", "2026-01-13"]


def test_a_run_for_drops_that_wait_passes_over_those_between_them() -> None:
    assert chosen_dates(drop_tags(DAYS), KEYS) == ["2026-01-11", "2026-01-13"]


def test_a_range_is_all_of_its_drops() -> None:
    assert chosen_dates(range_tags(DAYS), KEYS) == KEYS


def test_spans_leave_out_what_a_run_passes_over() -> None:
    assert spans_of(range_tags(DAYS)) == [("2026-01-11", "2026-01-13")]
    assert spans_of(drop_tags(DAYS)) == [("2026-01-11", "2026-01-11"), ("2026-01-13", "2026-01-13")]
    months = [datetime.date(2026, 1, 31), datetime.date(2026, 2, 1), datetime.date(2026, 2, 3)]
    assert spans_of(drop_tags(months)) == [
        ("2026-01-31", "2026-02-01"),
        ("2026-02-03", "2026-02-03"),
    ]
    assert spans_of({PARTITION: "2026-01-11"}) == [("2026-01-11", "2026-01-11")]
    assert spans_of({}) == []


def test_between_two_drops_of_a_stretch_lies_a_month_at_most() -> None:
    first = datetime.date(2026, 1, 1)
    days = [first + datetime.timedelta(n) for n in (31, 0, 63, 64)]
    assert stretches(days) == [[days[1], days[0]], [days[2], days[3]]]
    assert stretches([]) == []
