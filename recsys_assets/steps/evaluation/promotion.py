"""Champion and challenger of each ranking model on the same held-out users.

    registry + interactions (test) -> promotion, by nDCG over users

Both are asked through the registry, as whoever serves them asks, so that nothing but the model
itself differs. A challenger takes the place only by a significant win on the main metric with no
guard metric below its limit; `recsys promote` and `recsys demote` overrule it. A champion that was
trained on ratings which have been withdrawn since gives its place without a win.
"""

from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, field_validator

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import PROMOTION
from recsys_assets.kernels.metrics.diversity import catalog_coverage
from recsys_assets.kernels.metrics.ranking import ranking_by_user
from recsys_assets.kernels.metrics.segments import LIGHT, NEW, user_segments
from recsys_assets.kernels.promotion import Decision, Guard, decide, without_win
from recsys_assets.kernels.splits import pair_hashes
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.registry.champions import aliases, undecided
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.evaluation.promotion_report import conclude
from recsys_assets.steps.evaluation.trained import trained_on
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.recommenders.models import CONTENT_MODEL, ITEM_MODEL, RANK_MODEL
from recsys_assets.steps.recommenders.popularity import POPULARITY_MODEL
from recsys_assets.steps.report import StepReport, not_landed
from recsys_assets.steps.session import Session

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

RANKING_MODELS = (RANK_MODEL, ALS_MODEL, ITEM_MODEL, CONTENT_MODEL, POPULARITY_MODEL)
_USERS_AT_ONCE = 512
"""Users asked for at once: a model may answer with as many rows as there are items for each."""
Floats = NDArray[np.float64]


class PromotionParams(StepParams):
    """What a challenger has to show."""

    models: list[str] = Field(default=list(RANKING_MODELS), min_length=1)
    """Registered models that answer ``user`` and ``k`` with ranked items."""
    k: int = Field(default=10, ge=1)
    """Length of the lists."""
    coverage_margin: float = Field(default=0.1, ge=0, le=1)
    """Share of the champion's catalogue coverage that may be lost."""
    cold_margin: float = Field(default=0.05, ge=0, le=1)
    """Share of the champion's nDCG for new and light users that may be lost."""
    most_users: int = Field(default=20_000, ge=1)
    """Of more test users, so many are drawn by a hash."""
    seed: int = Field(default=42, ge=0)
    """Of the draw and of the bootstrap."""

    @field_validator("models")
    @classmethod
    def _are_known(cls, models: list[str]) -> list[str]:
        unknown = sorted(set(models) - set(RANKING_MODELS))
        if unknown:
            known = ", ".join(RANKING_MODELS)
            raise ValueError(f"no ranking model is called {', '.join(unknown)}: there are {known}")
        return models


def decide_promotion(session: Session, params: PromotionParams) -> StepReport:
    """Let the challenger of each ranking model take its champion's place, or say why not."""
    if not session.lake.exists(INTERACTIONS):
        return not_landed("ratings")
    bench = _RankingBench(session, params)
    if bench.truth.is_empty():
        return StepReport(failed="the test part holds no row: there is nothing to judge by")
    decisions = {}
    for name in params.models:
        known = aliases(session.registry, name)
        if known:
            reason = undecided(session.registry, name, known)
            decisions[name] = known, reason or _try_ranking(session, name, bench)
    return conclude(session, PROMOTION, decisions, "test users")


