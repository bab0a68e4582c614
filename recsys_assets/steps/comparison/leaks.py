"""Catching a model that has seen the rows it is judged by.

The same split is drawn once more inside the training part, and every model is fitted and judged
there too. A model that has seen nothing ranks about as well on the inner held-out rows as on the
outer ones, for which it had somewhat more to learn from. One that knows the outer test rows, from
wherever, knows nothing of that kind about the inner ones: its lead there is gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.comparing import judge
from recsys_assets.kernels.metrics.significance import compare_paired
from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.kernels.splits import Method, train_and_test
from recsys_assets.steps.comparison.fitted import Fit
from recsys_assets.steps.comparison.results import HEADLINE, MAIN_METRIC, ModelResult

Floats = NDArray[np.float64]

MOST_GAIN: Final = 0.25
"""How much better than on inner rows an honest model may do: more to learn from helps a little."""


@dataclass(frozen=True)
class LeakCheck:
    """One model on rows it cannot have seen, beside the rows it should not have seen."""

    name: str
    inner: float
    """Main metric on held-out rows of the training part."""
    outer: float
    """Main metric on the test part, over the same users."""
    suspicious: bool
    """Whether it does significantly better on the test part, by more than `MOST_GAIN`."""


def check_leaks(
    results: Sequence[ModelResult],
    train: pl.DataFrame,
    test: pl.DataFrame,
    fit: Fit,
    k: int,
    method: Method,
    ratio: float,
    seed: int,
    gap_days: float = 0.0,
) -> list[LeakCheck]:
    """Check every model that `fit` gives and that was judged before.

    Args:
        results: what the models did on the test part.
        train: the training part.
        test: the test part; its rows are neither candidates nor relevant among the inner ones.
        fit: as it was for `results`; called with a part of the training part.
        k: length of the lists.
        method: the split that cut off the test part.
        ratio: its share of training rows.
        seed: its seed; the inner split is drawn by the next one.
        gap_days: its days between training and test.

    Raises:
        SplitError: the training part is too small to be split again.
    """
    # As many inner test rows as outer ones, so that there is as much to hit for each user.
    inner_ratio = max(0.5, 2 - 1 / ratio)
    # By another seed: the hashes of all training rows lie below the outer split's bound, so that by
    # the same one few rows, or none, would lie above the inner bound.
    inner_seed = (seed + 1) % 2**31
    inner_train, inner_test = train_and_test(train, method, inner_ratio, inner_seed, gap_days)
    data = rating_data(inner_train)
    outer_by_user = {result.name: result.by_user for result in results}
    found = []
    for fitted in fit(data):
        if fitted.name not in outer_by_user:
            continue
        judged = judge(fitted.name, fitted.recommender, data, inner_test, k, hidden=test)
        metric = HEADLINE[MAIN_METRIC]
        inner = judged.by_user.select("user", inner=metric)
        both = inner.join(
            outer_by_user[fitted.name].select("user", outer=metric), on="user", how="inner"
        )
        found.append(_check(fitted.name, both["inner"].to_numpy(), both["outer"].to_numpy(), seed))
    return found


def _check(name: str, inner: Floats, outer: Floats, seed: int) -> LeakCheck:
    if not len(inner):
        return LeakCheck(name, 0.0, 0.0, suspicious=False)
    before, after = float(inner.mean()), float(outer.mean())
    better = compare_paired(outer, inner * (1 + MOST_GAIN), seed).is_win
    return LeakCheck(name, before, after, suspicious=better)
