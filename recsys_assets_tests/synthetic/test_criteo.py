"""Laws of the generated clicks: any slice, the shape of the real file, and a learnable truth."""

import lightgbm
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from recsys_assets.synthetic.criteo import COLUMNS, ROWS_PER_BLOCK, click_batches
from recsys_assets.synthetic.criteo_profile import (
    CATEGORIES,
    CLICK_RATE,
    EMPTY_SHARES,
    NUMBERS,
    Category,
    Number,
)

ROWS = 3 * ROWS_PER_BLOCK

AUC_OF_NUMBER = {
    "I1": 0.582, "I2": 0.513, "I3": 0.446, "I4": 0.470, "I5": 0.354, "I6": 0.333, "I7": 0.642,
    "I8": 0.452, "I9": 0.480, "I10": 0.601, "I11": 0.636, "I12": 0.512, "I13": 0.401,
}  # fmt: skip
AUC_OF_TARGET_MEAN = {
    "C1": 0.483, "C2": 0.607, "C3": 0.601, "C4": 0.610, "C5": 0.493, "C6": 0.517, "C7": 0.592,
    "C8": 0.496, "C9": 0.521, "C10": 0.557, "C11": 0.591, "C12": 0.600, "C13": 0.590,
    "C14": 0.558, "C15": 0.605, "C16": 0.604, "C17": 0.605, "C18": 0.616, "C19": 0.524,
    "C20": 0.504, "C21": 0.599, "C22": 0.495, "C23": 0.561, "C24": 0.602, "C25": 0.500,
    "C26": 0.561,
}  # fmt: skip
DISTINCT = {
    "C1": 157, "C2": 370, "C3": 4524, "C4": 3369, "C5": 53, "C6": 7, "C7": 2817, "C8": 82,
    "C9": 3, "C10": 2584, "C11": 1904, "C12": 4337, "C13": 1591, "C14": 22, "C15": 1833,
    "C16": 3905, "C17": 9, "C18": 1055, "C19": 480, "C20": 3, "C21": 4140, "C22": 7, "C23": 12,
    "C24": 2152, "C25": 37, "C26": 1635,
}  # fmt: skip
"""Figures of 8,000 real rows, against which the laws below hold the generator."""


@pytest.fixture(scope="module")
def clicks() -> pl.DataFrame:
    return pl.concat(click_batches(ROWS, seed=5, with_probability=True))


@settings(max_examples=25, deadline=None)
@given(
    start=st.integers(0, ROWS - 1), rows=st.integers(1, 15_000), batch_rows=st.integers(700, 20_000)
)
def test_any_slice_in_any_batches_is_the_same(
    clicks: pl.DataFrame, start: int, rows: int, batch_rows: int
) -> None:
    rows = min(rows, ROWS - start)
    batches = list(click_batches(rows, 5, batch_rows, first_row=start))
    assert [b.height for b in batches[:-1]] == [batch_rows] * (len(batches) - 1)
    assert pl.concat(batches).equals(clicks.slice(start, rows).drop("probability"))


def test_seeds_give_different_rows(clicks: pl.DataFrame) -> None:
    other = next(click_batches(1_000, seed=6))
    both = pl.concat([other, clicks.drop("probability")])
    assert not both.is_duplicated().any()


def test_impossible_counts_are_refused_before_any_row_is_made() -> None:
    for rows, batch_rows, first_row in ((-1, 1, 0), (1, 1, -1), (1, 0, 0)):
        with pytest.raises(ValueError, match="batch_rows="):
            click_batches(rows, 1, batch_rows, first_row=first_row)
    assert list(click_batches(0, 1)) == []


def test_fields_have_the_form_of_criteo(clicks: pl.DataFrame) -> None:
    fields = clicks.drop("probability")
    names = ["label", *(f"I{i}" for i in range(1, 14)), *(f"C{i}" for i in range(1, 27))]
    assert fields.columns == names == list(COLUMNS)
    assert fields.dtypes == [pl.Int64] * 14 + [pl.String] * 26
    assert set(fields["label"]) == {0, 1}
    for name in names[14:]:
        assert fields[name].drop_nulls().str.contains("^[0-9a-f]{8}$").all(), name


def test_click_rate(clicks: pl.DataFrame) -> None:
    error = np.sqrt(CLICK_RATE * (1 - CLICK_RATE) / ROWS)
    assert clicks["label"].mean() == pytest.approx(CLICK_RATE, abs=4 * error + 0.002)


@pytest.mark.parametrize("column", [*NUMBERS, *CATEGORIES], ids=lambda c: c.name)
def test_empties_have_their_share_and_come_in_groups(
    clicks: pl.DataFrame, column: Number | Category
) -> None:
    empty = clicks[column.name].is_null()
    if not column.empties:
        assert not empty.any()
        return
    share = EMPTY_SHARES[column.empties]
    assert empty.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / ROWS))
    assert empty.equals(clicks[column.empties].is_null(), check_names=False)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.name)
def test_numbers_have_the_quantiles_of_the_profile(clicks: pl.DataFrame, number: Number) -> None:
    values = clicks[number.name].drop_nulls().to_numpy()
    assert values.min() == number.quantiles[0]
    assert number.quantiles[4] < values.max() <= number.quantiles[6]
    for share, value in zip((0.25, 0.5, 0.75, 0.99), number.quantiles[1:5], strict=True):
        error = 4 * np.sqrt(share * (1 - share) / len(values))
        assert (values < value).mean() <= share + error
        assert (values <= value).mean() >= share - error


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_categories_have_the_head_and_the_tail_of_the_profile(
    clicks: pl.DataFrame, category: Category
) -> None:
    values = clicks[category.name].drop_nulls()
    counts = values.value_counts()["count"].to_numpy()
    assert counts.max() / len(values) == pytest.approx(category.head, abs=0.015)
    first = clicks[category.name].head(8_000).drop_nulls().n_unique()
    expected = DISTINCT[category.name]
    assert first == pytest.approx(expected, abs=0.05 * expected + 1.5 * np.sqrt(expected))


