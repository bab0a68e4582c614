"""What a step says when it is done: the same words whether it ran here or on a cluster."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, Field

Cell = str | int | float | bool | None

CONCERNED = "drops concerned"
"""Figure of a failure of some drops among all of a run: their dates, by comma."""


class DropReport(BaseModel):
    """What one run of a step says of one drop."""

    figures: dict[str, int]
    """Name → number."""
    files: list[dict[str, Cell]]
    """One row for each file of the drop."""


class StepReport(BaseModel):
    """Counts, figures, small tables and plots of one run of a step."""

    rows: dict[str, int] = Field(default_factory=dict)
    """Table → rows it holds now; the step's own output first."""
    versions: dict[str, int] = Field(default_factory=dict)
    """Table → Delta version the step wrote."""
    figures: dict[str, int | float | str] = Field(default_factory=dict)
    """Name → number or short text worth seeing over time."""
    tables: dict[str, list[dict[str, Cell]]] = Field(default_factory=dict)
    """Title → a few rows for people."""
    plots: dict[str, bytes] = Field(default_factory=dict)
    """Title → a PNG picture."""
    links: dict[str, str] = Field(default_factory=dict)
    """Title → address or path of something to open."""
    drops: dict[str, DropReport] = Field(default_factory=dict)
    """Drop date → what became of that drop, where the step works on drops."""
    skipped: str = ""
    """Why there was nothing to do; empty where something was done."""
    failed: str = ""
    """Why the result must not be used; empty where it may be."""

    model_config = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}

    def draw(self, title: str, draw: Callable[[], bytes]) -> None:
        """Add a plot; where the data are too few for one, say so instead."""
        try:
            self.plots[title] = draw()
        except ValueError as error:
            self.figures[f"no plot of {title.lower()}"] = str(error)


def keep_page(folder: Path | None, report: StepReport, name: str, page: str) -> None:
    """Write a report page and link it in the step's report; nothing where there is no folder."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.html"
    path.write_text(page, encoding="utf-8")
    report.links["Report page"] = str(path)


def not_landed(what: str) -> StepReport:
    """The report where nothing is there yet that a table is made of: files, or a table of them."""
    return StepReport(
        skipped=f"no {what} to work with yet: land some (`recsys land --help`), or, where they have"
        " landed, make all that comes before (`recsys run`)"
    )


def nothing_to_learn() -> StepReport:
    """The report where the split left nothing to learn from."""
    return StepReport(
        failed="the training part holds too few rows: raise its share, or land more ratings"
    )


def nothing_left(what: str, made: str) -> StepReport:
    """The report where all rows were withdrawn of which a table was made: no silent matter.

    Args:
        what: data set that holds no row any more.
        made: table that was made from it, and still holds rows.
    """
    return StepReport(
        failed=f"{what} holds no row any more, so {made} and all that follows stay as they were, "
        f"made from rows that were withdrawn. Land {what} again: see `recsys land --help`."
    )
