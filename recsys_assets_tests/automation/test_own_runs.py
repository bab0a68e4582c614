"""Runs of `recsys run` look to Dagster like its own once they have ended."""

import dagster as dg
from dagster._core.storage.tags import TAGS_TO_MAYBE_OMIT_ON_RETRY
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import should_retry

from recsys_assets.automation.own_runs import (
    MAX_RETRIES,
    REPOSITORY,
    hand_to_dagster,
    process_of,
    tags_of_this_process,
)
from recsys_assets.home import PROJECT, Home


@dg.op
def work() -> None: ...


@dg.job
def main() -> None:
    work()


def test_a_run_is_handed_over_when_it_has_ended_and_not_before() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        tags = tags_of_this_process()
        run = instance.create_run_for_job(main, tags=tags, status=dg.DagsterRunStatus.STARTED)
        hand_to_dagster(instance, run.run_id)
        living = instance.get_run_by_id(run.run_id)
        assert living is not None and living.remote_job_origin is None
        assert process_of(living) > 0
        instance.report_run_failed(run)
        hand_to_dagster(instance, run.run_id)
        dead = instance.get_run_by_id(run.run_id)
        assert dead is not None and dead.status is dg.DagsterRunStatus.FAILURE
        assert dead.remote_job_origin is not None
        assert process_of(dead) == 0
        (listed,) = instance.get_runs(dg.RunsFilter(tags={REPOSITORY: tags[REPOSITORY]}))
        assert listed == dead
        hand_to_dagster(instance, "a run that never began")


def test_a_daemon_retries_what_is_repeated_of_a_run_and_not_the_run(home: Home) -> None:
    home.prepare()
    with dg.DagsterInstance.from_config(str(home.dagster)) as instance:
        assert instance.run_retries_enabled
        run = instance.create_run_for_job(
            main, tags=tags_of_this_process(), status=dg.DagsterRunStatus.STARTED
        )
        instance.report_run_failed(run)
        hand_to_dagster(instance, run.run_id)
        ended = instance.get_run_by_id(run.run_id)
        assert ended is not None and not should_retry(ended, instance)
        inherited = {k: v for k, v in ended.tags.items() if k not in TAGS_TO_MAYBE_OMIT_ON_RETRY}
        assert MAX_RETRIES not in inherited
        again = instance.create_run_for_job(
            main, tags=inherited, status=dg.DagsterRunStatus.STARTED
        )
        instance.report_run_failed(again)
        failed = instance.get_run_by_id(again.run_id)
        assert failed is not None and should_retry(failed, instance)


def test_it_lies_where_the_workspace_has_the_jobs() -> None:
    (location,) = WorkspaceFileTarget([str(PROJECT / "workspace.yaml")]).create_origins()
    name = dg.Definitions().get_repository_def().name
    assert tags_of_this_process()[REPOSITORY] == f"{name}@{location.location_name}"
