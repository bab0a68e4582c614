"""What a caller may ask for, at instants that the tests choose."""

from types import SimpleNamespace

import pytest

from recsys_assets.serving import limits
from recsys_assets.serving.limits import RateLimit


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The instant, to be set."""
    instant = [100.0]
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: instant[0]))
    return instant


def test_a_burst_passes_then_as_many_as_the_rate_lets_through(now: list[float]) -> None:
    limit = RateLimit(rate=0.5, burst=3)
    assert [limit.wait("a") for _ in range(5)] == [0, 0, 0, 2, 2], "who waits pays nothing for it"
    now[0] += 1.5
    assert limit.wait("a") == 0.5
    now[0] += 0.5  # as long as it was told to wait
    assert [limit.wait("a"), limit.wait("a"), limit.wait("b")] == [0, 2, 0]
    now[0] += 1_000.0
    assert [limit.wait("a") for _ in range(4)] == [0, 0, 0, 2], "no more than a burst is saved up"
    narrow = RateLimit(rate=1, burst=0)
    assert [narrow.wait("a") for _ in range(2)] == [0, 1], "one passes always"


def test_of_too_many_callers_who_asked_longest_ago_is_forgotten(
    now: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_CALLERS", 2)
    limit = RateLimit(rate=2, burst=2)
    assert [limit.wait("greedy") for _ in range(3)] == [0, 0, 0.5]
    assert limit.wait("modest") == 0
    assert limit.wait("greedy") == 0.5
    assert limit._buckets.keys() == {"modest", "greedy"}, "nobody new is there"
    assert limit.wait("new") == 0, "though no bucket has filled up again"
    assert limit._buckets.keys() == {"greedy", "new"}
    assert limit.wait("greedy") == 0.5
