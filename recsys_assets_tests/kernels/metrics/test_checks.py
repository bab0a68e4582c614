"""What the metrics refuse is named: the argument, the rule, an offending value."""

import numpy as np
import polars as pl
import pytest

from recsys_assets.kernels.metrics import checks


@pytest.mark.parametrize("kind", [pl.Int32, pl.Int64])
def test_repeated_keys_are_counted_and_shown(kind: type[pl.DataType]) -> None:
    """Pairs of small numbers are compared by another way than all else."""
    schema = {"user": kind, "item": kind}
    once = pl.DataFrame({"user": [1, 1, 2], "item": [1, 2, 1]}, schema)
    checks.check_keys(once, "truth", ["user", "item"])
    twice = pl.DataFrame({"user": [3, 1, 2, 2], "item": [1, 2, 5, 5]}, schema)
    with pytest.raises(ValueError, match=r"2 rows .* example \{'user': 2, 'item': 5\}"):
        checks.check_keys(twice, "truth", ["user", "item"])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pl.Series(["1", "2"]), "by_user column 'recall' must be numeric, not String"),
        (pl.Series([1.0, None]), "by_user has 1 null values in column 'recall'"),
        (pl.Series([np.nan, np.inf, 1.0]), "by_user has 2 NaN or infinite values in column"),
    ],
)
def test_a_column_that_is_no_figure_is_refused(values: pl.Series, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        checks.check_finite_column(values.alias("recall").to_frame(), "by_user", "recall")
    with pytest.raises(ValueError, match="by_user lacks the columns"):
        checks.check_finite_column(values.alias("other").to_frame(), "by_user", "recall")


def test_a_table_of_figures_is_no_vector() -> None:
    for values in ([[0.5, 1.0]], []):
        with pytest.raises(ValueError, match="label must be a non-empty one-dimensional array"):
            checks.finite_vector(values, "label")
    assert checks.finite_vector([1, 0], "label").dtype == np.float64
