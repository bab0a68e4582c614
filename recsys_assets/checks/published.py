"""Checks of every table that people or programs read: columns and types, rules, rows."""

import dagster as dg
import pandera.errors
import polars as pl

from recsys_assets.assets.steps import CONTRACTS
from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.feedback import CLICK_THROUGH
from recsys_assets.contracts.schema import Model, polars_schema
from recsys_assets.resources.storage import Storage

MAY_BE_EMPTY = {
    CLICK_THROUGH,
    *("rating_drift", "click_drift", "als_sweep", "click_sweep", "item_model"),
}
"""Assets that find nothing to say on some days: a first drop drifts from nothing."""

CHECKED_ROWS = 1_000_000
"""Rows that are held against the rules; of more, the first so many and the last."""


def _contract_check(asset: str, table: str, model: Model) -> dg.AssetChecksDefinition:
    @table_check(table, asset=asset, name="keeps_contract", blocking=True)
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
            metadata={"rows": rows, "columns": len(held)},
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


published_checks = [_contract_check(asset, *known) for asset, known in CONTRACTS.items()]
"""One check for each asset."""
