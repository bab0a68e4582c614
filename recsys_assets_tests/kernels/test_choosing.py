import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.choosing import best_places
from recsys_assets.kernels.top_k import NO_ITEM


@settings(max_examples=80, deadline=None)
@given(
    scores=st.lists(
        st.lists(st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0]), min_size=6, max_size=6),
        min_size=1,
        max_size=5,
    ),
    k=st.integers(1, 9),
)
def test_best_places_are_those_of_a_full_sort(scores: list[list[float]], k: int) -> None:
    indices, best = best_places(np.array(scores, np.float32), k)
    for row, found, values in zip(scores, indices.tolist(), best.tolist(), strict=True):
        order = sorted((-score, place) for place, score in enumerate(row) if score > -np.inf)[:k]
        missing = k - len(order)
        assert found == [place for _, place in order] + [-1] * missing
        assert values == [-score for score, _ in order] + [-np.inf] * missing


@pytest.mark.parametrize("k", [1, 10, 100, 700])
def test_best_places_of_wide_rows_leave_the_hidden_out(k: int) -> None:
    rng = np.random.default_rng(3)
    # Few distinct scores, so that many share the last place.
    scores = rng.integers(0, 40, (5, 645)).astype(np.float32)
    hidden = rng.random(scores.shape) < 0.3
    hidden[4] = True
    indices, best = best_places(scores, k, hidden)
    assert (indices[4] == NO_ITEM).all()
    for row in range(4):
        shown = np.flatnonzero(~hidden[row])
        order = shown[np.argsort(-scores[row][shown], kind="stable")][:k]
        assert indices[row][: len(order)].tolist() == order.tolist()
        assert best[row][: len(order)].tolist() == scores[row][order].tolist()
        assert (indices[row][len(order) :] == NO_ITEM).all()
        assert np.isneginf(best[row][len(order) :]).all()
    assert best_places(scores, k)[0].tolist() == best_places(scores, k, hidden & False)[0].tolist()
