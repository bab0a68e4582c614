"""The movies of a bundle: their rendered descriptions and what they are filtered by."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys_assets.kernels.top_k import Ints
from recsys_assets.kernels.vectors import places_of
from recsys_assets.serving.folder import BundleReader, BundleWriter

Places = NDArray[np.int64]
MOST_GENRES = 64
"""Genres that can be filtered by: a bit each. Of more, the most frequent."""


@dataclass(frozen=True)
class Filters:
    """What an answer must leave out."""

    items: frozenset[int] = frozenset()
    """Items that are not wanted."""
    genre: str | None = None
    """Only items of this genre."""
    min_year: int | None = None
    """Only items of this year or later; those without a year are left out."""

    def __bool__(self) -> bool:
        return bool(self.items) or self.genre is not None or self.min_year is not None


class UnknownGenreError(ValueError):
    """A genre that no item of the bundle has."""


@dataclass(frozen=True)
class Catalogue:
    """Items by ascending id; other arrays speak of them by their place here."""

    ids: Ints
    fragments: list[bytes]
    """Of each item the inside of its JSON object: id, title, year, genres."""
    years: NDArray[np.int16]
    """0 where unknown."""
    genre_bits: NDArray[np.uint64]
    genres: list[str]
    titles: list[str]
    """In lower case, to be searched."""

    def places(self, items: Ints) -> tuple[Places, NDArray[np.bool_]]:
        """Places of items, and whether they are known."""
        return places_of(items, self.ids)

    def keeps(self, filters: Filters) -> NDArray[np.bool_]:
        """Of each item, whether the filters let it pass.

        Raises:
            UnknownGenreError: no item has the genre.
        """
        kept = np.ones(len(self.ids), bool)
        if filters.genre is not None:
            if filters.genre not in self.genres:
                known = ", ".join(sorted(self.genres))
                raise UnknownGenreError(f"genre {filters.genre!r} is none of: {known}")
            bit = np.uint64(1) << np.uint64(self.genres.index(filters.genre))
            kept &= (self.genre_bits & bit) > 0
        if filters.min_year is not None:
            kept &= self.years >= max(filters.min_year, 1)
        if filters.items:
            places, known_items = self.places(np.fromiter(filters.items, np.int32))
            kept[places[known_items]] = False
        return kept


def write_catalogue(writer: BundleWriter, movies: pl.DataFrame) -> dict[str, Any]:
    """Add the movies to a bundle; what its manifest must say of them.

    Args:
        writer: the bundle.
        movies: item, title, year and genres, by ascending item; all but the item may be missing.
    """
    counts = movies["genres"].explode().drop_nulls().value_counts(sort=True, name="count")
    genres = sorted(counts["genres"].head(MOST_GENRES).to_list())
    bit_of = {genre: 1 << bit for bit, genre in enumerate(genres)}
    lists = movies["genres"].to_list()
    bits = [sum(bit_of.get(g, 0) for g in set(row or [])) for row in lists]
    writer.array("item_ids", movies["item"].to_numpy().astype(np.int32))
    writer.array("item_years", movies["year"].fill_null(0).to_numpy().astype(np.int16))
    writer.array("item_genre_bits", np.array(bits, np.uint64))
    writer.text("items.jsonl", "\n".join(_fragment(*row) for row in movies.iter_rows()))
    titles = (
        movies["title"].fill_null("").str.to_lowercase().str.replace_all("\n", " ", literal=True)
    )
    writer.text("titles.txt", "\n".join(titles))
    return {"genres": genres}


def read_catalogue(reader: BundleReader) -> Catalogue:
    """The movies of a bundle."""
    ids = reader.array("item_ids")
    fragments = reader.lines("items.jsonl") if len(ids) else []
    return Catalogue(
        ids,
        fragments,
        reader.array("item_years"),
        reader.array("item_genre_bits"),
        list(reader.facts["genres"]),
        [line.decode() for line in reader.lines("titles.txt")] if len(ids) else [],
    )


def _fragment(item: int, title: str | None, year: int | None, genres: list[str] | None) -> str:
    described = {"item": item, "title": title, "year": year, "genres": genres or []}
    return json.dumps(described, ensure_ascii=False, separators=(",", ":"))[1:-1]
