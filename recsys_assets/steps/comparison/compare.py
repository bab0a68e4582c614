"""Models side by side on one split: fitted on its training part, judged by the rest.

    ratings -> train, test -> each model in turn -> metrics, intervals, paired tests, times

Models are given the training part and nothing else. One model at a time is in memory; of each one
the lists, the metrics of its users and its figures stay.
"""

import time
from collections.abc import Callable, Sequence
from itertools import chain

import polars as pl

from recsys_assets.kernels.comparing import JudgingError, judge
from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.steps.comparison.bench import Bench
from recsys_assets.steps.comparison.fitted import Fit, FitRating, rating_models
from recsys_assets.steps.comparison.results import (
    MAIN_METRIC,
    OWN_BEST,
    Comparison,
    ModelResult,
    add_intervals,
    add_tests,
)


def compare_models(
    train: pl.DataFrame,
    test: pl.DataFrame,
    fit: Fit,
    k: int,
    seed: int = 0,
    fit_rating: FitRating | None = None,
    on_result: Callable[[ModelResult], None] = lambda result: None,
) -> Comparison:
    """Fit each model on `train`, judge it by `test`, and compare all on the same users.

    Args:
        train: user, item, rating, and timestamp where it is known.
        test: held-out rows of the same columns; models never see them.
        fit: fits models one after the other.
        k: length of the lists.
        seed: of the bootstrap.
        fit_rating: fits models that predict stars; they are ranked by their stars, too.
        on_result: told of each ranking model as soon as it is judged.

    Raises:
        JudgingError: no model, no user to average over, or a model that answers nonsense.
    """
    data, bench = rating_data(train), Bench.of(train, test, k)
    results: list[ModelResult] = []
    for fitted, errors in chain(
        ((fitted, {}) for fitted in fit(data)),
        rating_models(fit_rating(data) if fit_rating else (), data, test),
    ):
        started = time.perf_counter()
        judged = judge(fitted.name, fitted.recommender, data, test, k)
        result = ModelResult(fitted.name, fitted.fit_seconds, time.perf_counter() - started)
        bench.describe(result, judged)
        result.figures |= errors
        results.append(result)
        on_result(result)
    if not results:
        raise JudgingError("there is no model to compare; name at least one")
    best_single = _best_single(results)
    add_intervals(results, seed)
    add_tests(results, best_single, seed)
    return Comparison(
        k=k,
        train_rows=train.height,
        test_rows=test.height,
        judged_users=results[0].by_user.height,
        new_users=bench.new_users,
        unknown_item_rows=test.join(train, on="item", how="anti").height,
        best_single=best_single,
        results=results,
    )


def _best_single(results: Sequence[ModelResult]) -> str:
    singles = [result for result in results if result.name != OWN_BEST] or list(results)
    return max(singles, key=lambda result: result.figures[MAIN_METRIC]).name
