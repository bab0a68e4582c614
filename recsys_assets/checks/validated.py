"""Checks of the validated tables: no line lost, no file rejected unseen, few lines quarantined."""

from collections.abc import Iterable, Mapping
from shlex import quote
from statistics import median

import dagster as dg
import polars as pl
import pyarrow as pa

from recsys_assets.assets.materialize import markdown_table
from recsys_assets.assets.partitions import chosen_dates, dates_of
from recsys_assets.checks.guard import table_check
from recsys_assets.checks.recount import recount_files
from recsys_assets.contracts import DATASETS
from recsys_assets.contracts.dataset import Dataset
from recsys_assets.contracts.files import FILES
from recsys_assets.contracts.schema import arrow_schema
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.report import CONCERNED

WORRYING_SHARE = 0.01
"""More quarantined lines than this share of a file are worth a look."""

VOLUME_DAYS = 7
"""Drops before the last one that tell what is usual."""
FEWEST_DAYS = 3
"""With fewer drops nothing is usual yet."""
VOLUME_FACTOR = 3
"""A drop so many times smaller or larger than usual is worth a look."""


def _checks_of(dataset: Dataset) -> list[dg.AssetChecksDefinition]:
    @table_check(asset=dataset.name, blocking=True)
    def every_line_accounted_for(
        context: dg.AssetCheckExecutionContext, storage: Storage
    ) -> dg.AssetCheckResult:
        """Lines of each file, counted anew = its rows in the table + its lines kept apart."""
        files = _files_of_run(context, storage, dataset)
        counted = recount_files(files, dataset, storage.lake, storage.landing_zone)
        wrong = [row for row in counted if row["problem"]]
        return dg.AssetCheckResult(
            passed=not wrong,
            metadata={
                "files": files.height,
                "lines": int(files["read"].sum()),
                **_concerned([row[DROP_DATE] for row in wrong]),
                "Unbalanced": dg.MetadataValue.md(markdown_table(wrong[:50]) if wrong else "none"),
            },
        )

    @table_check(asset=dataset.name)
    def no_rejected_files(
        context: dg.AssetCheckExecutionContext, storage: Storage
    ) -> dg.AssetCheckResult:
        """No file of the run's drops was rejected as a whole."""
        files = _files_of_run(context, storage, dataset)
        rejected = files.filter("rejected").select(DROP_DATE, "file", "message")
        first = rejected.row(0, named=True) if rejected.height else {}
        return dg.AssetCheckResult(
            passed=rejected.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"{first['file']}: {first['message']}" if first else None,
            metadata={
                "rejected": rejected.height,
                **_concerned(rejected[DROP_DATE]),
                "Files": dg.MetadataValue.md(_table(rejected)),
                "next": "correct each file and land it under the date of its drop: recsys land "
                f"{dataset.name} FILE --date {first[DROP_DATE]}; then take back what was rejected: "
                f"recsys withdraw {dataset.name} {first[DROP_DATE]} --file {quote(first['file'])}"
                if first
                else "nothing",
            },
        )

    @table_check(asset=dataset.name)
    def few_quarantined_lines(
        context: dg.AssetCheckExecutionContext, storage: Storage
    ) -> dg.AssetCheckResult:
        """At most 1 % of the lines of each accepted file of the run's drops are quarantined."""
        files = _files_of_run(context, storage, dataset).filter(~pl.col("rejected"))
        many = files.filter(pl.col("quarantined") > WORRYING_SHARE * pl.col("read"))
        shown = many.select(DROP_DATE, "file", "read", "quarantined", "reasons")
        return dg.AssetCheckResult(
            passed=many.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "quarantined": int(files["quarantined"].sum()),
                **_concerned(many[DROP_DATE]),
                "Files": dg.MetadataValue.md(_table(shown)),
                "next": f"look at the lines: recsys quarantine show {dataset.name}"
                if many.height
                else "nothing",
            },
        )

    @table_check(asset=dataset.name, blocking=True)
    def keeps_contract(storage: Storage) -> dg.AssetCheckResult:
        """The table has the columns and types of its contract."""
        held = pa.schema(storage.lake.open(dataset.name).schema())
        wrong = [
            f.name
            for f in arrow_schema(dataset.model)
            if f.name not in held.names or held.field(f.name).type != f.type
        ]
        return dg.AssetCheckResult(
            passed=not wrong,
            metadata={"columns": len(held.names), "wrong": ", ".join(wrong) or "none"},
        )

    @table_check(asset=dataset.name)
    def volume_is_usual(
        context: dg.AssetCheckExecutionContext, storage: Storage
    ) -> dg.AssetCheckResult:
        """The rows of the run's last drop are between a third and thrice those of days before.

        A run of the check alone is about no drop: the newest one counts.
        """
        rows = _rows_by_drop(storage, dataset)
        # The last day of a range need not have a drop, nor one of this data set.
        last = max(_drops_among(rows, context.run.tags), default="")
        before = [count for date, count in rows.items() if date < last][-VOLUME_DAYS:]
        if last not in rows or len(before) < FEWEST_DAYS:
            return dg.AssetCheckResult(passed=True, metadata={"drops to compare with": len(before)})
        usual = median(before)
        return dg.AssetCheckResult(
            passed=usual / VOLUME_FACTOR <= rows[last] <= usual * VOLUME_FACTOR,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"the drop of {last} has {rows[last]:,} rows; usual are {usual:,.0f}",
            metadata={
                "rows": rows[last],
                "usual": usual,
                "drops to compare with": len(before),
                **_concerned([last]),
            },
        )

    return [
        every_line_accounted_for,
        no_rejected_files,
        few_quarantined_lines,
        volume_is_usual,
        keeps_contract,
    ]


def _concerned(dates: Iterable[object]) -> dict[str, str]:
    """Which drops of the run a check is about: the trouble ends when these are well."""
    days = ",".join(sorted({str(date) for date in dates}))
    return {CONCERNED: days} if days else {}


def _rows_by_drop(storage: Storage, dataset: Dataset) -> dict[str, int]:
    """Drop date → accepted rows, the earliest first; rejected drops are none."""
    files = storage.lake.scan(FILES).filter(dataset=dataset.name, rejected=False)
    sums = files.group_by(DROP_DATE).agg(pl.col("accepted").sum()).sort(DROP_DATE).collect()
    return {date.isoformat(): count for date, count in sums.iter_rows()}


def _files_of_run(
    context: dg.AssetCheckExecutionContext, storage: Storage, dataset: Dataset
) -> pl.DataFrame:
    files = storage.lake.scan(FILES).filter(dataset=dataset.name)
    day = pl.col(DROP_DATE).cast(pl.String)
    present = files.select(day).unique().collect()[DROP_DATE]
    files = files.filter(day.is_in(_drops_among(present, context.run.tags)))
    return files.sort(DROP_DATE, "file").collect()


def _drops_among(known: Iterable[str], tags: Mapping[str, str]) -> list[str]:
    """Known drops that a run works on; all of them where it names none."""
    first, last = dates_of(tags)
    if not first:
        return list(known)
    return chosen_dates(tags, [date for date in known if first <= date <= last])


def _table(frame: pl.DataFrame) -> str:
    rows = frame.with_columns(pl.col(DROP_DATE).cast(pl.String)).head(50).to_dicts()
    return markdown_table(rows) if rows else "none"


validated_checks = [check for dataset in DATASETS.values() for check in _checks_of(dataset)]
"""Five checks for each validated table."""
