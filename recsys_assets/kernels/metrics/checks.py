"""Input checks shared by the metric kernels.

Frames and arrays come in, the same values go out or a ``ValueError`` is raised that names the
argument, the rule it broke and an offending value.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from recsys_assets.kernels.metrics.pairs import count_pairs, is_pair


def check_keys(frame: pl.DataFrame, name: str, keys: Sequence[str]) -> None:
    """Require the columns `keys` to be present, free of nulls and jointly unique in `frame`."""
    require_columns(frame, name, keys)
    reject_nulls(frame, name, keys)
    reject_duplicates(frame, name, keys)


def require_columns(frame: pl.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Raise unless `frame` has every one of `columns`."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise ValueError(f"{name} lacks the columns {missing}; it has {frame.columns}")


def reject_nulls(frame: pl.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Raise if one of `columns` holds a null."""
    for column in columns:
        nulls = frame[column].null_count()
        if nulls:
            raise ValueError(
                f"{name} has {nulls} null values in column {column!r}; drop or fill them first"
            )


def reject_duplicates(frame: pl.DataFrame, name: str, columns: Sequence[str]) -> None:
    """Raise if two rows of `frame` agree in all `columns`."""
    if is_pair(frame, columns):
        different = count_pairs(frame, columns)
    else:
        different = frame.select(pl.struct(columns).n_unique()).item()
    if different == frame.height:
        return
    repeated = frame.filter(pl.struct(columns).is_duplicated())
    example = repeated.select(columns).row(0, named=True)
    raise ValueError(
        f"{name} must hold each {tuple(columns)} once, but {repeated.height} rows repeat one: "
        f"for example {example}; remove the duplicates first"
    )


def check_same_dtype(left: pl.Series, right: pl.Series, names: str) -> None:
    """Raise unless two key columns have one type: keys of different types never match."""
    if left.dtype != right.dtype:
        raise ValueError(
            f"column {left.name!r} has different types in {names}: {left.dtype} and {right.dtype};"
            " cast both to one type"
        )


def check_finite_column(frame: pl.DataFrame, name: str, column: str) -> None:
    """Raise unless `column` is numeric and holds neither null, NaN nor infinity."""
    require_columns(frame, name, [column])
    if not frame[column].dtype.is_numeric():
        raise ValueError(f"{name} column {column!r} must be numeric, not {frame[column].dtype}")
    reject_nulls(frame, name, [column])
    bad = frame.height - int(frame[column].is_finite().sum())
    if bad:
        raise ValueError(f"{name} has {bad} NaN or infinite values in column {column!r}")


def finite_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return `values` as a float64 vector; raise if it is empty, not flat or not finite."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or vector.size == 0:
        raise ValueError(f"{name} must be a non-empty one-dimensional array, not {vector.shape}")
    bad = vector.size - int(np.isfinite(vector).sum())
    if bad:
        raise ValueError(f"{name} has {bad} NaN or infinite values of {vector.size}")
    return vector


def paired_vectors(
    first: ArrayLike, second: ArrayLike, names: tuple[str, str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two finite float64 vectors; raise unless they have one length."""
    left, right = finite_vector(first, names[0]), finite_vector(second, names[1])
    if left.size != right.size:
        raise ValueError(f"{names[0]} has {left.size} values and {names[1]} has {right.size}")
    return left, right
