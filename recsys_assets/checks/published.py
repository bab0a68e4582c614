"""Checks of every table that people or programs read: columns and types, rules, rows."""

import dagster as dg
import pandera.errors
import polars as pl

from recsys_assets.assets import ASSETS
from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.best_params import BestParams
from recsys_assets.contracts.click_tables import (
    CLICK_EVALUATION,
    CLICK_FEATURES,
    CLICK_MODEL,
    ClickEvaluation,
    ClickFeatures,
    ClickModelTable,
)
from recsys_assets.contracts.drift import Drift
from recsys_assets.contracts.features import (
    INTERACTIONS,
    MOVIE_FEATURES,
    USER_FEATURES,
    Interactions,
    MovieFeatures,
    UserFeatures,
)
from recsys_assets.contracts.feedback import CLICK_THROUGH, ClickThrough
from recsys_assets.contracts.models import (
    BACKTEST,
    CLICK_PROMOTION,
    PROMOTION,
    RANKING_EVALUATION,
    ALSFactors,
    Backtest,
    ItemLinks,
    Popularity,
    Promotion,
    RankFeatures,
    RankingEvaluation,
)
from recsys_assets.contracts.recommendations import (
    POPULAR_MOVIES,
    SIMILAR_ITEMS,
    TOP_K,
    USER_SEGMENTS,
    PopularMovies,
    SimilarItems,
    TopK,
    UserSegments,
)
from recsys_assets.contracts.schema import Model, polars_schema
from recsys_assets.resources.storage import Storage

CONTRACTS: dict[str, Model] = {
    INTERACTIONS: Interactions,
    MOVIE_FEATURES: MovieFeatures,
    USER_FEATURES: UserFeatures,
    CLICK_FEATURES: ClickFeatures,
    CLICK_MODEL: ClickModelTable,
    "als_model": ALSFactors,
    "popularity_model": Popularity,
    "item_model": ItemLinks,
    "rank_model": RankFeatures,
    CLICK_EVALUATION: ClickEvaluation,
    RANKING_EVALUATION: RankingEvaluation,
    PROMOTION: Promotion,
    CLICK_PROMOTION: Promotion,
    BACKTEST: Backtest,
    CLICK_THROUGH: ClickThrough,
    "rating_drift": Drift,
    "click_drift": Drift,
    "als_sweep": BestParams,
    "click_sweep": BestParams,
    TOP_K: TopK,
    SIMILAR_ITEMS: SimilarItems,
    POPULAR_MOVIES: PopularMovies,
    USER_SEGMENTS: UserSegments,
}
"""Asset → contract of its table."""

MAY_BE_EMPTY = {
    CLICK_THROUGH,
    *("rating_drift", "click_drift", "als_sweep", "click_sweep", "item_model"),
}
"""Assets that find nothing to say on some days: a first drop drifts from nothing."""

_TABLES: dict[str, str] = {
    spec.key.to_user_string(): spec.metadata["dagster/table_name"]
    for asset in ASSETS
    for spec in asset.specs
    if "dagster/table_name" in spec.metadata
}
"""Asset → its table; some write one together."""

CHECKED_ROWS = 1_000_000
"""Rows that are held against the rules; of more, the first so many and the last."""


def _contract_check(asset: str, model: Model) -> dg.AssetChecksDefinition:
    table = _TABLES[asset]

    @table_check(asset=asset, name="keeps_contract", blocking=True)
    def keeps_contract(storage: Storage) -> dg.AssetCheckResult:
        """The table has rows, and columns, types and values as its contract says."""
        held = storage.lake.scan(table).collect_schema()
        wrong = [n for n, dtype in polars_schema(model).items() if held.get(n) != dtype]
        rows = storage.lake.open(table).count()
        broken = "" if wrong else broken_rules(model, storage.lake.scan(table), rows)
        problems = [
            f"wrong columns: {', '.join(wrong)}" if wrong else "",
            "" if rows or asset in MAY_BE_EMPTY else "no rows",
            broken,
        ]
        said = "; ".join(problem for problem in problems if problem)
        return dg.AssetCheckResult(
            passed=not said,
            description=said or None,
            metadata={"table": table, "rows": rows, "columns": len(held)},
        )

    return keeps_contract


def broken_rules(model: Model, table: pl.LazyFrame, rows: int) -> str:
    """Rules that rows of a table break, each with one example; empty where there is none."""
    if rows > CHECKED_ROWS:
        half = CHECKED_ROWS // 2
        table = pl.concat([table.head(half), table.tail(half)])
    try:
        model.validate(table.collect(), lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.unique(["column", "check"], keep="any").sort("column", "check")
        shown = cases.select("column", "check", "failure_case").head(5).rows()
        return "; ".join(f"{column}: {check} ({case})" for column, check, case in shown)
    return ""


published_checks = [_contract_check(asset, model) for asset, model in CONTRACTS.items()]
"""One check for each asset."""
