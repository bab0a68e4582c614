"""Every drop against those before it: what came in, and what the model says of it.

    ratings or clicks, drop by drop, + the model -> drift, a partition per data set

The reference of a drop are the drops before it, within a window; the first drop has none. Samples
are spread evenly over the rows, so that a drop of any size is read in seconds. Drops that an
earlier run has measured and that have left the window keep their figures until they are withdrawn.
"""

import datetime
from dataclasses import dataclass

import numpy as np
import polars as pl
from pydantic import Field

from recsys_assets.contracts.clicks import CATEGORIES, CLICKS, LABEL, NUMBERS
from recsys_assets.contracts.drift import DRIFT, Drift
from recsys_assets.contracts.ratings import RATINGS
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.drift import category_shift, chance_psi, new_share, number_shift
from recsys_assets.kernels.plots.drift import drift_bars, drift_by_drop
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.steps.evaluation.drift_scores import Scorer, click_scorer, rating_scorer
from recsys_assets.steps.params import StepParams
from recsys_assets.steps.report import StepReport, not_landed
from recsys_assets.steps.session import Session

SCORE = "score"
"""Name of the column that holds what the model says."""
_SHIFTS = {"number": (number_shift, 11), "category": (category_shift, 22)}
"""How each kind of column is compared, and its bins, the missing ones included."""


class DriftParams(StepParams):
    """The window, and what counts as drift."""

    drops: int = Field(default=14, ge=1)
    """Latest drops that are measured."""
    reference_drops: int = Field(default=28, ge=1)
    """Drops before each that make its reference."""
    sample_rows: int = Field(default=100_000, ge=100)
    """Rows of a drop, and of its reference, that are looked at."""
    min_rows: int = Field(default=500, ge=1)
    """With fewer rows in the drop or the reference nothing counts as drifted."""
    max_psi: float = Field(default=0.25, gt=0)
    """Population stability index beyond what chance gives."""
    max_ks: float = Field(default=0.15, gt=0, le=1)
    """Greatest gap between cumulative shares."""
    max_mean_shift: float = Field(default=0.25, gt=0)
    """Change of the mean rating or of the click rate, in parts of the reference's mean."""
    max_new_share: float = Field(default=0.9, gt=0, le=1)
    """Share of users or items that were never seen before."""


@dataclass(frozen=True)
class _Subject:
    """A data set as this module looks at it."""

    name: str
    kinds: dict[str, str]
    """Column → number or category."""
    mean: str
    """Column whose mean is watched."""
    identities: tuple[str, ...] = ()
    """Columns whose new values are counted."""

    @property
    def columns(self) -> list[str]:
        """Everything that is read."""
        return list(dict.fromkeys([*self.kinds, self.mean, *self.identities]))


_RATINGS = _Subject(RATINGS.name, {"rating": "number"}, "rating", ("user", "item"))
_CLICKS = _Subject(
    CLICKS.name,
    dict.fromkeys(NUMBERS, "number") | dict.fromkeys(CATEGORIES, "category"),
    LABEL,
)


def measure_rating_drift(session: Session, params: DriftParams) -> StepReport:
    """Compare the ratings of each drop, and the stars the model expects, with earlier drops."""
    return _measure(session, params, _RATINGS, rating_scorer(session))


def measure_click_drift(session: Session, params: DriftParams) -> StepReport:
    """Compare the clicks of each drop, and the model's probabilities, with earlier drops."""
    return _measure(session, params, _CLICKS, click_scorer(session))


def _measure(
    session: Session, params: DriftParams, subject: _Subject, scorer: Scorer | None
) -> StepReport:
    if not session.lake.exists(subject.name):
        return not_landed(subject.name)
    table = session.lake.scan(subject.name)
    dates = table.select(DROP_DATE).unique().sort(DROP_DATE).collect()[DROP_DATE].to_list()
    rows: list[dict[str, object]] = []
    for place in range(max(1, len(dates) - params.drops), len(dates)):
        before = dates[max(0, place - params.reference_drops) : place]
        rows += _measure_drop(table, subject, scorer, dates[place], before, params)
    schema = polars_schema(Drift)
    frame = pl.DataFrame(rows, schema, orient="row").with_columns(
        pl.lit(subject.name).alias("dataset")
    )
    frame = _with_earlier(session, frame, subject.name, dates[1:]).select(list(schema))
    version = session.lake.write_frame(frame, DRIFT, {"dataset": subject.name})
    report = _describe(frame, dates)
    report.versions[DRIFT] = version
    # Those of the other data set too: it is one table.
    report.rows[DRIFT] = session.lake.open(DRIFT, version).count()
    return report


