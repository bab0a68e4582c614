"""Every check of the platform has a cause in words where it fails with figures alone."""

import dagster as dg

from recsys_assets.assets import ASSETS
from recsys_assets.automation.catalogue import build_catalogue
from recsys_assets.automation.causes import kind_of_check
from recsys_assets.automation.check_alerts import alert_for_failed_checks
from recsys_assets.automation.sensors import story_of
from recsys_assets.checks import CHECKS
from recsys_assets.checks.drift import drift_checks
from recsys_assets.home import Home
from recsys_assets.resources.storage import Storage


def test_a_check_that_gives_figures_alone_is_told_in_words(home: Home) -> None:
    @dg.asset
    def ratings() -> None: ...

    @dg.asset_check(asset=ratings)
    def every_line_is_there() -> dg.AssetCheckResult:
        """No line is lost."""
        table = "| file | lines |\n|---|---|\n| a.csv | 7 |"
        return dg.AssetCheckResult(
            passed=False, metadata={"Unbalanced": dg.MetadataValue.md(table)}
        )

    defs = dg.Definitions(assets=[ratings], asset_checks=[every_line_is_there])
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        run = instance.get_run_by_id(job.execute_in_process(instance=instance).run_id)
        assert run is not None
        catalogue = build_catalogue([ratings], [every_line_is_there])
        alert = alert_for_failed_checks(
            story_of(run, instance, catalogue, Storage(home=str(home.root)))
        )
    assert alert is not None
    assert alert.cause == "This does not hold: No line is lost.\nFound: Unbalanced = | a.csv | 7 |"


def test_every_check_promises_something() -> None:
    assert all(build_catalogue(ASSETS, CHECKS).promises.values())


def test_failed_checks_of_drift_lead_to_the_section_about_drift() -> None:
    names = [spec.name for check in drift_checks for spec in check.check_specs]
    assert {kind_of_check(name) for name in names} == {"drift"}


def test_each_section_about_checks_is_that_of_some_check() -> None:
    kinds = {kind_of_check(spec.name) for check in CHECKS for spec in check.check_specs}
    assert kinds == {"drift", "file-rejected", "quarantine", "lines-lost", "check-failed"}
