"""Commands about this machine: set-up and the UI."""

import os
import sys
from typing import Annotated

import typer

from recsys_assets.cli.shared import console, deployment
from recsys_assets.home import PROJECT
from recsys_assets.registry.address import without_account
from recsys_assets.resources.jars import resolve_jars
from recsys_assets.resources.jvm import archive_classes
from recsys_assets.serving.address import free_address

app = typer.Typer()


@app.command("setup")
def setup_command() -> None:
    """Prepare the home, fetch Spark's jars, compile; done once, needs the network.

    Example: recsys setup
    """
    from recsys_assets.kernels.compiled import compile_kernels

    home = deployment().home
    with console.status("compiling"):
        compile_kernels()
    with console.status("Spark's jars"):
        jars = resolve_jars(home.cache)
    with console.status("an archive of Spark's classes"):
        archive_classes(home.cache)
    if home.registry.address.is_file:
        with console.status("MLflow's database"):
            home.registry.experiment_id()
    console.print(f"{len(jars)} jars in {home.cache}; everything else lies in {home.root}")


@app.command("ui")
def ui_command(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 3000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="A UI that shows everything and starts nothing.")
    ] = False,
) -> None:
    """Open the Dagster UI, with the daemon that runs schedules and sensors; Ctrl-C ends both.

    With --read-only it is the UI alone, and nobody can launch, switch or delete anything in it.

    Example: recsys ui --port 3001
    """
    free_address("127.0.0.1", port)
    home = deployment().home
    # Dagster warns of any dagster.yaml in the working folder that is not its home's.
    os.chdir(home.dagster)
    workspace = str(PROJECT / "workspace.yaml")
    # It would name another command, of a package that only developers install.
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    command = [sys.executable, *quiet, "-m", "dagster", "dev", "-w", workspace]
    if read_only:
        command = [sys.executable, "-m", "dagster_webserver", "--read-only", "-w", workspace]
    os.execv(sys.executable, [*command, "-h", "127.0.0.1", "-p", str(port)])


@app.command("mlflow")
def mlflow_command(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 5000,
) -> None:
    """Open the MLflow UI on the registry: every training with its figures, plots and model.

    Example: recsys mlflow --port 5001
    """
    registry = deployment().home.registry
    if not registry.address.is_file:
        console.print(
            f"the registry is served by {without_account(registry.uri)}: open its pages there"
        )
        return
    free_address("127.0.0.1", port)
    # Eight processes more, each with all of MLflow, would wait for jobs that nobody asks for.
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", registry.uri]
    os.execv(sys.executable, [*command, "-h", "127.0.0.1", "-p", str(port)])
