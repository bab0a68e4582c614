"""A retry that fails elsewhere; a summary while a channel is down."""

import dagster as dg

from recsys_assets_tests.automation.platform import Platform, subjects
from recsys_assets_tests.resources.alert_servers import Mailbox, Posts


def test_a_retry_that_fails_in_another_step_is_told(platform: Platform, mailbox: Mailbox) -> None:
    broken = {"early"}

    @dg.op
    def early() -> int:
        if "early" in broken:
            raise ConnectionError("database is locked")
        return 1

    @dg.op
    def late(given: int) -> None:
        raise ValueError("the model diverged")

    @dg.job(executor_def=dg.in_process_executor)
    def publish() -> None:
        late(early())

    def run(**tags: str) -> str:
        return publish.execute_in_process(
            instance=platform.instance, raise_on_error=False, tags=tags
        ).run_id

    first = run(**{"dagster/will_retry": "true"})
    again = {"dagster/parent_run_id": first, "dagster/retry_number": "1"}
    run(**again)
    assert platform.tick_all() == []
    assert subjects(mailbox) == ["[error] early failed in publish"], "the same step: silent"
    broken.clear()
    run(**again)
    assert platform.tick_all() == []
    assert subjects(mailbox)[1:] == [
        "[error] late failed in publish",
        "[recovered] early failed in publish",
    ]


def test_a_channel_that_is_down_does_not_swallow_what_was_published(
    platform: Platform, mailbox: Mailbox, posts: Posts
) -> None:
    @dg.asset
    def top_k() -> None: ...

    @dg.asset_check(asset=top_k)
    def warns() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    defs = dg.Definitions(assets=[top_k], asset_checks=[warns])
    posts.status = 503
    defs.resolve_implicit_global_asset_job_def().execute_in_process(instance=platform.instance)
    assert len(platform.tick_all()) == 1
    posts.status = 200
    platform.tick("redeliver_alerts")
    assert subjects(mailbox)[-1] == "[info] ad-hoc run published"
    assert [body["title"] for body in posts.bodies][-1] == "ad-hoc run published"
