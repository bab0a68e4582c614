"""Small worlds of ratings with a known structure."""

import numpy as np
import polars as pl

from recsys_assets.kernels.recommenders.protocol import ItemContent

GENRES = ("Action", "Comedy", "Drama", "Horror")


def taste_world(
    users: int = 150, items: int = 80, ratings: int = 20, seed: int = 0
) -> tuple[pl.DataFrame, ItemContent]:
    """Users who mostly rate items of their own genre, and rate those higher.

    Item ids are multiples of 3; item n has genre n modulo 4. Later users rate later items.
    """
    rng = np.random.default_rng(seed)
    genre = np.arange(items) % len(GENRES)
    base = rng.exponential(1.0, items)
    rows = []
    for user in range(users):
        own = genre == user % len(GENRES)
        weight = base * np.where(own, 12.0, 1.0)
        for n, item in enumerate(rng.choice(items, ratings, False, weight / weight.sum())):
            stars = np.clip(np.round(2 * rng.normal(4.0 if own[item] else 2.5, 0.5)) / 2, 0.5, 5)
            rows.append((user + 1, 3 * int(item) + 3, float(stars), 1_000_000 * user + n))
    frame = pl.DataFrame(rows, schema=["user", "item", "rating", "timestamp"], orient="row")
    ids = 3 * np.arange(items, dtype=np.int32) + 3
    content = ItemContent(
        ids,
        [f"Picture {n} of {GENRES[g]}" for n, g in enumerate(genre)],
        np.where(np.arange(items) % 10 == 9, np.nan, 1980 + np.arange(items) % 40).astype("f4"),
        [[GENRES[g]] for g in genre],
    )
    return frame, content


def split_rows(frame: pl.DataFrame, share: float = 0.75) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Random parts of the rows."""
    inside = pl.Series(np.random.default_rng(5).random(frame.height) < share)
    return frame.filter(inside), frame.filter(~inside)


def ndcg(scores: np.ndarray, items: np.ndarray, users: np.ndarray, train, test, k: int = 10):  # type: ignore[no-untyped-def]
    """NDCG@k of each user, items of training left out."""
    values = []
    for row, user in enumerate(users):
        seen = train.filter(user=int(user))["item"].to_numpy()
        truth = set(test.filter(user=int(user))["item"].to_list())
        if not truth:
            continue
        masked = np.where(np.isin(items, seen), -np.inf, scores[row])
        best = items[np.argsort(-masked, kind="stable")[:k]]
        gains = [1 / np.log2(place + 2) for place, item in enumerate(best) if item in truth]
        values.append(sum(gains) / sum(1 / np.log2(np.arange(2, 2 + min(k, len(truth))))))
    return np.array(values)
