import polars as pl
import pytest

from recsys_assets.kernels.biases import estimate_biases


def ratings(rows: list[tuple[int, int, float]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["user", "item", "rating"], orient="row")


def test_additive_ratings_are_taken_apart_exactly() -> None:
    users, items = {1: -0.5, 2: 0.5}, {7: -1.0, 8: 0.25, 9: 0.75}
    full = [(u, i, 3.0 + a + b) for u, a in users.items() for i, b in items.items()]
    found = estimate_biases(ratings(full), shrinkage=0.0)
    assert found.mean == pytest.approx(3.0)
    assert dict(found.users.iter_rows()) == pytest.approx(users)
    assert dict(found.items.iter_rows()) == pytest.approx(items)


def test_shrinkage_counts_as_ratings_at_the_mean() -> None:
    # One user and two items: after the first round b_i = ±1 / (1 + 4), b_u stays 0.
    found = estimate_biases(ratings([(1, 1, 2.0), (1, 2, 4.0)]), shrinkage=4.0)
    assert dict(found.items.iter_rows()) == pytest.approx({1: -0.2, 2: 0.2})
    assert dict(found.users.iter_rows()) == pytest.approx({1: 0.0}, abs=1e-7)


def test_no_ratings_have_no_biases() -> None:
    with pytest.raises(ValueError, match="no ratings"):
        estimate_biases(ratings([]), 1.0)
