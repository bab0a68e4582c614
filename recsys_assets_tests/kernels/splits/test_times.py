from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.splits import (
    DAY,
    SplitError,
    rolling_windows,
)

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
