"""Champion and challenger on the same held-out rows: who is used from now on.

    registry + interactions (test) -> promotion        models that rank, by nDCG over users
    registry + clicks (test)       -> click_promotion  the click model, by log loss over rows

Both are asked through the registry, as whoever serves them asks, so that nothing but the model
itself differs. A challenger takes the place only by a significant win on the main metric with no
guard metric below its limit; `recsys promote` and `recsys demote` overrule it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from recsys_assets.contracts.click_tables import CLICK_FEATURES, CLICK_MODEL
from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.contracts.models import CLICK_PROMOTION, PROMOTION, Promotion
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.metrics.classification import ece
from recsys_assets.kernels.metrics.diversity import catalog_coverage
from recsys_assets.kernels.metrics.ranking import ranking_by_user
from recsys_assets.kernels.metrics.segments import LIGHT, NEW, user_segments
from recsys_assets.kernels.promotion import Decision, Guard, decide
from recsys_assets.kernels.report_page import Section, render_page
from recsys_assets.kernels.splits import pair_hashes
from recsys_assets.lake.store import scan_parquet
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.registry.champions import aliases, keep_reason, promote
from recsys_assets.steps.als import ALS_MODEL
from recsys_assets.steps.click_scores import feature_parts
from recsys_assets.steps.clicks import click_parts, nothing_landed
from recsys_assets.steps.popularity import POPULARITY_MODEL
from recsys_assets.steps.rank_model import CONTENT_MODEL, ITEM_MODEL, RANK_MODEL
from recsys_assets.steps.report import StepReport, keep_page
from recsys_assets.steps.session import Session

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel

RANKING_MODELS = (RANK_MODEL, ALS_MODEL, ITEM_MODEL, CONTENT_MODEL, POPULARITY_MODEL)
_USERS_AT_ONCE = 512
"""Users asked for at once: a model may answer with as many rows as there are items for each."""
_ROWS_AT_ONCE = 100_000
Floats = NDArray[np.float64]


class PromotionParams(BaseModel):
    """What a challenger has to show."""

    models: list[str] = Field(default=list(RANKING_MODELS))
    """Registered models that answer ``user`` and ``k`` with ranked items."""
    k: int = Field(default=10, ge=1)
    """Length of the lists."""
    coverage_margin: float = Field(default=0.1, ge=0, le=1)
    """Share of the champion's catalogue coverage that may be lost."""
    cold_margin: float = Field(default=0.05, ge=0, le=1)
    """Share of the champion's nDCG for new and light users that may be lost."""
    most_users: int = Field(default=20_000, ge=1)
    """Of more test users, so many are drawn by a hash."""
    seed: int = 42
    """Of the draw and of the bootstrap."""


class ClickPromotionParams(BaseModel):
    """What a click challenger has to show."""

    calibration_margin: float = Field(default=0.002, ge=0)
    """By how much the calibration error may grow."""
    most_rows: int = Field(default=200_000, ge=1)
    """Of more test rows, the latest so many."""
    seed: int = 42
    """Of the bootstrap."""


def decide_promotion(session: Session, params: PromotionParams) -> StepReport:
    """Let the challenger of each ranking model take its champion's place, or say why not."""
    if not session.lake.exists(INTERACTIONS):
        return StepReport(skipped="no ratings landed yet: see `recsys land --help`")
    bench = _RankingBench(session, params)
    if bench.truth.is_empty():
        return StepReport(failed="the test part holds no row: there is nothing to judge by")
    decisions = {}
    for name in params.models:
        known = aliases(session.registry, name)
        if known:
            decisions[name] = known, _try_ranking(session, name, known, bench)
    return _conclude(session, PROMOTION, decisions, f"{bench.users.len():,} test users")


def decide_click_promotion(session: Session, params: ClickPromotionParams) -> StepReport:
    """Let the challenger of the click model take its champion's place, or say why not."""
    if report := nothing_landed(session):
        return report
    known = aliases(session.registry, CLICK_MODEL)
    if not known or not session.lake.exists(CLICK_FEATURES):
        return StepReport(skipped="no click model is registered yet: nothing to decide")
    decision = None
    rows = _latest_clicks(session, params.most_rows)
    if known[CHAMPION] != known[CHALLENGER]:
        decision = _try_clicks(session, rows, params)
    return _conclude(
        session, CLICK_PROMOTION, {CLICK_MODEL: (known, decision)}, f"{rows.height:,} test rows"
    )


class _RankingBench:
    """The held-out rows and histories by which both are judged."""

    def __init__(self, session: Session, params: PromotionParams) -> None:
        table = session.lake.scan(INTERACTIONS).select("user", "item", "split").collect()
        test = table.filter(split="test").select("user", "item")
        self.params = params
        self.train = table.filter(split="train").select("user", "item")
        self.users = _drawn(test["user"].unique().sort(), params.most_users, params.seed)
        of_users = pl.col("user").is_in(self.users.implode())
        self.truth = test.filter(of_users).sort("user", "item")
        self.seen = table.filter(pl.col("split") != "test", of_users).select("user", "item")
        segments = user_segments(self.train, self.users)
        self.cold = segments.filter(pl.col("segment").is_in([NEW, LIGHT]))["user"]

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


def _try_ranking(
    session: Session, name: str, known: dict[str, int], bench: _RankingBench
) -> Decision | None:
    """The decision on a model; None where the challenger is the champion already."""
    if known[CHAMPION] == known[CHALLENGER]:
        return None
    old, new = (bench.judge(session.registry.load(name, a)) for a in (CHAMPION, CHALLENGER))
    params = bench.params
    guards = [
        Guard.relative("catalog_coverage", old[1], new[1], params.coverage_margin),
        Guard.relative("ndcg_cold_users", old[2], new[2], params.cold_margin),
    ]
    return decide(f"ndcg@{params.k}", old[0], new[0], guards, params.seed)


