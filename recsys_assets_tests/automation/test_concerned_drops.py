"""Of a run over several drops, a trouble is about those that it names: their repair ends it."""

import datetime

import dagster as dg

from recsys_assets.assets.partitions import DROPS, drop_tags
from recsys_assets.automation.catalogue import build_catalogue
from recsys_assets.automation.sensors import story_of, tell
from recsys_assets.steps.report import CONCERNED
from recsys_assets_tests.automation.platform import Platform, subjects
from recsys_assets_tests.resources.alert_servers import Mailbox, Posts

DAYS = [datetime.date(2026, 1, day) for day in (29, 30, 31)]
BAD = DAYS[1]


class Bad(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What is wrong with the one bad drop."""

    rejected: bool = False
    quarantined: bool = False
    date: str = BAD.isoformat()


@dg.asset(name="ratings", partitions_def=DROPS, backfill_policy=dg.BackfillPolicy.single_run())
def drops(bad: Bad) -> None:
    if bad.rejected:
        metadata = {CONCERNED: bad.date}
        raise dg.Failure("Every file of the drop was rejected", metadata=metadata)


@dg.asset_check(asset="ratings")
def few_quarantined_lines(bad: Bad) -> dg.AssetCheckResult:
    concerned = {CONCERNED: bad.date} if bad.quarantined else {}
    return dg.AssetCheckResult(passed=not bad.quarantined, metadata=concerned)


def _run(platform: Platform, dates: list[datetime.date], bad: Bad) -> None:
    definitions = dg.Definitions(
        [drops],
        asset_checks=[few_quarantined_lines],
        jobs=[dg.define_asset_job("ingest", executor_def=dg.in_process_executor)],
        resources={"bad": bad},
    )
    result = definitions.resolve_job_def("ingest").execute_in_process(
        instance=platform.instance, tags=drop_tags(dates), raise_on_error=False
    )
    run = platform.instance.get_run_by_id(result.run_id)
    assert run is not None
    catalogue = build_catalogue([drops], [few_quarantined_lines])
    story = story_of(run, platform.instance, catalogue, platform.storage)
    tell(story, platform.notifier, platform.storage)


def test_a_rejected_drop_is_mended_by_a_run_over_it_alone(
    platform: Platform, mailbox: Mailbox, posts: Posts
) -> None:
    _run(platform, DAYS, Bad(rejected=True))
    assert posts.bodies[0]["subjects"] == ["step:ratings@2026-01-30/2026-01-30"]
    assert "recsys withdraw ratings 2026-01-30 --no-rebuild" in mailbox.bodies()[0]
    _run(platform, [BAD], Bad())
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_a_check_that_names_a_drop_passes_with_it_alone(
    platform: Platform, mailbox: Mailbox
) -> None:
    _run(platform, DAYS, Bad(quarantined=True))
    assert "recsys quarantine show ratings --date 2026-01-30" in mailbox.bodies()[0]
    _run(platform, [DAYS[0], DAYS[2]], Bad())
    assert len(mailbox.mails) == 1
    _run(platform, [BAD], Bad())
    assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[recovered"]


def test_a_drop_that_was_corrected_is_mended_though_another_of_its_run_is_bad(
    platform: Platform, mailbox: Mailbox, posts: Posts
) -> None:
    other = "2026-01-29"
    for before, bad in (
        (Bad(rejected=True, date=other), Bad(rejected=True)),
        (Bad(quarantined=True, date=other), Bad(quarantined=True)),
    ):
        mailbox.mails.clear()
        _run(platform, [DAYS[0]], before)
        _run(platform, DAYS, bad)
        assert [s.split("]")[0] for s in subjects(mailbox)] == ["[error", "[error", "[recovered"]
        assert other in posts.bodies[-1]["subjects"][0]
        _run(platform, [BAD], Bad())
        assert [s.split("]")[0] for s in subjects(mailbox)][3:] == ["[recovered"]
