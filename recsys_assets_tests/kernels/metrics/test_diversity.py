"""Coverage, novelty, diversity and serendipity: known answers, laws, clear errors."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from recsys_assets.kernels.metrics import diversity as kernel
from recsys_assets.kernels.metrics.similarity import ItemSimilarity
from recsys_assets_tests.kernels.metrics.properties import quick

# Figures: the unit tests of the `recommenders` library, recomputed with independent formulas.
TRAIN = pl.DataFrame({"user": [1, 1, 1, 2, 2, 3, 3, 3], "item": [1, 2, 4, 3, 4, 3, 4, 5]})
RECOMMENDATIONS = pl.DataFrame(
    {"user": [1, 1, 2, 2, 3, 3], "item": [3, 5, 2, 5, 1, 2], "relevance": [1, 0, 1, 1, 1, 0]}
)
FEATURES = pl.DataFrame(
    {
        "item": [1, 2, 3, 4, 5],
        "vector": [
            [0, 1, 1, 0, 0],
            [0, 1, 0, 1, 0],
            [0, 0, 1, 1, 0],
            [0, 0, 1, 0, 1],
            [0, 0, 0, 1, 1],
        ],
    }
)
COOCCURRENCE = ItemSimilarity.from_cooccurrence(TRAIN)
VECTORS = ItemSimilarity.from_vectors(FEATURES)
both_measures = pytest.mark.parametrize(
    "similarity", [COOCCURRENCE, VECTORS], ids=["co-occurrence", "vectors"]
)

pair = st.tuples(st.integers(0, 5), st.integers(0, 7))


def _frame(rows: list[tuple[int, int]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"user": pl.Int64, "item": pl.Int64}, orient="row")


trains = st.lists(pair, unique=True, min_size=1).map(_frame)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, ItemSimilarity]:
    train = draw(trains)
    known = st.sampled_from(sorted(set(train["item"])))
    rows = draw(st.lists(st.tuples(st.integers(0, 5), known), unique=True, min_size=1))
    if draw(st.booleans()):
        return _frame(rows), train, ItemSimilarity.from_cooccurrence(train)
    vector = st.lists(st.integers(0, 3), min_size=3, max_size=3)
    catalog = train.select(pl.col("item").unique().sort())
    vectors = draw(st.lists(vector, min_size=catalog.height, max_size=catalog.height))
    features = catalog.with_columns(vector=pl.Series(vectors))
    return _frame(rows), train, ItemSimilarity.from_vectors(features)


def test_known_coverage() -> None:
    assert kernel.catalog_coverage(RECOMMENDATIONS, TRAIN) == pytest.approx(0.8)
    assert kernel.distributional_coverage(RECOMMENDATIONS) == pytest.approx(1.9183, rel=1e-4)


def test_known_novelty() -> None:
    assert kernel.item_novelty(TRAIN).to_dict(as_series=False) == {
        "item": [1, 2, 3, 4, 5],
        "item_novelty": pytest.approx([3, 3, 2, 1.41504, 3], rel=1e-5),
    }
    assert kernel.novelty(RECOMMENDATIONS, TRAIN) == pytest.approx(2.83333, rel=1e-5)


@pytest.mark.parametrize(
    ("similarity", "by_user"),
    [(COOCCURRENCE, [0.29289, 1, 0]), (VECTORS, [0.5, 0.5, 0.5])],
)
def test_known_diversity(similarity: ItemSimilarity, by_user: list[float]) -> None:
    assert kernel.user_diversity(RECOMMENDATIONS, similarity).to_dict(as_series=False) == {
        "user": [1, 2, 3],
        "user_diversity": pytest.approx(by_user, abs=1e-5),
    }


@pytest.mark.parametrize(
    ("similarity", "by_item", "by_user"),
    [
        (
            COOCCURRENCE,
            [0.72783, 0, 0.71132, 0.35777, 0.80755, 0],
            [0.363915, 0.53455, 0.403775],
        ),
        (VECTORS, [0.5, 0, 0.75, 0.5, 0.6667, 0], [0.25, 0.625, 0.3333]),
    ],
)
def test_known_serendipity(
    similarity: ItemSimilarity, by_item: list[float], by_user: list[float]
) -> None:
    arguments = (RECOMMENDATIONS, TRAIN, similarity)
    assert kernel.user_item_serendipity(*arguments).to_dict(as_series=False) == {
        "user": [1, 1, 2, 2, 3, 3],
        "item": [3, 5, 2, 5, 1, 2],
        "user_item_serendipity": pytest.approx(by_item, abs=1e-4),
    }
    assert kernel.user_serendipity(*arguments).to_dict(as_series=False) == {
        "user": [1, 2, 3],
        "user_serendipity": pytest.approx(by_user, abs=1e-4),
    }


def test_recommending_one_item_covers_nothing_and_every_item_evenly_covers_all() -> None:
    one = _frame([(1, 3), (2, 3), (3, 3)])
    assert math.copysign(1, kernel.distributional_coverage(one)) == 1
    assert kernel.distributional_coverage(one) == 0
    everything = _frame([(user, item) for user in range(3) for item in range(1, 6)])
    assert kernel.distributional_coverage(everything) == pytest.approx(math.log2(5))
    assert kernel.catalog_coverage(everything, TRAIN) == 1


def test_relevance_scales_serendipity_and_defaults_to_one() -> None:
    without = RECOMMENDATIONS.select("user", "item")
    half = without.with_columns(relevance=pl.lit(0.5))
    full, scaled = (
        kernel.user_item_serendipity(each, TRAIN, COOCCURRENCE)["user_item_serendipity"]
        for each in (without, half)
    )
    assert (full > 0).all()
    assert scaled.to_list() == pytest.approx((full / 2).to_list())


@both_measures
def test_users_without_pairs_or_history_have_no_row(similarity: ItemSimilarity) -> None:
    recommendations = _frame([(1, 3), (1, 5), (2, 5), (9, 1), (9, 2)])
    assert kernel.user_diversity(recommendations, similarity)["user"].to_list() == [1, 9]
    surprised = kernel.user_serendipity(recommendations, TRAIN, similarity)
    assert surprised["user"].to_list() == [1, 2]


@quick
@given(worlds())
def test_metrics_lie_in_their_ranges(
    world: tuple[pl.DataFrame, pl.DataFrame, ItemSimilarity],
) -> None:
    recommendations, train, similarity = world
    covered = kernel.catalog_coverage(recommendations, train)
    assert 0 < covered <= 1
    recommended = recommendations["item"].n_unique()
    entropy = kernel.distributional_coverage(recommendations)
    assert 0 <= entropy <= math.log2(recommended) + 1e-9
    assert 0 <= kernel.novelty(recommendations, train) <= math.log2(train.height) + 1e-9
    assert (
        kernel.user_diversity(recommendations, similarity)["user_diversity"].is_between(0, 1).all()
    )
    surprise = kernel.user_item_serendipity(recommendations, train, similarity)
    assert surprise["user_item_serendipity"].is_between(0, 1).all()


@quick
@given(worlds())
def test_agreement_with_sums_written_out(
    world: tuple[pl.DataFrame, pl.DataFrame, ItemSimilarity],
) -> None:
    recommendations, train, similarity = world

    def cosine(left: int, right: int) -> float:
        places = similarity.positions(pl.Series([left, right]), "pair")
        return float(similarity.of_pairs(places[:1], places[1:])[0])

    lists = {user: sorted(part["item"]) for (user,), part in recommendations.group_by("user")}
    histories = {user: part["item"].to_list() for (user,), part in train.group_by("user")}
    unlike = {
        user: 1 - np.mean([cosine(i, j) for i in items for j in items if i < j])
        for user, items in lists.items()
        if len(items) > 1
    }
    assert dict(kernel.user_diversity(recommendations, similarity).rows()) == pytest.approx(unlike)
    surprise = {
        (user, item): 1 - np.mean([cosine(item, old) for old in histories[user]])
        for user, items in lists.items()
        for item in items
        if user in histories
    }
    measured = kernel.user_item_serendipity(recommendations, train, similarity)
    assert {(u, i): value for u, i, value in measured.rows()} == pytest.approx(surprise, abs=1e-12)


@quick
@given(trains)
def test_cooccurrence_is_the_share_of_common_users(train: pl.DataFrame) -> None:
    similarity = ItemSimilarity.from_cooccurrence(train)
    users = {item: set(part["user"]) for (item,), part in train.group_by("item")}
    left, right = np.indices((len(users), len(users))).reshape(2, -1)
    expected = [
        len(users[i] & users[j]) / math.sqrt(len(users[i]) * len(users[j]))
        for i in sorted(users)
        for j in sorted(users)
    ]
    assert similarity.of_pairs(left, right) == pytest.approx(np.array(expected))


@quick
@given(trains, st.integers(1, 40))
def test_the_size_of_blocks_changes_nothing(train: pl.DataFrame, values: int) -> None:
    similarity = ItemSimilarity.from_cooccurrence(train)
    recommendations = train.select(pl.col("user").reverse(), "item").unique()
    expected = kernel.user_item_serendipity(recommendations, train, similarity)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys_assets.kernels.metrics.similarity._BLOCK_VALUES", values)
        patch.setattr("recsys_assets.kernels.metrics.diversity._PAIRS_AT_ONCE", values)
        blocked = kernel.user_item_serendipity(recommendations, train, similarity)
    assert_frame_equal(blocked, expected, abs_tol=1e-12)


@quick
@given(worlds(), st.integers(0, 1000))
def test_row_order_changes_nothing(
    world: tuple[pl.DataFrame, pl.DataFrame, ItemSimilarity], seed: int
) -> None:
    recommendations, train, similarity = world
    shuffled, train_shuffled = (
        each.sample(fraction=1, shuffle=True, seed=seed) for each in (recommendations, train)
    )
    evenness = kernel.distributional_coverage(recommendations)
    assert kernel.distributional_coverage(shuffled) == pytest.approx(evenness, abs=1e-12)
    novelty = kernel.novelty(recommendations, train)
    assert kernel.novelty(shuffled, train_shuffled) == pytest.approx(novelty, abs=1e-12)
    spread = kernel.user_diversity(recommendations, similarity)
    assert_frame_equal(kernel.user_diversity(shuffled, similarity), spread, abs_tol=1e-12)
    luck = kernel.user_serendipity(recommendations, train, similarity)
    assert_frame_equal(
        kernel.user_serendipity(shuffled, train_shuffled, similarity), luck, abs_tol=1e-12
    )


def test_vectors_of_one_direction_are_alike_and_zero_vectors_are_like_nothing() -> None:
    features = pl.DataFrame(
        {"item": ["c", "a", "b"], "vector": [[0.0, 0.0], [1.0, 2.0], [3.0, 6.0]]}
    )
    similarity = ItemSimilarity.from_vectors(features)
    assert similarity.items.to_list() == ["a", "b", "c"]
    assert similarity.of_pairs(np.array([0, 0, 2]), np.array([1, 2, 2])).tolist() == [
        pytest.approx(1.0),
        0.0,
        0.0,
    ]


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"item": [1, 1], "vector": [[1.0], [2.0]]}, "features must hold each"),
        ({"item": [1, 2], "vector": [[1.0], [1.0, 2.0]]}, r"one length above 0, not \[1, 2\]"),
        ({"item": [1], "vector": [[math.nan]]}, "1 null, NaN or infinite"),
        ({"item": [1], "vector": [[1.0, None]]}, "1 null, NaN or infinite"),
        ({"item": [1, 2], "vector": [[1.0], None]}, "1 null values in column 'vector'"),
        ({"item": [1], "vector": [1.0]}, "must hold lists of numbers"),
        ({"item": [1], "vector": [["comedy"]]}, "must hold lists of numbers"),
        ({"item": [1]}, "lacks the columns"),
        ({"item": [], "vector": []}, "features has no rows"),
    ],
)
def test_unusable_features_are_rejected(features: dict[str, list[object]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ItemSimilarity.from_vectors(pl.DataFrame(features))


def test_items_unknown_to_train_or_similarity_are_named() -> None:
    with pytest.raises(ValueError, match="1 items that train does not, such as 77"):
        kernel.novelty(_frame([(1, 77), (2, 77)]), TRAIN)
    with pytest.raises(ValueError, match="1 items without a known similarity, such as 77"):
        kernel.user_diversity(_frame([(1, 77), (1, 3)]), COOCCURRENCE)
    few = ItemSimilarity.from_vectors(FEATURES.filter(pl.col("item") != 4))
    with pytest.raises(
        ValueError, match="train holds 1 items without a known similarity, such as 4"
    ):
        kernel.user_serendipity(RECOMMENDATIONS, TRAIN, few)


@pytest.mark.parametrize(
    ("recommendations", "train", "message"),
    [
        (RECOMMENDATIONS.clear(), TRAIN, "recommendations has no rows"),
        (pl.concat([RECOMMENDATIONS] * 2), TRAIN, "recommendations must hold each"),
        (RECOMMENDATIONS, pl.concat([TRAIN] * 2), "train must hold each"),
        (RECOMMENDATIONS.drop("user"), TRAIN, r"lacks the columns \['user'\]"),
        (RECOMMENDATIONS, TRAIN.with_columns(pl.col("item").cast(pl.String)), "different types"),
        (
            RECOMMENDATIONS.with_columns(relevance=pl.lit(math.nan)),
            TRAIN,
            "NaN or infinite values in column 'relevance'",
        ),
        (
            RECOMMENDATIONS.with_columns(item=pl.lit(None, dtype=pl.Int64)),
            TRAIN,
            "6 null values in column 'item'",
        ),
    ],
)
def test_unusable_frames_are_rejected(
    recommendations: pl.DataFrame, train: pl.DataFrame, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kernel.user_serendipity(recommendations, train, COOCCURRENCE)