def test_values_keep_coming_with_more_rows(clicks: pl.DataFrame) -> None:
    for name, growth in {"C3": 2.5, "C10": 1.8, "C24": 2.2}.items():
        few, many = clicks[name].head(8_000).n_unique(), clicks[name].n_unique()
        assert many / few > growth, name
    assert clicks["C17"].n_unique() <= 10


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: n.name)
def test_each_number_ranks_clicks_as_well_as_the_real_one(
    clicks: pl.DataFrame, number: Number
) -> None:
    seen = clicks.drop_nulls(number.name)
    measured = _auc(seen["label"].to_numpy(), seen[number.name].to_numpy())
    assert measured == pytest.approx(AUC_OF_NUMBER[number.name], abs=0.02)


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_each_category_ranks_clicks_nearly_as_well_as_the_real_one(
    clicks: pl.DataFrame, category: Category
) -> None:
    parts = [clicks.slice(start, 8_000) for start in (0, 8_000, 16_000)]
    measured = np.mean([_auc_of_target_mean(part, category.name) for part in parts])
    assert measured == pytest.approx(AUC_OF_TARGET_MEAN[category.name], abs=0.05)


def _auc_of_target_mean(rows: pl.DataFrame, name: str) -> float:
    """AUC of the mean label of a value, smoothed with 20 rows and taken from the other folds."""
    fold = pl.Series("fold", np.random.default_rng(0).integers(0, 5, rows.height))
    in_fold, whole = [name, "fold"], name
    others = rows.with_columns(fold).select(
        "label",
        (pl.len().over(whole) - pl.len().over(in_fold)).alias("count"),
        (pl.col("label").sum().over(whole) - pl.col("label").sum().over(in_fold)).alias("sum"),
    )
    rate = rows["label"].to_numpy().mean()
    score = (others["sum"] + 20 * rate) / (others["count"].cast(pl.Float64) + 20)
    return _auc(rows["label"].to_numpy(), score.to_numpy())


def _auc(label: np.ndarray, score: np.ndarray) -> float:
    clicked = int(label.sum())
    rank_sum = rankdata(score)[label == 1].sum()
    return (rank_sum - clicked * (clicked + 1) / 2) / (clicked * (len(label) - clicked))


def test_labels_are_draws_of_the_probability(clicks: pl.DataFrame) -> None:
    tenths = clicks.sort("probability").with_row_index().with_columns(pl.col("index") * 10 // ROWS)
    table = tenths.group_by("index").agg(pl.col("label", "probability").mean())
    rates, chances = table["label"].to_numpy(), table["probability"].to_numpy()
    errors = np.sqrt(chances * (1 - chances) / (ROWS / 10))
    assert np.abs((rates - chances) / errors).max() < 4


def test_truth_ranks_clicks_with_an_auc_of_080(clicks: pl.DataFrame) -> None:
    auc = _auc(clicks["label"].to_numpy(), clicks["probability"].to_numpy())
    assert 0.79 <= auc <= 0.815


def test_a_model_on_counts_and_target_means_learns_most_of_the_truth(clicks: pl.DataFrame) -> None:
    train, test = clicks.head(20_000), clicks.tail(10_000)
    known, unseen = _encoded(train, train, out_of_fold=True), _encoded(train, test)
    parameters = {
        "objective": "binary", "num_leaves": 8, "learning_rate": 0.08, "min_data_in_leaf": 50,
        "feature_fraction": 0.5, "lambda_l2": 10.0, "verbose": -1, "num_threads": 1, "seed": 1,
    }  # fmt: skip
    model = lightgbm.train(parameters, lightgbm.Dataset(known, train["label"].to_numpy()), 120)
    label = test["label"].to_numpy()
    learned = _auc(label, np.asarray(model.predict(unseen)))
    assert 0.745 < learned < _auc(label, test["probability"].to_numpy()) - 0.01


def _encoded(train: pl.DataFrame, rows: pl.DataFrame, out_of_fold: bool = False) -> np.ndarray:
    """Return numbers, counts and smoothed target means learned from `train` for `rows`."""
    fold = np.random.default_rng(0).integers(0, 5, rows.height) if out_of_fold else None
    encoded = [rows.select(n.name for n in NUMBERS).cast(pl.Float64).to_numpy()]
    parts = (
        [np.arange(rows.height)] if fold is None else [np.flatnonzero(fold == f) for f in range(5)]
    )
    for name in (c.name for c in CATEGORIES):
        columns = np.empty((rows.height, 2))
        for part in parts:
            source = train if fold is None else train.filter(pl.Series(fold != fold[part[0]]))
            means = source.group_by(name).agg(pl.len().alias("n"), pl.col("label").sum().alias("s"))
            found = rows[part].join(
                means, on=name, how="left", nulls_equal=True, maintain_order="left"
            )
            count, total = (found[c].fill_null(0).cast(pl.Float64).to_numpy() for c in "ns")
            columns[part] = np.column_stack([count, (total + 20 * CLICK_RATE) / (count + 20)])
        encoded.append(columns)
    return np.column_stack(encoded)
