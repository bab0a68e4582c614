import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.recommenders.blend import learn_weights, normalize, normalize_groups
from recsys_assets.kernels.recommenders.content import fit_content
from recsys_assets.kernels.recommenders.features import FACTS, candidate_features, item_facts
from recsys_assets.kernels.recommenders.histories import build_catalogue, history_of
from recsys_assets.kernels.recommenders.latent import fit_latent, with_content
from recsys_assets.kernels.recommenders.members import fit_members
from recsys_assets.kernels.recommenders.neighbours import fit_item_neighbours, fit_user_ridge
from recsys_assets.kernels.recommenders.popularity import (
    YEAR,
    choose_half_life,
    fit_timed_popularity,
    newcomer_popularity,
)
from recsys_assets.kernels.recommenders.protocol import ItemContent, rating_data
from recsys_assets.kernels.recommenders.reasons import FALLBACK, sentence
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets_tests.kernels.recommenders.worlds import GENRES, taste_world

FRAME, CONTENT = taste_world()
KNOWN = build_catalogue(rating_data(FRAME), CONTENT)


@pytest.mark.parametrize("name", sorted(fit_members(KNOWN, 100.0, 1)))
def test_members_score_everything_and_histories_alone_decide(name: str) -> None:
    member = fit_members(KNOWN, 100.0, 1)[name]
    scores = member.score(KNOWN.train)
    assert scores.shape == (len(KNOWN.users), len(KNOWN.items))
    assert np.isfinite(scores).all()
    some = np.array([5, 3, 9])
    np.testing.assert_allclose(member.score(KNOWN.train.part(some)), scores[some], atol=1e-4)
    np.testing.assert_allclose(
        member.score(KNOWN.histories(KNOWN.users[some])), scores[some], atol=1e-4
    )


def test_vectors_of_items_nobody_rated_follow_from_their_content() -> None:
    action = np.arange(len(KNOWN.items)) % len(GENRES) == 0
    hidden = KNOWN.items[action][:5]
    rated = FRAME.filter(~pl.col("item").is_in(hidden.tolist()))
    known = build_catalogue(rating_data(rated), CONTENT)
    fitted = fit_latent(known, Objective(8, 0.2, 0.6), seed=1)
    member = with_content(fitted, known)
    column = np.searchsorted(known.items, hidden)
    assert member.content_factors is not None
    assert np.abs(member.content_factors[column]).max() > 0
    # Fans of a genre come every fourth user: of what nobody rated they prefer their own.
    scores = member.score_all(known.train)
    fans = np.arange(len(known.users)) % len(GENRES) == 0
    assert scores[fans][:, column].mean() > 2 * scores[~fans][:, column].mean()
    # Nothing else changes.
    rest = np.setdiff1d(np.arange(len(known.items)), column)
    rated = rest[known.counts()[rest] > 0]
    np.testing.assert_allclose(scores[:, rated], fitted.score(known.train)[:, rated], atol=1e-6)
    np.testing.assert_array_equal(fitted.score(known.train)[:, column], 0)


def test_item_neighbours_are_shrunk_cosines() -> None:
    similarities = fit_item_neighbours(KNOWN).similarities.toarray()
    marks = KNOWN.train.stars.toarray() > 0
    both = (marks[:, 3] & marks[:, 8]).sum()
    expected = both / (np.sqrt(marks[:, 3].sum() * marks[:, 8].sum()) + 20)
    assert similarities[3, 8] == pytest.approx(expected, rel=1e-5)
    assert (similarities.diagonal() == 0).all()


def test_nobody_explains_themselves() -> None:
    member = fit_user_ridge(KNOWN, 10.0)
    marks = member.marks.toarray()
    others = np.arange(1, len(marks))
    gram = marks[others] @ marks[others].T + 10.0 * np.eye(len(others))
    weights = np.linalg.solve(gram, marks[others] @ marks[0])
    expected = weights @ marks[others]
    found = member.score(KNOWN.train.part(np.array([0])))[0]
    # The same direction: a list does not depend on the length.
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=1e-3)