def _measure_drop(
    table: pl.LazyFrame,
    subject: _Subject,
    scorer: Scorer | None,
    date: datetime.date,
    before: list[datetime.date],
    params: DriftParams,
) -> list[dict[str, object]]:
    current = _sample(table.filter(pl.col(DROP_DATE) == date), subject, params.sample_rows)
    earlier = table.filter(pl.col(DROP_DATE).is_in(before))
    reference = _sample(earlier, subject, params.sample_rows)
    if current.is_empty() or reference.is_empty():
        return []
    enough = min(current.height, reference.height) >= params.min_rows
    common = {"drop_date": date, "rows": current.height, "reference_rows": reference.height}
    rows: list[dict[str, object]] = []

    def add(column: str, measure: str, value: float, threshold: float, **more: float) -> None:
        beyond = enough and abs(value) > threshold
        figures = {"value": value, "threshold": threshold, "drifted": beyond, **more}
        rows.append({**common, "column": column, "measure": measure, **figures})

    kinds = dict(subject.kinds)
    if scorer is not None:
        current, reference = (f.with_columns(scorer(f).alias(SCORE)) for f in (current, reference))
        kinds[SCORE] = "number"
    for column, kind in kinds.items():
        shift_of, bins = _SHIFTS[kind]
        shift = shift_of(reference[column], current[column])
        chance = chance_psi(bins, reference.height, current.height)
        add(column, "psi", shift.psi, params.max_psi + 2 * chance)
        add(column, "ks", shift.ks, params.max_ks)
    now, then = (
        float(np.mean(f[subject.mean].cast(pl.Float64).drop_nulls().to_numpy()))
        for f in (current, reference)
    )
    limit = params.max_mean_shift * abs(then)
    add(subject.mean, "mean", now - then, limit, current=now, reference=then)
    all_before = table.filter(pl.col(DROP_DATE) < date)
    for column in subject.identities:
        known = all_before.select(pl.col(column).unique()).collect()[column]
        add(column, "new_share", new_share(known, current[column]), params.max_new_share)
    return rows


def _sample(table: pl.LazyFrame, subject: _Subject, most: int) -> pl.DataFrame:
    """At most so many rows, evenly spaced."""
    rows = int(table.select(pl.len()).collect().item())
    step = max(1, -(-rows // most))
    return table.select(subject.columns).gather_every(step).collect()


def _with_earlier(
    session: Session, frame: pl.DataFrame, dataset: str, dates: list[datetime.date]
) -> pl.DataFrame:
    """The new figures, and what earlier runs said of drops that have left the window.

    Only drops of the given dates: of one that was withdrawn nothing is told any more.
    """
    if not session.lake.exists(DRIFT) or frame.is_empty():
        return frame
    known = session.lake.scan(DRIFT).filter(dataset=dataset).collect()
    old = known.filter(
        pl.col("drop_date") < frame["drop_date"].min(), pl.col("drop_date").is_in(dates)
    )
    return pl.concat([old.select(frame.columns), frame])


def _describe(frame: pl.DataFrame, dates: list[datetime.date]) -> StepReport:
    report = StepReport()
    if frame.is_empty():
        first = f"{dates[0]} is the first drop" if dates else "no drop holds a row"
        report.figures["reference"] = f"none yet: {first}"
        return report
    newest = frame.filter(drop_date=frame["drop_date"].max())
    drifted = newest.filter("drifted")
    report.figures |= {
        "newest_drop": str(newest["drop_date"][0]),
        "drifted": drifted.height,
        "drifted_columns": ", ".join(drifted["column"].unique(maintain_order=True)) or "none",
    }
    shown = newest.sort("drifted", pl.col("value").abs() / pl.col("threshold"), descending=True)
    report.tables["Newest drop"] = (
        shown.select("column", "measure", "value", "current", "reference", "threshold", "drifted")
        .head(15)
        .to_dicts()
    )
    psi = frame.filter(measure="psi")
    last = psi.filter(drop_date=newest["drop_date"][0])
    report.draw("Drift by column", lambda: drift_bars(dict(last["column", "value"].iter_rows())))
    report.draw("Drift by drop", lambda: drift_by_drop(psi["drop_date", "column", "value"]))
    return report
