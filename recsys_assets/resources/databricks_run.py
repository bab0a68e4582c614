"""One run on Databricks through Dagster Pipes: submitted, followed to its end, its messages kept.

The library's own client does the work. What is added here: the run's page is told, messages can
be read after a failure too, and an interruption is remembered, because the library cancels the
Databricks run and then carries on as if the run had succeeded.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_databricks import PipesDatabricksClient
from dagster_databricks.pipes import PipesUnityCatalogVolumesContextInjector
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from recsys_assets.resources.kept_messages import KeptVolumeMessages

LOST_MACHINES = ("DRIVER_ERROR", "CLUSTER_ERROR", "CLOUD_FAILURE", "INTERNAL_ERROR")
"""Termination codes of runs that ended for want of machines, not by what they did."""


class FollowedRun(PipesDatabricksClient):
    """The library's client for one run, which remembers what became of it."""

    def __init__(self, workspace: WorkspaceClient, volume: str, poll_seconds: float) -> None:
        self.messages = KeptVolumeMessages(
            client=workspace, volume_path=volume, include_stdio_in_messages=False
        )
        self.run_id: int | None = None
        """Databricks' number of the run; None until it was submitted."""
        self.page = ""
        """Address of the run's page."""
        self.interrupted = False
        """Whether this process was told to stop while the run went on."""
        self.lost = ""
        """What became of the run where Databricks could not be asked for it any more."""
        super().__init__(
            workspace,
            context_injector=PipesUnityCatalogVolumesContextInjector(
                client=workspace, volume_path=volume
            ),
            message_reader=self.messages,
            poll_interval_seconds=poll_seconds,
        )

    def _poll_til_success(self, context: Any, run_id: int) -> None:
        self.run_id = run_id
        try:
            self.page = self.client.jobs.get_run(run_id).run_page_url or ""
            context.log.info(f"Databricks run {run_id}: {self.page}")
            super()._poll_til_success(context, run_id)
        except dg.DagsterExecutionInterruptedError:
            self.interrupted = True
            raise
        except OSError as error:
            # A run that nobody follows must not go on writing tables.
            self.lost = f"{self._given_up(run_id)} its state could not be asked for: {error}"
            raise ConnectionError(self.lost) from error

    def _given_up(self, run_id: int) -> str:
        try:
            self.client.jobs.cancel_run(run_id)
        except OSError:
            return f"cancel run {run_id} on Databricks by hand, for it may go on writing tables:"
        return "cancelled, because"

    def lost_machines(self) -> str:
        """Databricks' code for the loss of the run's machines; empty where it ended otherwise.

        The same step may well succeed on other machines; after an error of its own it will not.
        """
        status = self._known().status
        details = status.termination_details if status else None
        code = details.code.value if details and details.code else ""
        return code if code in LOST_MACHINES else ""

    def hours(self) -> float:
        """From submission to end, the start of the cluster included; 0 where nobody can say."""
        run = self._known()
        if not run.start_time or not run.end_time:
            return 0.0
        return (run.end_time - run.start_time) / 3_600_000

    def fault(self) -> str:
        """Why the run failed: by Databricks, or for want of it; empty where neither is known."""
        run = self._known()
        state = run.state or jobs.RunState()
        if state.result_state in (None, jobs.RunResultState.SUCCESS):
            return self.lost
        try:
            named = self.lost_machines() or state.result_state.value
            said = [named, state.state_message, *self._task_errors(run)]
        except OSError:  # the error at hand says more than that its cause cannot be asked for
            return ""
        return ": ".join(part.rstrip(".") for part in said if part)

    def _known(self) -> jobs.Run:
        """The run as Databricks has it; nothing of it where it cannot be asked for."""
        if self.run_id is None or self.lost:
            return jobs.Run()
        try:
            return self.client.jobs.get_run(self.run_id)
        except OSError:
            return jobs.Run()

    def _task_errors(self, run: jobs.Run) -> Iterator[str | None]:
        for task in run.tasks or []:
            if task.run_id is not None:
                yield self.client.jobs.get_run_output(task.run_id).error

    def cancel_all_named(self, name: str, context: dg.AssetExecutionContext) -> None:
        """Cancel runs of that name that still go on, whether their number is known or not."""
        try:
            for run in self.client.jobs.list_runs(active_only=True):
                if run.run_name == name and run.run_id is not None:
                    self.client.jobs.cancel_run(run.run_id)
        except OSError as error:
            context.log.error(f"cancel the run {name!r} on Databricks by hand: {error}")


class ReportingContext:
    """The context of an asset whose results are a step's report, not Pipes' own results.

    Pipes binds the asset to materialize everything it declares; a step that found nothing to do
    materializes nothing. All else is the context's own.
    """

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def set_requires_typed_event_stream(self, *, error_message: str | None = None) -> None:
        """Leave it to the asset what it materializes."""
