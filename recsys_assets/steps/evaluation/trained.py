"""What a registered model was trained on, so that nobody is judged by it.

version of the interactions that a model names -> its training rows
"""

from collections.abc import Iterable

import polars as pl

from recsys_assets.contracts.features import INTERACTIONS
from recsys_assets.registry import CHALLENGER
from recsys_assets.steps.session import Session


def trained_on(session: Session, name: str, alias: str) -> pl.DataFrame:
    """What a version was trained on, where these are other interactions; no row where they are not.

    A model tells the version of the interactions that it saw. One that was tidied away since, or
    that names none, as what is merely popular, tells nothing.
    """
    nothing = pl.DataFrame(schema={"user": pl.Int32, "item": pl.Int32, "timestamp": pl.Int64})
    tag = session.registry.tags(name, alias).get("table/interactions")
    if tag is None or int(tag) == session.lake.version(INTERACTIONS):
        return nothing
    if not session.lake.holds(INTERACTIONS, int(tag)):
        return nothing
    rows = session.lake.scan(INTERACTIONS, int(tag)).filter(split="train")
    return rows.select("user", "item", "timestamp").collect()


def knows_of(session: Session, test: pl.DataFrame, names: Iterable[str]) -> str:
    """Which of the newest models was trained on test rows, in words; empty if none was."""
    for name in names:
        if session.registry.has(name):
            trained = trained_on(session, name, CHALLENGER)
            if known := test.join(trained, on=["user", "item"], how="semi").height:
                return (
                    f"{name} was trained on {known:,} of the {test.height:,} test rows, for they "
                    "were split anew since: train it again"
                )
    return ""
