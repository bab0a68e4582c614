import numpy as np
import pytest

from recsys_assets.kernels.recommenders.content import genre_rows, year_rows
from recsys_assets.kernels.recommenders.histories import Catalogue, build_catalogue
from recsys_assets.kernels.recommenders.linear import (
    CONTENT_WEIGHT,
    fit_ease,
    inverse,
    strongest_links,
)
from recsys_assets.kernels.recommenders.protocol import ItemContent, rating_data
from recsys_assets_tests.kernels.recommenders.worlds import taste_world


def catalogue(users: int, items: int, content: bool = True) -> Catalogue:
    frame, described = taste_world(users, items, 8)
    return build_catalogue(rating_data(frame), described if content else None)


def closed_form(known: Catalogue) -> np.ndarray:
    """Weights as the formula in the paper has them, row by row of the ridge regression."""
    z = (known.train.stars.toarray() > 0).astype(float)
    if known.content is not None:
        rows = [genre_rows(known.content).toarray(), year_rows(known.content).toarray()]
        z = np.vstack([z, *(CONTENT_WEIGHT * kind for kind in rows)])
    weights = np.zeros((z.shape[1], z.shape[1]))
    for target in range(z.shape[1]):
        others = np.delete(np.arange(z.shape[1]), target)
        gram = z[:, others].T @ z[:, others] + 5.0 * np.eye(len(others))
        weights[others, target] = np.linalg.solve(gram, z[:, others].T @ z[:, target])
    return weights


@pytest.mark.parametrize(("users", "items", "dual"), [(12, 60, True), (90, 20, False)])
@pytest.mark.parametrize("content", [True, False])
def test_both_forms_are_ridge_regressions_of_each_item_on_all_others(
    users: int, items: int, dual: bool, content: bool
) -> None:
    known = catalogue(users, items, content)
    member = fit_ease(known, 5.0, by_stars=False)
    assert (member.weights is None) == dual
    marks = (known.train.stars.toarray() > 0).astype(float)
    expected = marks @ closed_form(known)
    unseen = ~known.train.seen()
    found = member.score(known.train)
    np.testing.assert_allclose(found[unseen], expected[unseen], atol=2e-4)


@pytest.mark.parametrize("size", [(12, 60), (90, 20)])
def test_contributions_add_up_to_the_score(size: tuple[int, int]) -> None:
    known = catalogue(*size)
    member = fit_ease(known, 5.0, by_stars=True)
    scores, seen = member.score(known.train), known.train.seen()
    for user in range(5):
        history = known.train.part(np.array([user]))
        columns = np.flatnonzero(~seen[user])[:5]
        rated, added = member.contributions(history, columns)
        assert set(rated) == set(np.flatnonzero(seen[user]))
        np.testing.assert_allclose(added.sum(axis=0), scores[user, columns], atol=1e-4)


def test_an_item_nobody_rated_is_linked_by_its_genre() -> None:
    frame, content = taste_world()
    genres = [*content.genres, ["Horror"]]
    more = ItemContent(
        np.append(content.items, 1_000).astype(np.int32),
        [*content.titles, "New"],
        np.append(content.years, np.nan).astype(np.float32),
        genres,
    )
    known = build_catalogue(rating_data(frame), more)
    scores = fit_ease(known, 50.0, by_stars=False).score(known.train)[:, -1]
    horror = known.users % 4 == 0
    assert np.median(scores[horror]) > np.quantile(scores[~horror], 0.95)


def test_the_strongest_links_are_the_greatest_weights() -> None:
    for size in ((12, 60), (90, 20)):
        known = catalogue(*size)
        item, rank, linked, weight = strongest_links(fit_ease(known, 5.0, by_stars=False), 3)
        expected = closed_form(known)
        for target in (0, 7):
            of_target = item == target
            best = np.sort(expected[:, target])[::-1][: of_target.sum()]
            np.testing.assert_allclose(weight[of_target], best, atol=2e-4)
            np.testing.assert_allclose(expected[linked[of_target], target], best, atol=2e-4)
            assert rank[of_target].tolist() == list(range(1, of_target.sum() + 1))


def test_the_inverse_is_one() -> None:
    x = np.random.default_rng(0).normal(size=(20, 30))
    gram = x.T @ x
    np.testing.assert_allclose(
        inverse(gram, 0.5) @ (gram + 0.5 * np.eye(30)), np.eye(30), atol=1e-9
    )
