"""After a publication, the team reads in a few lines what was published and how good it is."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import dagster as dg

from recsys_assets.automation.run_story import run_name
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.resources.alerts import Alert, Severity

_SHOWN = 4
_WORDS = {"dagster/row_count": "rows", "delta_version": "version"}
_STAGES = ("recommendations", "delivery", "evaluation")


def summary_of(
    run: dg.DagsterRun,
    events: Sequence[dg.EventLogEntry],
    stages: Mapping[str, str],
    owners: tuple[str, ...],
    facts: Mapping[str, str],
) -> Alert | None:
    """Build the summary of a run that published; None where it wrote no lists.

    Args:
        run: a run that succeeded.
        events: its materializations.
        stages: asset → its stage.
        owners: who published.
        facts: what is served now.
    """
    written: dict[str, Mapping[str, dg.MetadataValue]] = {}
    for event in events:
        made = event.get_dagster_event().step_materialization_data.materialization
        written[made.asset_key.to_user_string()] = made.metadata
    if TOP_K not in written:
        return None
    figures = {
        asset: ", ".join(_figures(metadata))
        for asset, metadata in sorted(written.items())
        if stages.get(asset) in _STAGES
    }
    return Alert(
        title=f"{run_name(run)} published",
        what=f"{len(written)} assets were written; users see the new lists.",
        severity=Severity.INFO,
        since=datetime.fromtimestamp(events[-1].timestamp, UTC),
        cause="",
        facts={
            **{name: text for name, text in figures.items() if text},
            **{name.replace("still served", "served now"): text for name, text in facts.items()},
        },
        event_key=f"published:{run.run_id}",
        kind="published",
        owners=owners,
    )


def _figures(metadata: Mapping[str, dg.MetadataValue]) -> list[str]:
    numbers = {n: v.value for n, v in metadata.items() if isinstance(v.value, int | float)}
    return [f"{_WORDS.get(name, name)} {_number(n)}" for name, n in list(numbers.items())[:_SHOWN]]


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
