"""What items are, as matrices, and recommending by likeness of content alone."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, vstack

from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.protocol import ItemContent, Scores

WORDS_AT_MOST = 2_000
_WORD = re.compile(r"[^\W\d_]{3,}")
_STOP_WORDS = frozenset(("the", "and", "for", "with", "from", "der", "die", "das", "les", "des"))


def genre_rows(content: ItemContent) -> csr_matrix:
    """Genres x items, 1 where the item has the genre."""
    return _rows_of([sorted(set(genres)) for genres in content.genres])


def year_rows(content: ItemContent) -> csr_matrix:
    """Years x items, 1 at the item's year."""
    return _rows_of([[str(int(y))] if np.isfinite(y) else [] for y in content.years])


def word_rows(content: ItemContent) -> csr_matrix:
    """Title words x items: words that two titles share, the most frequent of them."""
    words = [sorted(set(_WORD.findall(title.lower())) - _STOP_WORDS) for title in content.titles]
    counts = Counter(word for of_title in words for word in of_title)
    kept = {word for word, n in counts.most_common(WORDS_AT_MOST) if n > 1}
    return _rows_of([[word for word in of_title if word in kept] for of_title in words])


def content_features(content: ItemContent) -> csr_matrix:
    """Items x (genres, years, title words), 1 where the item has the feature."""
    kinds = [rows(content) for rows in (genre_rows, year_rows, word_rows)]
    return vstack(kinds).T.tocsr()


def _rows_of(labels: list[list[str]]) -> csr_matrix:
    names = sorted({name for of_item in labels for name in of_item})
    row = {name: at for at, name in enumerate(names)}
    rows = [row[name] for of_item in labels for name in of_item]
    columns = np.repeat(np.arange(len(labels)), [len(of_item) for of_item in labels])
    shape = (len(names), len(labels))
    return csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)


@dataclass(frozen=True)
class ContentMember:
    """Cosine of the user's profile, the sum of what they rated, with each item."""

    profile_rows: csr_matrix
    """Features x items: TF-IDF weights, columns of length 1."""

    def score(self, histories: Histories) -> Scores:
        """Users x catalogue: inner product of mean profile and item."""
        rated = histories.stars.copy()
        rated.data = np.ones_like(rated.data)
        counts = np.maximum(np.diff(rated.indptr), 1)[:, np.newaxis]
        profile = (rated @ self.profile_rows.T).toarray() / counts
        return np.asarray(profile @ self.profile_rows, np.float32)


def fit_content(catalogue: Catalogue) -> ContentMember:
    """TF-IDF of genres, year and title words; all zero where no content is known."""
    width = len(catalogue.items)
    if catalogue.content is None:
        return ContentMember(csr_matrix((1, width), dtype=np.float32))
    features = content_features(catalogue.content).T.tocsr()
    frequency = np.asarray(features.sum(axis=1)).ravel()
    features = features.multiply(np.log1p(width / (1 + frequency))[:, np.newaxis]).tocsc()
    length = np.sqrt(np.asarray(features.power(2).sum(axis=0)).ravel())
    features = features.multiply(1 / np.maximum(length, 1e-9)).tocsr()
    return ContentMember(features.astype(np.float32))
