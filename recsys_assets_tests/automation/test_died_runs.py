"""A run that died is mended by what it left undone, not by any other run of its job."""

import dagster as dg

from recsys_assets_tests.automation.platform import DEFS, Platform, subjects
from recsys_assets_tests.resources.alert_servers import Mailbox


def test_a_run_that_died_is_not_mended_by_a_part_of_its_job(
    platform: Platform, mailbox: Mailbox
) -> None:
    job = DEFS.resolve_job_def("daily")
    run = platform.instance.create_run_for_job(job)
    platform.instance.report_run_failed(run, "Run worker stopped: exit code 137")
    job.execute_in_process(  # as `recsys run --select validated/ratings` does
        instance=platform.instance,
        asset_selection=[dg.AssetKey(["validated", "ratings"])],
        run_config={"resources": {"switch": {"config": {}}}},
    )
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] daily failed"]
    platform.run()
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] daily failed", "[recovered] daily failed"]
