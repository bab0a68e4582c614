"""Laws of the invented catalogue: distinct titles, unusual characters, plausible genres."""

import numpy as np
import pytest

from recsys_assets.synthetic import titles


@pytest.mark.parametrize("count", [1, 3, 50, 20_000])
def test_titles_are_distinct(count: int) -> None:
    names = titles.invent_titles(np.random.default_rng(1), count)
    assert len(names) == len(set(names)) == count


def test_even_a_small_catalogue_has_quotes_commas_and_accents() -> None:
    for seed in range(20):
        text = "".join(titles.invent_titles(np.random.default_rng(seed), 3))
        assert '"' in text
        assert "," in text
        assert not text.isascii()


def test_a_repeated_title_is_numbered_before_its_article() -> None:
    names = titles.invent_titles(np.random.default_rng(1), 20_000)
    sequels = [name for name in names if name.endswith(" 2, The")]
    assert sequels
    assert all(name.replace(" 2, The", ", The") in names for name in sequels)


def test_articles_fit_the_word_they_stand_before() -> None:
    names = titles.invent_titles(np.random.default_rng(1), 20_000)
    parts = [name.rpartition(", ") for name in names]
    said = {(title[0] in "AEIOU", article) for title, _, article in parts if article in ("A", "An")}
    assert said == {(True, "An"), (False, "A")}


def test_genres_have_the_published_shares() -> None:
    genres = titles.draw_genres(np.random.default_rng(1), 20_000)
    per_film = genres.sum(axis=1)
    assert (per_film.min(), per_film.max()) == (1, len(titles.GENRES_PER_FILM))
    shares = dict(zip(titles.GENRE_SHARES, genres.mean(axis=0), strict=True))
    for name, share in titles.GENRE_SHARES.items():
        assert shares[name] == pytest.approx(share, rel=0.4), name


def test_related_genres_come_together() -> None:
    genres = titles.draw_genres(np.random.default_rng(1), 20_000)
    column = {name: genres[:, i] for i, name in enumerate(titles.GENRE_SHARES)}
    with_children = column["Animation"][column["Children"]].mean()
    assert with_children > 2 * column["Animation"].mean()


def test_years_are_past_and_mostly_recent() -> None:
    years = titles.draw_years(np.random.default_rng(1), 20_000)
    assert years.min() >= 1903
    assert years.max() <= titles.LATEST_YEAR
    assert titles.LATEST_YEAR - np.median(years) == pytest.approx(18, abs=2)
