from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import (
    DAY,
    SplitError,
    rolling_windows,
)
from recsys_assets.kernels.splits.parts import GAP
from recsys_assets.kernels.splits.times import cut_places, cut_times, parts_by_time

quick = settings(max_examples=60, deadline=None)


@quick
@given(
    days=st.integers(1, 60),
    rounds=st.integers(1, 5),
    test_days=st.integers(1, 9),
    gap=st.integers(0, 5),
)
def test_windows_follow_each_other_and_look_only_back(
    days: int, rounds: int, test_days: int, gap: int
) -> None:
    first, last = 5 * DAY + 3600, (5 + days - 1) * DAY + 7200
    if days <= rounds * test_days + gap:
        with pytest.raises(SplitError, match="too few"):
            rolling_windows(first, last, rounds, test_days, gap)
        return
    windows = rolling_windows(first, last, rounds, test_days, gap)
    assert len(windows) == rounds
    assert windows[0].train_before > first
    assert windows[-1].test_before - DAY <= last < windows[-1].test_before
    for window in windows:
        assert window.test_from - window.train_before == gap * DAY
        assert window.test_before - window.test_from == test_days * DAY
    for earlier, later in pairwise(windows):
        assert earlier.test_before == later.test_from


def test_the_first_day_must_leave_rows_to_train_on() -> None:
    assert rolling_windows(5 * DAY - 1, 6 * DAY, 1, 2)[0].train_before == 5 * DAY
    for first, gap in ((5 * DAY, 0), (4 * DAY, 1)):
        with pytest.raises(SplitError, match="too few"):
            rolling_windows(first, 6 * DAY, 1, 2, gap)
    for numbers in ((0, 1, 0), (1, 0, 0), (1, 1, -1)):
        with pytest.raises(SplitError, match="at least 1 round"):
            rolling_windows(0, 9 * DAY, *numbers)


def test_parts_begin_after_their_share_of_the_rows() -> None:
    assert cut_places(10, (0.8, 0.1)) == [8, 9]
    assert cut_places(3, (0.9,)) == [2], "a row is left for the last part"
    assert cut_times(np.arange(100, 110), (0.5, 0.25)) == [105, 108]  # 7.5, halves to even
    with pytest.raises(SplitError, match="no rows"):
        cut_places(0, (0.5,))


def test_a_row_belongs_to_the_last_cut_that_it_reached_unless_it_lies_in_the_gap() -> None:
    times = np.array([-99, 9, 10, 14, 15, 19, 20, 24, 25, 99])
    assert parts_by_time(times, (10, 20), 0).tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    parts = [0, 0, GAP, GAP, 1, 1, GAP, GAP, 2, 2]
    assert parts_by_time(times, (10, 20), 5).tolist() == parts
