import datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from recsys_assets.assets.partitions import range_tags
from recsys_assets.checks.validated import validated_checks
from recsys_assets.contracts.files import FILES, quarantine_of
from recsys_assets.home import Home
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.report import CONCERNED
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import (
    DAY,
    NEXT_DAY,
    csv_of,
    place,
    ratings,
    validate,
)

LAW = "every_line_accounted_for"


@pytest.fixture
def validated(session: Session) -> Session:
    """Two drops: one with a bad line, one with a rejected file beside a good one."""
    place(session, csv_of([*ratings(200), "bad"]))
    place(session, csv_of(ratings(5, user=2)), date=NEXT_DAY)
    place(session, "<html>\n</html>\n", "page.csv", date=NEXT_DAY)
    validate(session, DAY, NEXT_DAY)
    return session


def evaluate(home: Home, *days: datetime.date) -> dict[str, dg.AssetCheckEvaluation]:
    """Run the checks of the ratings in Dagster; each result by name."""
    definitions = dg.Definitions(
        assets=[dg.AssetSpec(name) for name in ("ratings", "movies", "clicks")],
        asset_checks=validated_checks,
        jobs=[
            dg.define_asset_job(
                "checks",
                dg.AssetSelection.checks_for_assets("ratings"),
                executor_def=dg.in_process_executor,
            )
        ],
        resources={"storage": Storage(home=str(home.root))},
    )
    job = definitions.resolve_job_def("checks")
    tags = range_tags(list(days)) if days else {}
    result = job.execute_in_process(tags=tags, raise_on_error=False)
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def test_checks_tell_good_drops_from_doubtful_ones(validated: Session, home: Home) -> None:
    results = evaluate(home, DAY)
    assert {name: result.passed for name, result in results.items()} == {
        LAW: True,
        "no_rejected_files": True,
        "few_quarantined_lines": True,
        "volume_is_usual": True,
        "keeps_contract": True,
    }
    for name in ("no_rejected_files", "few_quarantined_lines"):
        assert results[name].metadata["next"].value == "nothing"
    results = evaluate(home, NEXT_DAY)
    assert results[LAW].passed
    rejected = results["no_rejected_files"]
    assert not rejected.passed and rejected.severity == dg.AssetCheckSeverity.ERROR
    assert rejected.description is not None and "page.csv: line 1: the file is a web" in (
        rejected.description
    )
    following = str(rejected.metadata["next"].value)
    assert f"recsys land ratings FILE --date {NEXT_DAY};" in following
    assert following.endswith(f"recsys withdraw ratings {NEXT_DAY} --file page.csv")


def test_many_quarantined_lines_are_a_warning(session: Session, home: Home) -> None:
    place(session, csv_of([*ratings(50), "bad"]))
    validate(session)
    result = evaluate(home, DAY)["few_quarantined_lines"]
    assert not result.passed and result.severity == dg.AssetCheckSeverity.WARN
    assert "ratings.csv" in str(result.metadata["Files"].value)
    assert "recsys quarantine show ratings" in str(result.metadata["next"].value)


def test_without_dates_every_drop_is_looked_at(validated: Session, home: Home) -> None:
    results = evaluate(home)
    assert results[LAW].passed and results[LAW].metadata["files"].value == 3
    assert not results["no_rejected_files"].passed


def test_a_check_names_the_drops_that_fail_it(validated: Session, home: Home) -> None:
    rejected = evaluate(home, DAY, NEXT_DAY)["no_rejected_files"]
    assert rejected.metadata[CONCERNED].value == NEXT_DAY.isoformat()
    assert CONCERNED not in evaluate(home, DAY)["no_rejected_files"].metadata


def rewrite(session: Session, table: str, change: pl.Expr | None, day: datetime.date) -> None:
    """Replace one day of a table by a changed copy of itself."""
    frame = session.lake.scan(table).filter(pl.col(DROP_DATE) == day).collect()
    frame = frame.slice(1) if change is None else frame.with_columns(change)
    replace = {DROP_DATE: day.isoformat()}
    if table == FILES:
        replace = {"dataset": "ratings", **replace}
    session.lake.write_frame(frame, table, replace)


