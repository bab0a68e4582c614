"""The click model whole: no label leaks, rare values do no harm, it comes near the truth."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sklearn.metrics import roc_auc_score

from recsys_assets.kernels.blending import MEAN
from recsys_assets.kernels.boosting import click_probability, contributions
from recsys_assets.kernels.click_baselines import fit_hashed, fit_ordinal
from recsys_assets.kernels.click_fields import CATEGORIES, LABEL, NUMBERS
from recsys_assets.kernels.click_fit import (
    EncodingPlan,
    FittedClicks,
    encode_training,
    fit_clicks,
    fit_encoder,
)
from recsys_assets.kernels.click_folds import FOLD
from recsys_assets.kernels.encode import MARGIN, encode
from recsys_assets.kernels.metrics.classification import auc, ece, logloss
from recsys_assets.synthetic.criteo import click_batches

PLAN = EncodingPlan(
    folds=5,
    smoothing=50.0,
    min_count=10,
    crosses=4,
    cross_rows=100_000,
    effect_rows=1_000_000,
    seed=42,
    earlier=False,
)
EARLIER = EncodingPlan(**{**PLAN.__dict__, "earlier": True})
SETTINGS = {
    "objective": "binary", "num_leaves": 6, "learning_rate": 0.1, "lambda_l2": 10.0,
    "feature_fraction": 0.5, "min_data_in_leaf": 100, "verbosity": -1, "num_threads": 1, "seed": 1,
    "deterministic": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def clicks() -> pl.DataFrame:
    return pl.concat(click_batches(60_000, seed=7, with_probability=True))


@pytest.fixture(scope="module")
def fitted(clicks: pl.DataFrame) -> FittedClicks:
    return fit_clicks(clicks[:32_000], clicks[32_000:36_000], PLAN, SETTINGS, 150)


def test_it_comes_near_the_truth_and_is_calibrated(
    clicks: pl.DataFrame, fitted: FittedClicks
) -> None:
    test = clicks[36_000:]
    chance = fitted.probability(test)
    truth = auc(test[LABEL], test["probability"])
    assert truth - auc(test[LABEL], chance) < 0.025
    assert ece(test[LABEL], chance) < 0.012
    assert np.corrcoef(chance, test["probability"])[0, 1] > 0.9


def test_it_is_ahead_of_ordinal_codes_and_of_hashed_features(
    clicks: pl.DataFrame, fitted: FittedClicks
) -> None:
    train, validation, test = clicks[:32_000], clicks[32_000:36_000], clicks[36_000:]
    own = logloss(test[LABEL], fitted.probability(test))
    for baseline in (fit_ordinal, fit_hashed):
        assert own < logloss(test[LABEL], baseline(train, validation, 0)(test)) - 0.005


@pytest.mark.parametrize("plan", [PLAN, EARLIER], ids=["other folds", "earlier periods"])
def test_features_of_training_rows_do_not_know_labels_drawn_by_lot(
    clicks: pl.DataFrame, plan: EncodingPlan
) -> None:
    rows = clicks[:20_000]
    lot = pl.Series(LABEL, np.random.default_rng(5).random(rows.height) < 0.2).cast(pl.Int8)
    rows = rows.with_columns(lot)
    encoder, fold = fit_encoder(rows, plan)
    honest = encode_training(rows, encoder, fold)
    leaking = encode(rows, encoder).with_columns(rows[LABEL])
    columns = [MARGIN, *(f"{name}_mean" for name in CATEGORIES)]
    for name in columns:
        assert abs(roc_auc_score(honest[LABEL], honest[name]) - 0.5) < 0.03, name
    # The test can fail: encoded with their own labels, the rows of long-tailed columns give
    # them away.
    assert max(roc_auc_score(leaking[LABEL], leaking[name]) for name in columns) > 0.55


def test_where_no_hashed_column_is_frequent_the_click_rate_is_told(clicks: pl.DataFrame) -> None:
    blank = pl.lit(None, pl.String)
    rows = clicks[:300].with_columns(pl.lit(None, pl.Int32).alias(n) for n in NUMBERS)
    rows = rows.with_columns(blank.alias(name) for name in CATEGORIES)
    train = rows[:200]
    score = fit_hashed(train, rows[200:250], seed=0)
    assert score(rows[250:]) == pytest.approx(train[LABEL].mean())


def test_no_label_of_a_fold_enters_its_own_features(clicks: pl.DataFrame) -> None:
    rows = clicks[:6_000]
    encoder, fold = fit_encoder(rows, PLAN)
    own = fold == 2
    flipped = pl.when(own).then(1 - pl.col(LABEL)).otherwise(LABEL).cast(pl.Int64).alias(LABEL)
    changed, _ = fit_encoder(rows.with_columns(flipped), PLAN)
    features = [encode_training(rows, e, fold).drop(LABEL).filter(own) for e in (encoder, changed)]
    assert encoder.crosses == changed.crosses == ()
    assert_frame_equal(*features, check_exact=True)
    others = [encode_training(rows, e, fold).filter(~own)[MARGIN] for e in (encoder, changed)]
    assert (others[0] != others[1]).mean() > 0.9


def test_later_labels_do_not_enter_the_features_of_earlier_periods(clicks: pl.DataFrame) -> None:
    rows = clicks[:6_000]
    encoder, fold = fit_encoder(rows, EARLIER)
    assert fold.to_list() == sorted(fold.to_list())
    late = fold >= 3
    flipped = pl.when(late).then(1 - pl.col(LABEL)).otherwise(LABEL).cast(pl.Int64).alias(LABEL)
    changed, _ = fit_encoder(rows.with_columns(flipped), EARLIER)
    past = rows.with_columns(fold).filter(pl.col(FOLD).is_between(1, 3))
    features = [encode(past, e, FOLD) for e in (encoder, changed)]
    assert_frame_equal(*features, check_exact=True)
    assert encode_training(rows, encoder, fold).height == (fold > 0).sum()


def test_values_never_seen_are_harmless(clicks: pl.DataFrame, fitted: FittedClicks) -> None:
    test = clicks[36_000:40_000]
    strange = test.with_columns(pl.lit("deadbeef").alias(name) for name in CATEGORIES)
    empty = test.with_columns(pl.lit(None, pl.String).alias(name) for name in CATEGORIES)
    for rows in (strange, empty):
        chance = fitted.probability(rows)
        assert np.isfinite(chance).all()
        assert 0.1 < chance.mean() < 0.35
        assert auc(rows[LABEL], chance) > 0.65


def test_what_features_add_adds_up_to_the_log_odds(
    clicks: pl.DataFrame, fitted: FittedClicks
) -> None:
    rows = encode(clicks[36_000:36_200], fitted.encoder)
    parts = contributions(fitted.trees, rows, MEAN).sum(axis=1)
    chance = click_probability(fitted.trees, rows, MEAN)
    assert 1 / (1 + np.exp(-parts)) == pytest.approx(chance, abs=1e-9)
    levels = fitted.encoder.levels(clicks[36_000:36_200])
    columns = fitted.encoder.contributions(levels)
    assert np.sum(columns, axis=0) == pytest.approx(rows[MARGIN].to_numpy(), abs=1e-5)


def test_the_same_rows_give_the_same_model(clicks: pl.DataFrame) -> None:
    rows = (clicks[:5_000], clicks[5_000:6_000])
    first, second = (fit_clicks(*rows, PLAN, SETTINGS, 20) for _ in range(2))
    assert first.trees.text == second.trees.text
    assert first.blend == second.blend


def test_every_period_is_fitted_to_the_latest_rows_before_it(clicks: pl.DataFrame) -> None:
    rows = clicks[:10_000]
    plan = EncodingPlan(**{**EARLIER.__dict__, "effect_rows": 3_000})
    encoder, fold = fit_encoder(rows, plan)
    coded = encode(rows.with_columns(fold), encoder, FOLD).with_columns(fold)
    spread = coded.group_by(FOLD).agg(pl.col(MARGIN).std()).sort(FOLD)[MARGIN].to_list()
    assert min(spread[1:]) > 0.5