def test_content_prefers_the_genre_of_the_profile() -> None:
    new = history_of(KNOWN, np.array([3, 15], np.int32), np.array([5, 4], np.float32))
    scores = fit_content(KNOWN).score(new)[0]
    action = np.arange(len(KNOWN.items)) % len(GENRES) == 0
    assert scores[action].min() > scores[~action].max()


def test_recent_newcomers_decide_where_tastes_move() -> None:
    frame, _ = taste_world(users=60, items=40, ratings=10)
    moved = frame.with_columns(
        timestamp=(frame["user"] * int(YEAR / 2)),
        item=(frame["item"] + 300 * (frame["user"] // 15)).cast(int),
    )
    known = build_catalogue(rating_data(moved), None)
    half_life = choose_half_life(known)
    assert np.isfinite(half_life)
    best = known.items[np.argsort(-newcomer_popularity(known, half_life))[:5]]
    assert best.min() > 900


@pytest.mark.parametrize("seed", range(20))
def test_where_all_lists_hold_the_same_movies_all_ratings_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((60, 10)) < 0.5)
    frame = pl.DataFrame(
        {"user": user + 1, "item": item + 1, "rating": 4.0, "timestamp": user * int(YEAR / 10)}
    )
    assert choose_half_life(build_catalogue(rating_data(frame), None)) == np.inf


def test_without_times_all_newcomers_count_the_same() -> None:
    known = build_catalogue(rating_data(FRAME.drop("timestamp")), None)
    assert choose_half_life(known) == np.inf
    counts = known.counts()
    scores = newcomer_popularity(known, np.inf)
    assert np.argmax(scores) == np.argmax(counts)


def test_timed_popularity_counts_those_of_the_time() -> None:
    days = [0, 0, 400, 900, 1_000]
    rated = [[1], [1, 2], [2], [2, 3], [3]]
    rows = [(u, i, 3.0, 86_400 * days[u]) for u, items in enumerate(rated) for i in items]
    columns = ["user", "item", "rating", "timestamp"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    known = build_catalogue(rating_data(frame), None)
    found = fit_timed_popularity(known).score(known.train)
    width = (1_000 * 86_400 + 1) / 64
    for user, day in enumerate(days):
        # As seen from the middle of the user's own bin of time, halved in ln 2 times two years.
        middle = (min(int(day * 86_400 / width), 63) + 0.5) * width
        for column, item in enumerate([1, 2, 3]):
            away = [abs(middle - 86_400 * days[u]) for u in range(5) if item in rated[u]]
            counted = sum(np.exp(-seconds / (2 * YEAR)) for seconds in away)
            assert found[user, column] == pytest.approx(np.log1p(counted), rel=1e-5)
    whenever = np.log1p(known.counts())
    stranger = fit_timed_popularity(known).score(known.histories(np.array([9], np.int32)))
    timeless = build_catalogue(rating_data(frame.drop("timestamp")), None)
    for same in (stranger[0], *fit_timed_popularity(timeless).score(timeless.train)):
        np.testing.assert_allclose(same, whenever)


def test_facts_of_user_and_item_are_those_of_training() -> None:
    """Two users, three movies with genres A, A and B, and B, and one nobody rated."""
    day = 86_400
    rows = [(1, 1, 5.0, 0), (1, 2, 3.0, 731 * day), (2, 2, 4.0, 1_096 * day)]
    columns = ["user", "item", "rating", "timestamp"]
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    genres, years = [["A"], ["A", "B"], ["B"], ["B"]], [1960.0, 1970.0, 1980.0, np.nan]
    content = ItemContent(np.arange(1, 5, dtype=np.int32), [""] * 4, np.array(years, "f4"), genres)
    known = build_catalogue(rating_data(frame), content)
    users, items = np.array([0, 1, 1]), np.array([2, 0, 3])
    found = candidate_features({}, users, items, known.train, item_facts(known))
    facts = {name: found.features[:, n].tolist() for n, name in enumerate(FACTS)}
    nan = float("nan")
    # Of three ratings all are of A and two of B; shrunk by five ratings at these shares.
    lean = [
        np.log((own + 5 * share) / ((n + 5) * share))
        for own, share, n in ((1, 2 / 3, 2), (1, 1, 1), (1, 2 / 3, 1))
    ]
    expected = {
        "item_ratings": [0.0, np.log(2), 0.0],
        "user_ratings": [np.log(3), np.log(2), np.log(2)],
        "year": [1980.0, 1960.0, nan],
        "age_at_last_rating": [1970 + 731 / 365.25 - 1980, 1970 + 1_096 / 365.25 - 1960, nan],
        "years_since_item_came": [nan, 1_096 / 365.25, nan],
        "year_against_profile": [15 / np.sqrt(25 + 4), -10 / 2, nan],
        "genres_against_profile": lean,
        "user_mean": [4.0, 4.0, 4.0],
        "item_mean": [4.0, (5 + 5 * 4) / 6, 4.0],
        "user_span": [731 / 365.25, 0.0, 0.0],
    }
    assert tuple(expected) == FACTS
    for name, values in expected.items():
        np.testing.assert_allclose(facts[name], values, rtol=1e-4, atol=1e-4, err_msg=name)


def test_normalized_scores_have_no_scale_and_leave_the_seen_out() -> None:
    rng = np.random.default_rng(2)
    scores, seen = rng.normal(size=(4, 50)).astype("f4"), rng.random((4, 50)) < 0.2
    found = normalize(scores, seen)
    assert (found[seen] == 0).all()
    for row in range(4):
        unseen = found[row, ~seen[row]]
        assert unseen.mean() == pytest.approx(0, abs=1e-5)
        assert unseen.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found, normalize(7 * scores + 3, seen), atol=1e-4)
    nothing = np.array([[True, True], [False, False]])
    assert normalize(np.array([[4.0, 9.0], [5.0, 5.0]], "f4"), nothing).tolist() == [[0, 0], [0, 0]]
    grouped = normalize_groups(np.array([1.0, 3.0, 5.0, 5.0]), np.array([2, 2]))
    assert grouped.tolist() == [-1.0, 1.0, 0.0, 0.0]


def test_weights_find_the_feature_that_tells() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3_000, 3)).astype("f4")
    labels = np.zeros(3_000, np.int8)
    counts = np.full(100, 30)
    told = features[:, 1].reshape(100, 30).argmax(axis=1)
    labels[np.arange(100) * 30 + told] = 1
    weights = learn_weights(features, labels, counts)
    assert weights[1] > 10 * np.abs(weights[[0, 2]]).max()


def test_somebody_unknown_gets_what_newcomers_rate() -> None:
    newcomers = newcomer_popularity(KNOWN, np.inf)
    model = SingleMember(KNOWN, fit_content(KNOWN), newcomers)
    scores = model.scores(np.array([10_000, 1], np.int32))
    np.testing.assert_array_equal(scores[0], newcomers)
    assert not np.array_equal(scores[1], newcomers)
    assert model.scores(np.empty(0, np.int32)).shape == (0, len(KNOWN.items))


def test_reasons_in_words() -> None:
    titles = {1: "Heat", 2: "Ronin"}
    assert sentence([1, 2], titles) == "because you rated Heat and Ronin"
    assert sentence([2], titles) == "because you rated Ronin"
    assert sentence([], titles) == FALLBACK
    assert sentence([9], titles) == FALLBACK


def test_fold_in_leaves_unknown_items_out() -> None:
    asked = history_of(KNOWN, np.array([4, 9], np.int32), np.array([5, 3], np.float32))
    assert isinstance(asked.stars, csr_matrix)
    assert asked.stars.nnz == 1
    assert asked.stars.indices.tolist() == [2]