def _latest_clicks(session: Session, most: int) -> pl.DataFrame:
    """The last rows of the test part, as they were landed: the test part is the latest clicks."""
    tested = sum(part.rows for part in feature_parts(session, "test"))
    parts = [part.path for part in click_parts(session.lake)]
    rows = scan_parquet(*parts).select(LABEL, *NUMBERS, *CATEGORIES)
    return rows.tail(min(tested, most)).collect()


def _try_clicks(session: Session, rows: pl.DataFrame, params: ClickPromotionParams) -> Decision:
    label = rows[LABEL].cast(pl.Float64).to_numpy()
    old, new = (
        _probabilities(session.registry.load(CLICK_MODEL, alias), rows)
        for alias in (CHAMPION, CHALLENGER)
    )
    calibration = Guard.absolute("ece", ece(label, old), ece(label, new), params.calibration_margin)
    return decide(
        "log likelihood", _likelihood(label, old), _likelihood(label, new), [calibration],
        params.seed,
    )  # fmt: skip


def _probabilities(model: "PyFuncModel", rows: pl.DataFrame) -> Floats:
    blocks = [rows[n : n + _ROWS_AT_ONCE] for n in range(0, rows.height, _ROWS_AT_ONCE)]
    answers = [pd.DataFrame(model.predict(_request(block))) for block in blocks]
    return pd.concat(answers)["probability"].to_numpy(np.float64)


def _request(rows: pl.DataFrame) -> pd.DataFrame:
    """Rows in the types of the model's signature: numbers may be missing."""
    numbers = [pl.col(name).cast(pl.Float64) for name in NUMBERS]
    return rows.select(*numbers, *CATEGORIES).to_pandas()


def _likelihood(label: Floats, probability: Floats) -> Floats:
    """Log of the probability that each row's own label was given; its negative mean is log loss."""
    epsilon = np.finfo(np.float64).eps
    given = np.where(label == 1, probability, 1 - probability)
    return np.log(np.clip(given, epsilon, 1.0))


def _conclude(
    session: Session,
    table: str,
    decisions: dict[str, tuple[dict[str, int], Decision | None]],
    judged_by: str,
) -> StepReport:
    """Carry the decisions out, and tell them in the table, the registry and a page."""
    if not decisions:
        return StepReport(skipped="no model is registered yet: nothing to decide")
    for name, (known, decision) in decisions.items():
        if decision is None:
            continue
        if decision.promoted:
            promote(session.registry, name, known[CHALLENGER], decision.reason)
        else:
            keep_reason(session.registry, name, known[CHALLENGER], decision.reason)
    rows = [_row(name, known, decision) for name, (known, decision) in decisions.items()]
    frame = pl.DataFrame(rows, schema=polars_schema(Promotion))
    version = session.lake.write_frame(frame, table)
    report = StepReport(
        rows={table: frame.height},
        versions={table: version},
        figures={f"decision ({row['model']})": row["reason"] for row in rows},
        tables={"Decisions": [_shown(row) for row in rows], "Guards": _guards(decisions)},
    )
    _publish(session, table, decisions, report, judged_by)
    return report


def _row(name: str, known: dict[str, int], decision: Decision | None) -> dict[str, Any]:
    row = {
        "model": name,
        "champion_version": known[CHAMPION],
        "challenger_version": known[CHALLENGER],
        "promoted": False,
        "reason": f"version {known[CHALLENGER]} is the champion already: nothing to decide",
        "metric": "",
        "guards": "[]",
    }
    if decision is None:
        return row
    return row | {
        "promoted": decision.promoted,
        "reason": decision.reason,
        "metric": decision.metric,
        "champion": decision.champion,
        "challenger": decision.challenger,
        "low": decision.test.interval.low,
        "high": decision.test.interval.high,
        "p_value": decision.test.p_bootstrap,
        "guards": json.dumps([asdict(guard) for guard in decision.guards]),
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "guards"}


def _guards(
    decisions: dict[str, tuple[dict[str, int], Decision | None]],
) -> list[dict[str, Any]]:
    return [
        {"model": name, **asdict(guard), "holds": guard.holds}
        for name, (_, decision) in decisions.items()
        for guard in (decision.guards if decision else ())
    ]


def _publish(
    session: Session,
    table: str,
    decisions: dict[str, tuple[dict[str, int], Decision | None]],
    report: StepReport,
    judged_by: str,
) -> None:
    promoted = [name for name, (_, decision) in decisions.items() if decision and decision.promoted]
    summary = f"New champion: {', '.join(promoted)}." if promoted else "Every champion stays."
    page = render_page(
        "Champions and challengers",
        f"{summary} Both were judged on the same {judged_by}, which neither has seen.",
        [
            Section(
                "Decisions",
                "A challenger takes the place only by a significant win on the main metric, paired "
                "over the same rows, and only where every guard holds.",
                report.tables["Decisions"],
            ),
            Section("Guards", "What must not get worse than its limit.", report.tables["Guards"]),
        ],
        f"table {table} version {report.versions[table]}; run {session.run_id or 'by hand'}",
    )
    keep_page(session.reports, report, f"{table}-{report.versions[table]}", page)
    for name, (_, decision) in decisions.items():
        if decision is None:
            continue
        challenger = session.registry.find(name, CHALLENGER)
        figures = {
            "promotion_gain": decision.test.difference,
            "promotion_p": decision.test.p_bootstrap,
            "promoted": float(decision.promoted),
        }
        session.registry.log_metrics(challenger, figures)
        session.registry.log_files(challenger, {"promotion/report.html": page.encode("utf-8")})
        report.links[f"MLflow run ({name})"] = challenger.link
