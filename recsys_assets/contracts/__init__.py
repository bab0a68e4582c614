"""Contracts: the one place where a rule about data is written."""

import recsys_assets.contracts.lean_pandera  # noqa: F401  before any contract
from recsys_assets.contracts.clicks import CLICKS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.feedback import FEEDBACK
from recsys_assets.contracts.movies import MOVIES
from recsys_assets.contracts.offers import OFFERS
from recsys_assets.contracts.ratings import RATINGS

DATASETS: dict[str, Dataset] = {d.name: d for d in (RATINGS, MOVIES, CLICKS, FEEDBACK, OFFERS)}
"""Data sets that can be landed, by name."""