def law_breaks(home: Home, problem: str, *days: datetime.date) -> bool:
    result = evaluate(home, *days)[LAW]
    return (
        not result.passed
        and result.blocking
        and problem in str(result.metadata["Unbalanced"].value)
    )


def test_a_row_lost_from_the_table_is_found(validated: Session, home: Home) -> None:
    rewrite(validated, "ratings", None, DAY)
    assert law_breaks(home, "lines are lost or doubled", DAY)
    assert evaluate(home, NEXT_DAY)[LAW].passed


def test_a_line_lost_from_the_quarantine_is_found(validated: Session, home: Home) -> None:
    rewrite(validated, quarantine_of("ratings"), None, DAY)
    assert law_breaks(home, "lines are lost or doubled", DAY)


def test_rows_of_a_file_that_nobody_accounts_for_are_found(validated: Session, home: Home) -> None:
    frame = validated.lake.scan("ratings").filter(pl.col(DROP_DATE) == DAY).collect()
    stray = frame.head(1).with_columns(file=pl.lit("stray.csv"))
    validated.lake.write_frame(pl.concat([frame, stray]), "ratings", {DROP_DATE: DAY.isoformat()})
    assert law_breaks(home, "rows of a file that is not accounted for", DAY)


def test_an_account_that_tells_other_numbers_is_found(validated: Session, home: Home) -> None:
    rewrite(validated, FILES, pl.col("read") + 1, DAY)
    assert law_breaks(home, "accounted for otherwise", DAY)


def test_a_file_changed_after_it_was_validated_is_found(validated: Session, home: Home) -> None:
    landed = validated.landing.drop("ratings", DAY)[0].path
    landed.write_text(csv_of(ratings(7)), encoding="utf-8")
    assert law_breaks(home, "lines are lost or doubled", DAY)
    landed.unlink()
    assert law_breaks(home, "not in the landing zone", DAY)


@pytest.mark.parametrize("tamper", [Path.unlink, lambda copy: copy.write_bytes(b"<html>\n")])
def test_a_rejected_file_is_accounted_for_by_its_copy(
    validated: Session, home: Home, tamper: object
) -> None:
    page = next(f for f in validated.landing.drop("ratings", NEXT_DAY) if f.name == "page.csv")
    tamper(validated.landing.rejected_copy(page))  # type: ignore[operator]
    assert law_breaks(home, "the copy of the rejected file is not what landed", NEXT_DAY)


def test_a_table_of_other_columns_breaks_its_contract(validated: Session, home: Home) -> None:
    frame = validated.lake.scan("ratings").collect().with_columns(pl.col("rating").cast(pl.Float64))
    validated.lake.write_frame(frame, "ratings")
    result = evaluate(home, DAY)["keeps_contract"]
    assert not result.passed and result.metadata["wrong"].value == "rating"


def test_a_drop_of_unusual_size_is_worth_a_look(session: Session, home: Home) -> None:
    days = [DAY - datetime.timedelta(days=n) for n in range(4)]
    for number, day in enumerate(days[1:], 2):
        place(session, csv_of(ratings(100, user=number)), date=day)
    place(session, csv_of(ratings(20, user=9)), date=DAY)
    validate(session, *days)
    result = evaluate(home, DAY)["volume_is_usual"]
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert "has 20 rows; usual are 100" in (result.description or "")
    alone = evaluate(home)["volume_is_usual"]
    assert (alone.passed, alone.description) == (False, result.description)
    ranged = evaluate(home, days[1], DAY + datetime.timedelta(days=5))["volume_is_usual"]
    assert (ranged.passed, ranged.description) == (False, result.description)
    assert evaluate(home, days[1])["volume_is_usual"].passed, "too few days to compare with"


def test_rejected_drops_do_not_tell_what_is_usual(session: Session, home: Home) -> None:
    days = [DAY - datetime.timedelta(days=n) for n in range(8)]
    for day in days[1:5]:
        place(session, "<html>\n</html>\n", "page.csv", date=day)
    for number, day in enumerate([DAY, *days[5:]], 2):
        place(session, csv_of(ratings(100, user=number)), date=day)
    validate(session, *days)
    result = evaluate(home, DAY)["volume_is_usual"]
    assert result.passed and result.metadata["usual"].value == 100