class _RankingBench:
    """The held-out rows and histories by which both are judged."""

    def __init__(self, session: Session, params: PromotionParams) -> None:
        columns = ("user", "item", "timestamp", "split")
        table = session.lake.scan(INTERACTIONS).select(*columns).collect()
        self.rated = table.select("user", "item", "timestamp")
        test = table.filter(split="test").select("user", "item")
        self.params = params
        self.train = table.filter(split="train").select("user", "item")
        self.users = _drawn(test["user"].unique().sort(), params.most_users, params.seed)
        of_users = pl.col("user").is_in(self.users.implode())
        self.truth = test.filter(of_users).sort("user", "item")
        self.seen = table.filter(pl.col("split") != "test", of_users).select("user", "item")
        segments = user_segments(self.train, self.users)
        self.cold = segments.filter(pl.col("segment").is_in([NEW, LIGHT]))["user"]

    def without(self, trained: pl.DataFrame) -> "_RankingBench":
        """The same bench, less the test rows that a model was trained on: it would not list them.

        They count as seen by their users, whichever model is asked.
        """
        other = copy(self)
        known = self.truth.join(trained, on=["user", "item"], how="semi")
        other.truth = self.truth.join(known, on=["user", "item"], how="anti")
        other.seen = pl.concat([self.seen, known])
        return other

    def withdrawn(self, trained: pl.DataFrame) -> int:
        """How many of a model's training ratings are gone; one that was rated anew is not."""
        now = pl.col("timestamp_now")
        found = trained.join(self.rated, on=["user", "item"], how="left", suffix="_now")
        return found.filter(now.is_null() | (now < pl.col("timestamp"))).height

    def judge(self, model: "PyFuncModel") -> tuple[Floats, float, float]:
        """NDCG of each user, coverage of the catalogue, mean nDCG of cold users."""
        lists = pl.concat(list(self._lists(model)))
        by_user = ranking_by_user(lists, self.truth, self.params.k)
        cold = by_user.filter(pl.col("user").is_in(self.cold.implode()))["ndcg_at_k"].to_numpy()
        known = lists.join(self.train.select("item").unique(), on="item", how="semi")
        coverage = catalog_coverage(known, self.train) if known.height else 0.0
        return by_user["ndcg_at_k"].to_numpy(), coverage, float(cold.mean()) if len(cold) else 0.0

    def _lists(self, model: "PyFuncModel") -> Iterator[pl.DataFrame]:
        """The k best unseen items of each user: so many are asked for that seen ones may go."""
        counts = self.seen.group_by("user").agg(seen=pl.len())
        asked = self.users.to_frame("user").join(counts, on="user", how="left").sort("user")
        wanted = asked.with_columns(k=pl.col("seen").fill_null(0) + self.params.k)
        for start in range(0, wanted.height, _USERS_AT_ONCE):
            block = wanted[start : start + _USERS_AT_ONCE]
            request = block.select(pl.col("user", "k").cast(pl.Int64)).to_pandas()
            answer = pl.from_pandas(model.predict(request)).select(
                pl.col("user", "item").cast(pl.Int32), pl.col("rank").cast(pl.Int32)
            )
            unseen = answer.join(self.seen, on=["user", "item"], how="anti").sort("user", "rank")
            place = pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user")
            yield unseen.with_columns(rank=place).filter(pl.col("rank") <= self.params.k)


def _drawn(users: pl.Series, most: int, seed: int) -> pl.Series:
    if len(users) <= most:
        return users
    hashes = pair_hashes(users.to_numpy(), np.zeros(len(users), np.int32), seed)
    return users.gather(np.sort(np.argsort(hashes, kind="stable")[:most]))


def _try_ranking(session: Session, name: str, bench: _RankingBench) -> Decision | str:
    """The decision on a model, or why the two cannot be compared."""
    champion, challenger = (trained_on(session, name, a) for a in (CHAMPION, CHALLENGER))
    bench = bench.without(champion).without(challenger)
    if bench.truth.is_empty():
        return "one of the two was trained on every test row: nothing to judge by is left"
    old, new = (bench.judge(session.registry.load(name, a)) for a in (CHAMPION, CHALLENGER))
    params = bench.params
    guards = [
        Guard.relative("catalog_coverage", old[1], new[1], params.coverage_margin),
        Guard.relative("ndcg_cold_users", old[2], new[2], params.cold_margin),
    ]
    decision = decide(f"ndcg@{params.k}", old[0], new[0], guards, params.seed)
    # A challenger that knows of them, too, is no better. One that won need not be looked at.
    keeps = decision.promoted or bench.withdrawn(challenger)
    return without_win(decision, 0 if keeps else bench.withdrawn(champion), "ratings")
