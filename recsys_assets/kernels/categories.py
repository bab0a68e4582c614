"""What is known of categories: how many rows hold a value, and how many of them were clicked.

statistics of training rows -> rows and clicks of each value outside each fold

Rows are told apart by fold, so that a training row can be encoded without its own.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

STATISTICS_SCHEMA: dict[str, pl.DataType] = {
    "column": pl.String(),
    "value": pl.Int64(),
    "fold": pl.Int8(),
    "count": pl.Int64(),
    "clicks": pl.Int64(),
}
"""Rows and clicks of each value of each category in each fold.

A value is its eight hexadecimal digits as a number; null stands for all rare values together. Rows
of the column ``label`` count all rows of a fold, whatever their values. A pair of columns is a
category of its own, named ``C14*C17``.
"""


def outside_folds(
    statistics: pl.DataFrame, codes: NDArray[np.uint32], folds: int, *, earlier: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clicks and rows of each value (rare ones last): outside each fold, then in all.

    Args:
        statistics: of one column.
        codes: its values, ascending.
        folds: of the training rows.
        earlier: folds are periods, and outside a period is what came before it.
    """
    value = statistics["value"].cast(pl.UInt32)
    place = np.searchsorted(codes, value.fill_null(0).to_numpy())
    place[value.is_null().to_numpy()] = len(codes)
    fold = statistics["fold"].to_numpy().astype(np.int64)
    outside = []
    for name in ("clicks", "count"):
        inside = np.zeros((len(codes) + 1, folds))
        inside[place, fold] = statistics[name].to_numpy()
        total = inside.sum(axis=1, keepdims=True)
        others = inside.cumsum(axis=1) - inside if earlier else total - inside
        outside.append(np.hstack([others, total]))
    return outside[0], outside[1]
