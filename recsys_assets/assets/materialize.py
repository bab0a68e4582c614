"""From a step's report to what the UI shows: row counts, schemas, tables, plots, links."""

import base64
import math
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from pydantic import BaseModel

from recsys_assets.assets.transient import ask_for_retry, is_transient, wait_before_retry
from recsys_assets.contracts.schema import Model
from recsys_assets.deployment import secrets
from recsys_assets.lake.damage import UNREADABLE, damage_of
from recsys_assets.resources.alerts.connection import redact
from recsys_assets.resources.compute import Compute
from recsys_assets.steps.report import CONCERNED, StepReport
from recsys_assets.steps.session import Step

OWNERS = ["team:recsys"]

WRITES_LAKE = "lake"
"""Pool of everything that writes tables: Dagster runs one such run at a time."""

_MARKUP = re.compile(r"([\\`*\[\]|])")
"""What makes cells, links, pictures and styles in Markdown."""


def table_asset_metadata(table: str, *models: Model) -> dict[str, Any]:
    """Metadata that holds for every materialization of a table; its contracts name its columns."""
    return {
        "dagster/table_name": table,
        "dagster/column_schema": column_schema(*models),
    }


def column_schema(*models: Model) -> dg.TableSchema:
    """Contracts as a table schema: name, type, meaning and rules of each column."""
    columns = [
        dg.TableColumn(
            name=name,
            type=str(column.dtype).lower(),
            description=column.description,
            constraints=dg.TableColumnConstraints(
                nullable=column.nullable,
                unique=column.unique,
                other=[str(check.error or check.name) for check in column.checks],
            ),
        )
        for model in models
        for name, column in model.to_schema().columns.items()
    ]
    return dg.TableSchema(columns=columns)


def run_step(
    context: dg.AssetExecutionContext,
    compute: Compute,
    step: Step,
    params: BaseModel,
    table: str | None = None,
) -> Iterator[dg.MaterializeResult[Any]]:
    """Run a step and yield the materialization of each asset of this function.

    Nothing is yielded where there was nothing to do: what depends on it is then skipped.

    Args:
        context: Dagster's.
        compute: where the step runs.
        step: the step.
        params: its parameters.
        table: the table it writes, where that is not called like the asset.

    Raises:
        dagster.Failure: the step says that its result must not be used.
    """
    wait_before_retry(context)
    try:
        report = compute.run(context, step, params)
    except UNREADABLE as error:
        if damage := damage_of(error):
            raise StepError(redact(damage, secrets())) from None
        if is_transient(error):
            ask_for_retry(context)
        said = redacted_error(error)
        if said is None:
            raise
        # Raised without its cause: that one holds the secret too.
        raise StepError(said) from None
    metadata = metadata_of(report)
    if report.failed:
        _record_good_drops(context, report, table)
        files = _files([row for drop in report.drops.values() for row in drop.files])
        raise dg.Failure(report.failed, metadata={**metadata, **files}, allow_retries=False)
    if report.skipped:
        context.log.warning(f"Nothing to do: {report.skipped}")
        return
    for key in sorted(context.selected_asset_keys):
        # Each partition shows its own drop: a range would write every file once for every day.
        for date, drop in report.drops.items():
            of_drop = {**drop.figures, **_files(drop.files)}
            context.add_asset_metadata(of_drop, asset_key=key, partition_key=date)
        yield dg.MaterializeResult(
            asset_key=key, metadata={**metadata, **own(report, table or key.path[-1])}
        )


def _record_good_drops(
    context: dg.AssetExecutionContext, report: StepReport, table: str | None
) -> None:
    """Of a step that fails because of some drops, record the others, whose rows are written.

    Nobody repeats them, for they are accounted for: the UI would show them as failed for ever. As
    events of the run they would tell Dagster that the asset is made, and 'Re-execute from asset
    failure' would leave the bad drop out and end well.
    """
    bad = str(report.figures.get(CONCERNED, "")).split(",")
    run = {"run": dg.MetadataValue.dagster_run(context.run_id)}
    for key in sorted(context.selected_asset_keys):
        for date, drop in report.drops.items():
            if date not in bad:
                known = {**own(report, table or key.path[-1]), **drop.figures, **_files(drop.files)}
                context.instance.report_runless_asset_event(
                    dg.AssetMaterialization(key, partition=date, metadata=known | run)
                )


class StepError(Exception):
    """A step failed with an error that had to be said anew: it held a secret, or was no error."""


def redacted_error(error: BaseException) -> str | None:
    """An error with all that led to it, its secrets struck out; None where it holds none."""
    text = "".join(traceback.format_exception(error))
    clean = redact(text, secrets())
    if clean == text:
        return None
    return f"{redact(f'{type(error).__name__}: {error}', secrets())}\n\n{clean}"


def own(report: StepReport, table: str) -> dict[str, Any]:
    """What a report says of one table."""
    known: dict[str, Any] = {}
    if table in report.rows:
        known["dagster/row_count"] = report.rows[table]
    if table in report.versions:
        known["delta_version"] = report.versions[table]
    return known


def metadata_of(report: StepReport) -> dict[str, Any]:
    """A report as Dagster metadata; plots come first, so that they are seen first."""
    plots = {
        title: dg.MetadataValue.md(_picture(title, png)) for title, png in report.plots.items()
    }
    tables = {
        title: dg.MetadataValue.md(markdown_table(rows))
        for title, rows in report.tables.items()
        if rows
    }
    hidden = secrets()
    words = {
        name: redact(value, hidden) if isinstance(value, str) else _shown(value)
        for name, value in report.figures.items()
    }
    links = {name: link(redact(address, hidden)) for name, address in report.links.items()}
    return {**plots, **tables, **words, **links}


def link(address: str) -> dg.MetadataValue[Any]:
    """An address as the UI opens it by a click, with the words behind it; all else as it stands."""
    url, _, words = address.partition(" ")
    if not url.startswith(("http://", "https://")):
        return dg.MetadataValue.text(address)
    return dg.MetadataValue.md(f"<{url}> {words}") if words else dg.MetadataValue.url(url)


def _shown(figure: float) -> float | str:
    """A figure as the UI can show it: of one that is no finite number it leaves the place empty."""
    return figure if math.isfinite(figure) else str(figure)


def _files(rows: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    return {"Files": dg.MetadataValue.md(markdown_table(rows))} if rows else {}


def _picture(title: str, png: bytes) -> str:
    return f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})"


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as a markdown table; values show as they are: none loads a picture or names a link."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names)]
    lines += [[_cell(row.get(name)) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    line = " ".join(str(value).splitlines())
    return _MARKUP.sub(r"\\\1", line).replace("<", "&lt;")
