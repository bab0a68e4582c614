"""How often recommendations were clicked, by version of what recommended them.

feedback -> click_through
"""

import polars as pl
from pydantic import Field

from recsys_assets.contracts.feedback import (
    CLICK,
    CLICK_THROUGH,
    FEEDBACK,
    IMPRESSION,
    ClickThrough,
)
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Session


class ClickThroughParams(StepParams):
    """What is counted."""

    days: int = Field(default=90, ge=1)
    """Days of feedback, counted from the newest drop back."""


def count_click_through(session: Session, params: ClickThroughParams) -> StepReport:
    """Share of shown pairs of user and item that were clicked, by version, with 95 % intervals.

    A pair counts once, however often it was shown or clicked: repeated looks at one list are no
    independent trials. So events need not be told apart: one that is sent twice changes nothing,
    and a click may have the id of its impression.
    """
    # Where all feedback was withdrawn, nothing is told of it any more.
    if not session.lake.has_rows(FEEDBACK.name) and not session.lake.has_rows(CLICK_THROUGH):
        return StepReport(
            skipped="no feedback to work with yet: `recsys serve` keeps it day by day, `recsys"
            " feedback` lands it, `recsys run` validates it"
        )
    table = session.lake.scan(FEEDBACK.name)
    newest = table.select(pl.col("drop_date").max()).collect().item()
    first = pl.lit(newest, pl.Date).dt.offset_by(f"-{params.days}d")
    told = _count(table.filter(pl.col("drop_date") > first)).collect()
    counted = told.filter(pl.col("shown") > 0)
    share = pl.col("clicked") / pl.col("shown")
    rows = counted.hstack(_intervals(counted)).with_columns(share=share)
    rows = rows.select(*polars_schema(ClickThrough))
    version = session.lake.write_frame(rows, CLICK_THROUGH)
    return StepReport(
        rows={CLICK_THROUGH: rows.height},
        versions={CLICK_THROUGH: version},
        figures={
            "shown": int(rows["shown"].sum()),
            "clicked": int(rows["clicked"].sum()),
            # Of versions, too, of which no impression was told: they have no row.
            "never shown": int(told["never_shown"].sum()),
        },
        tables={"Click-through by version": rows.to_dicts()},
    )


def _count(events: pl.LazyFrame) -> pl.LazyFrame:
    """Shown and clicked pairs of each version and arm."""
    pairs = events.group_by("version", "arm", "user", "item").agg(
        shown=(pl.col("kind") == IMPRESSION).any(), clicked=(pl.col("kind") == CLICK).any()
    )
    both = pl.col("shown") & pl.col("clicked")
    return (
        pairs.group_by("version", "arm")
        .agg(
            shown=pl.col("shown").sum().cast(pl.Int64),
            clicked=both.sum().cast(pl.Int64),
            never_shown=(pl.col("clicked") & ~pl.col("shown")).sum().cast(pl.Int64),
        )
        .sort("version", "arm")
    )


def _intervals(counted: pl.DataFrame) -> pl.DataFrame:
    """Wilson's interval of each share: it holds its level for few trials too."""
    # Imported late: it takes a third of a second, and every process would load it.
    from scipy.stats import binomtest

    pairs = counted.select("clicked", "shown").iter_rows()
    ends = [binomtest(*pair).proportion_ci(method="wilson") for pair in pairs]
    return pl.DataFrame(ends, {"low": pl.Float64, "high": pl.Float64}, orient="row")
