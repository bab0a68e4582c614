import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.recommenders.protocol import rating_data


def test_the_later_of_two_rows_for_a_pair_is_kept() -> None:
    frame = pl.DataFrame(
        {"user": [7, 2, 7], "item": [5, 9, 5], "rating": [4.0, 3.0, 1.0], "timestamp": [20, 5, 10]}
    )
    data = rating_data(frame)
    assert data.users.tolist() == [2, 7]
    assert data.items.tolist() == [5, 9]
    assert data.stars.toarray().tolist() == [[0.0, 3.0], [4.0, 0.0]]
    assert data.times is not None
    assert data.times.toarray().tolist() == [[0.0, 5.0], [20.0, 0.0]]
    assert data.users.dtype == data.items.dtype == np.int32
    assert data.stars.dtype == np.float32


def test_without_times_the_row_further_down_is_the_later() -> None:
    data = rating_data(pl.DataFrame({"user": [1, 1], "item": [1, 1], "rating": [2.0, 5.0]}))
    assert data.times is None
    assert data.stars[0, 0] == 5.0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_a_rating_that_is_no_number_is_an_error(bad: float | None) -> None:
    with pytest.raises(ValueError, match="1 of 2 ratings"):
        rating_data(pl.DataFrame({"user": [1, 2], "item": [1, 1], "rating": [3.0, bad]}))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="no column rating"):
        rating_data(pl.DataFrame({"user": [1], "item": [1], "stars": [3.0]}))


def test_no_rows_give_an_empty_matrix() -> None:
    schema = {"user": pl.Int32, "item": pl.Int32, "rating": pl.Float32}
    data = rating_data(pl.DataFrame(schema=schema))
    assert data.stars.shape == (0, 0)
