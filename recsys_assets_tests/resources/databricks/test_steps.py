"""Real steps on a real Spark behind the double: the same report and tables as here."""

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from polars.testing import assert_frame_equal

from recsys_assets.assets import materialize
from recsys_assets.assets.validated import validated_assets
from recsys_assets.deployment import current_deployment
from recsys_assets.home import Home
from recsys_assets.resources.compute import LocalSpark
from recsys_assets.resources.databricks import RUN_LINK, DatabricksSpark
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.validation.drops import ValidationParams
from recsys_assets.synthetic.files import write_movielens
from recsys_assets_tests.resources.databricks.double import (
    TOKEN,
    DatabricksDouble,
)
from recsys_assets_tests.resources.databricks.runs import (
    DAY,
    SIZE,
    everything_written,
    failure_of,
    run_step_as_asset,
)


@pytest.mark.slow
@pytest.mark.usefixtures("spark")
def test_a_step_gives_the_same_report_and_tables_as_here(
    cluster: DatabricksSpark,
    double: DatabricksDouble,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    reports: list[StepReport] = []
    to_metadata = materialize.metadata_of

    def keep(report: StepReport) -> dict[str, Any]:
        reports.append(report)
        return to_metadata(report)

    monkeypatch.setattr(materialize, "metadata_of", keep)
    here = Home(root=tmp_path / "here")
    here.root.mkdir()
    here.cache.symlink_to(current_deployment().home.cache)
    here.prepare()
    ratings = write_movielens(tmp_path / "drop", SIZE, 3, DAY, 1)[1].path
    with ratings.open("a", encoding="utf-8") as file:
        file.write("7,11,9.5,1740900000\nseven,11,4.0,1740900000\n")
    for place in (home, here):
        place.landing_zone.land(ratings, "ratings", DAY)
    (asset,) = [a for a in validated_assets if dg.AssetKey("ratings") in a.keys]
    local = LocalSpark(home=str(here.root), master="local[2]", driver_memory="2g")
    instance = dg.DagsterInstance.ephemeral()
    results = [
        dg.materialize(
            [asset],
            partition_key=DAY.isoformat(),
            resources={"compute": compute},
            instance=instance,
        )
        for compute in (cluster, local)
    ]

    there, expected = reports
    assert there.links.pop(RUN_LINK) == double.only_run.page
    costs = {name for name in there.figures if name.startswith(("databricks", "vm_", "cost_"))}
    assert len(costs) == 5
    for name in costs:
        del there.figures[name]
    assert there == expected
    assert there.drops[DAY.isoformat()].figures["quarantined"] == 2
    for table, key in (("ratings", ["user", "item"]), ("files", ["file"])):
        assert_frame_equal(
            home.lake.scan(table).sort(key).collect(), here.lake.scan(table).sort(key).collect()
        )
    rejected = home.lake.scan("quarantine_ratings").collect()
    assert set(rejected["run_id"]) == {results[0].run_id}
    assert rejected["rules"].to_list() == (
        here.lake.scan("quarantine_ratings").collect()["rules"].to_list()
    )
    (event, _) = results[0].get_asset_materialization_events()
    assert event.materialization.metadata[RUN_LINK].value == double.only_run.page

    printed = "".join(capfd.readouterr())
    assert TOKEN not in everything_written(instance, results[0].run_id, double)
    assert TOKEN not in caplog.text + printed + repr(cluster)
    assert not list(Path(double.volume).rglob("*.json"))


@pytest.mark.slow
def test_a_failing_step_fails_the_asset_with_its_own_words(
    cluster: DatabricksSpark, double: DatabricksDouble
) -> None:
    books = ValidationParams(dataset="books", dates=[DAY])
    result, instance = run_step_as_asset(cluster, books)
    description, metadata = failure_of(result)
    assert description == (
        "recsys_assets.steps.validation.drops:validate_drops failed on Databricks: "
        "KeyError: 'books'\n"
        f"Run: {double.only_run.page}"
    )
    assert metadata == {RUN_LINK: double.only_run.page}
    assert double.only_run.outcome == "FAILED"
    assert TOKEN not in everything_written(instance, result.run_id, double)
