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

_DEVIATIONS = 1.959963984540054
"""Standard deviations on either side that hold 95 % of a normal distribution."""


class ClickThroughParams(StepParams):
    """What is counted."""

    days: int = Field(default=90, ge=1)
    """Days of feedback, counted from the newest drop back."""


def count_click_through(session: Session, params: ClickThroughParams) -> StepReport:
    """Share of shown pairs of user and item that were clicked, by version, with 95 % intervals.

    A pair counts once, however often it was shown or clicked: repeated looks at one list are no
    independent trials. So events need not be told apart: one that is sent twice changes nothing,
    and a click may have the id of its impression. Pairs of one user are no independent trials
    either, for some click much and others hardly: the intervals are as much wider.
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
    rows = _with_intervals(counted).select(*polars_schema(ClickThrough))
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
    """Shown and clicked pairs of each version and arm, and how they spread over users."""
    pairs = events.group_by("version", "arm", "user", "item").agg(
        shown=(pl.col("kind") == IMPRESSION).any(), clicked=(pl.col("kind") == CLICK).any()
    )
    both, shown, clicked = pl.col("shown") & pl.col("clicked"), pl.col("shown"), pl.col("clicked")
    by_user = pairs.group_by("version", "arm", "user").agg(
        shown=shown.sum().cast(pl.Int64),
        clicked=both.sum().cast(pl.Int64),
        never_shown=(clicked & ~shown).sum().cast(pl.Int64),
    )
    # What a user clicked beyond what is expected of as many pairs.
    beyond = clicked - shown * clicked.sum() / shown.sum()
    return (
        by_user.group_by("version", "arm")
        .agg(
            pl.col("shown", "clicked", "never_shown").sum(),
            users=(shown > 0).sum().cast(pl.Float64),
            spread=(beyond**2).sum(),
        )
        .sort("version", "arm")
    )


def _with_intervals(counted: pl.DataFrame) -> pl.DataFrame:
    """The share of each row with Wilson's interval, which holds its level for few trials too.

    There are as many trials as independent ones would be that vary as the users' clicks do (the
    design effect of Kish, "Survey Sampling", 1965), but no more than pairs; one for each user where
    it cannot be seen how users vary.
    """
    shown, users, share = pl.col("shown"), pl.col("users"), pl.col("share")
    rows = counted.with_columns(share=pl.col("clicked") / shown)
    alike = (users == 1) | share.is_in([0.0, 1.0])
    independent = share * (1 - share) * shown**2 / pl.col("spread")
    rows = rows.with_columns(
        trials=pl.when(alike).then(users).otherwise(pl.min_horizontal(independent, shown))
    )
    squared = _DEVIATIONS**2 / pl.col("trials")
    middle = (share + squared / 2) / (1 + squared)
    half = (squared * (share * (1 - share) + squared / 4)).sqrt() / (1 + squared)
    return rows.with_columns(low=(middle - half).clip(0, 1), high=(middle + half).clip(0, 1))
