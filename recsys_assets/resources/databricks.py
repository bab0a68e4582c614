"""Steps on Databricks: submitted by name, run on a job cluster each, their reports brought back.

    step, params -> context in a volume -> one-task run of the project's wheel on a new cluster
                 <- messages in the volume: the step's report, or its error

Only a run that Databricks calls a success and whose report arrived counts; in every other case
the asset fails, with the step's own message and a link to the run.
"""

import uuid
from pathlib import Path

import dagster as dg
from databricks.sdk import WorkspaceClient
from pydantic import BaseModel, Field

from recsys_assets.costs import PriceError, estimate_run, read_prices
from recsys_assets.resources.azure.secrets import reveal
from recsys_assets.resources.azure.workspace import DatabricksByAzure
from recsys_assets.resources.compute import Compute
from recsys_assets.resources.databricks_cluster import ClusterSettings, step_task, uploaded_wheel
from recsys_assets.resources.databricks_run import FollowedRun, ReportingContext
from recsys_assets.steps.remote import Order
from recsys_assets.steps.report import StepReport
from recsys_assets.steps.session import Step, name_of

RUN_LINK = "Databricks run"
"""Title of the link to the run in reports and failures."""


class DatabricksSpark(Compute):
    """Steps run on Databricks, on a new job cluster each."""

    host: str = Field(description="Address of the workspace, https://adb-….azuredatabricks.net.")
    token: str = Field(
        default="",
        repr=False,
        description="Access token, or where a vault keeps it; it never leaves this process."
        " Without one the identity of this process serves.",
    )
    wheel: str = Field(
        default="",
        description="The project's wheel, as the cluster sees it: /Volumes/….whl. Without one the"
        " package that runs here is packed and uploaded, once for the same content.",
    )
    volume: str = Field(description="Unity Catalog volume through which steps report back.")
    lake: str = Field(description="Folder of the tables, as the cluster sees it.")
    landing: str = Field(description="Folder of landed files, as the cluster sees it.")
    rejected: str = Field(description="Folder of rejected files, as the cluster sees it.")
    registry: str = Field(default="databricks", description="MLflow's address, seen from there.")
    artifacts: str = Field(default="", description="Folder of MLflow's files; its choice if empty.")
    cluster: ClusterSettings = Field(
        default_factory=ClusterSettings, description="The cluster of each step."
    )
    timeout_seconds: int = Field(
        default=4 * 3600, gt=0, description="Databricks ends a run that takes longer."
    )
    attempts: int = Field(
        default=2, ge=1, description="Submissions of a step whose machines get lost; steps repeat."
    )
    prices: str = Field(default="", description="Table of prices; the packaged one if empty.")
    poll_seconds: float = Field(default=5, gt=0, description="Time between looks at a run.")

    def run(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> StepReport:
        """Submit the step, wait for its end and return its report, with a link to the run.

        Raises:
            dagster.Failure: the step failed, the run did not succeed, no report arrived, or the
                package could not be uploaded.
            dagster.DagsterExecutionInterruptedError: this process was told to stop; the run on
                Databricks is cancelled.
        """
        self.wait_for_turn(context)
        workspace = self._workspace()
        wheel = self.wheel or uploaded_wheel(workspace, self.volume)
        for attempt in range(1, self.attempts + 1):
            run = FollowedRun(workspace, self.volume, self.poll_seconds)
            try:
                return self._run_once(run, context, step, params, wheel)
            except dg.Failure:
                lost = run.lost_machines()
                if not lost or attempt == self.attempts:
                    raise
                context.log.warning(
                    f"{name_of(step)}: Databricks lost its machines ({lost}), {run.page}; "
                    f"submitted again ({attempt + 1} of {self.attempts})"
                )
        raise AssertionError("the last attempt returns or raises")

    def _run_once(
        self,
        run: FollowedRun,
        context: dg.AssetExecutionContext,
        step: Step,
        params: BaseModel,
        wheel: str,
    ) -> StepReport:
        token = uuid.uuid4().hex
        name = f"{name_of(step)} {context.run_id} {token[:8]}"
        try:
            run.run(
                context=ReportingContext(context),  # type: ignore[arg-type]
                task=step_task(self.cluster, wheel),
                extras=self._order(context, step, params).model_dump(mode="json"),
                submit_args={
                    "run_name": name,
                    "timeout_seconds": self.timeout_seconds,
                    # A submission repeated because its answer got lost starts no second run.
                    "idempotency_token": token,
                },
            )
        except dg.DagsterExecutionInterruptedError:
            run.cancel_all_named(name, context)
            raise
        except Exception as error:
            if run.interrupted:  # the library's own try to cancel it may be what failed
                run.cancel_all_named(name, context)
                raise dg.DagsterExecutionInterruptedError from error
            raise _failure(step, run, str(error)) from error
        if run.interrupted:
            raise dg.DagsterExecutionInterruptedError
        report = run.messages.answer.report
        if report is None:
            raise _failure(step, run, "the run ended well, but no report of the step arrived")
        report.links[RUN_LINK] = run.page
        report.figures.update(self._costs(run, context))
        return report

    def _costs(self, run: FollowedRun, context: dg.AssetExecutionContext) -> dict[str, float]:
        """Hours of the run, and what they cost with one worker and with all of them."""
        hours = run.hours()
        if not hours:
            return {}
        figures = {"databricks_hours": round(hours, 4)}
        least, most = (1 + n for n in (self.cluster.min_workers, self.cluster.max_workers))
        try:
            prices = read_prices(Path(self.prices) if self.prices else None)
            for name, machines in (("least", least), ("most", most)):
                cost = estimate_run(prices, self.cluster.node_type, machines, hours).cost
                figures[f"vm_hours_at_{name}"] = round(machines * hours, 4)
                figures[f"cost_at_{name}_{prices.currency.lower()}"] = round(cost, 4)
        except PriceError as error:
            context.log.warning(f"The run's cost is not told: {error}")
        return figures

    def _workspace(self) -> WorkspaceClient:
        token = reveal(self.token)
        if not token:
            return WorkspaceClient(host=self.host, credentials_strategy=DatabricksByAzure())
        # Of the ways to log in that the environment knows for others, such as MLflow, none counts.
        return WorkspaceClient(host=self.host, token=token, auth_type="pat")

    def _order(self, context: dg.AssetExecutionContext, step: Step, params: BaseModel) -> Order:
        return Order(
            step=name_of(step),
            params=params.model_dump(mode="json"),
            run_id=context.run_id,
            lake=self.lake,
            landing=self.landing,
            rejected=self.rejected,
            registry=self.registry,
            artifacts=self.artifacts,
        )


def _failure(step: Step, run: FollowedRun, error: str) -> dg.Failure:
    """What went wrong, from the one who knows best: the step, then Databricks, then this end."""
    reason = run.messages.answer.error or run.fault() or error
    description = f"{name_of(step)} failed on Databricks: {reason}"
    if not run.page:
        return dg.Failure(description)
    link = dg.MetadataValue.url(run.page)
    return dg.Failure(f"{description}\nRun: {run.page}", metadata={RUN_LINK: link})
