"""What became of injections, and the table of faults × outcomes."""

from dataclasses import dataclass, field

import polars as pl

from recsys_assets_tests.faults.fault import Fault


@dataclass
class Outcome:
    """What became of one injection."""

    fault: Fault
    seconds: float = 0.0
    told: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return not self.problems


def table_of(outcomes: list[Outcome]) -> pl.DataFrame:
    """Faults × outcomes."""
    return pl.DataFrame(
        [
            {
                "fault": o.fault.name,
                "told": ", ".join(f"{kind} {n}x" for kind, n in o.told.items()) or "nobody",
                "outcome": "ok" if o.passed else "FAILED",
                "seconds": round(o.seconds, 1),
                "note": (o.note or "; ".join(o.problems)).replace("\n", " ")[:300],
            }
            for o in outcomes
        ]
    )


def sums_of(outcomes: list[Outcome]) -> pl.DataFrame:
    """Families × outcomes."""
    rows = [(o.fault.family, not o.note, not o.note and o.passed, o.seconds) for o in outcomes]
    frame = pl.DataFrame(rows, ["family", "injected", "held", "seconds"], orient="row")
    return frame.group_by("family", maintain_order=True).agg(pl.exclude("family").sum().round())
