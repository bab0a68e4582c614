"""The commands put together; errors of people's input end in one clear line and exit code 1."""

import errno
import inspect
import sys

import typer
from rich.console import Console
from rich.markup import escape

from recsys_assets.backup import BackupError
from recsys_assets.cli import (
    bundle,
    champions,
    cost,
    data,
    evaluate,
    evaluate_clicks,
    machine,
    oncall,
    publications,
    quarantine,
    recommend,
    recovery,
    runs,
    serve,
    subscribers,
    tables,
)
from recsys_assets.cli.evaluate import EvaluationError
from recsys_assets.cli.remote_faults import remote_fault_of, server_fault_of
from recsys_assets.cli.shared import deployment
from recsys_assets.costs import PriceError
from recsys_assets.datasets import FetchError
from recsys_assets.delivery.lookup import StoreError
from recsys_assets.delivery.warehouse_tables import WarehouseError
from recsys_assets.deployment import DeploymentError
from recsys_assets.lake.damage import UNREADABLE, damage_of, find_damage
from recsys_assets.lake.landing import LandingError
from recsys_assets.lake.tables import MissingTableError
from recsys_assets.registry.champions import PromotionError
from recsys_assets.resources.alerts.message import without_controls
from recsys_assets.resources.azure.secrets import SecretError
from recsys_assets.resources.jars import SparkSetupError
from recsys_assets.resources.ownership import ForeignTablesError
from recsys_assets.resources.run_lock import HomeBusyError
from recsys_assets.serving.address import ListenError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="A recommender data platform: raw files in, validated tables, models and "
    "recommendations out.\n\nExample: [bold]recsys generate && recsys run && recsys status[/bold]",
)
for module in (
    data,
    runs,
    tables,
    recommend,
    evaluate,
    evaluate_clicks,
    champions,
    serve,
    publications,
    bundle,
    recovery,
    oncall,
    machine,
):
    app.add_typer(module.app)
app.add_typer(serve.bundles_app, name="bundles")
app.add_typer(cost.cost_app, name="cost")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(subscribers.app, name="subscribers")


def _flow(part: typer.Typer) -> None:
    """Let the help of commands fill the terminal: typer would keep the line ends of the source."""
    for command in part.registered_commands:
        paragraphs = (inspect.getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    for group in part.registered_groups:
        if group.typer_instance:
            _flow(group.typer_instance)


_flow(app)

EXPECTED = (
    BackupError,
    DeploymentError,
    EvaluationError,
    FetchError,
    ForeignTablesError,
    HomeBusyError,
    LandingError,
    ListenError,
    MissingTableError,
    PriceError,
    PromotionError,
    SecretError,
    SparkSetupError,
    StoreError,
    WarehouseError,
)
"""Errors whose message says all that a person needs."""

_OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
"""A disk that is full, a file or folder that is not for this user: no mistake of a program."""


def run() -> None:
    """Do what the command line says."""
    try:
        app()
    except UNREADABLE as error:
        if isinstance(error, EXPECTED) or getattr(error, "errno", None) in _OF_THE_MACHINE:
            said = str(error)
        elif damage := damage_of(error):
            said = "\n".join([damage, *find_damage(deployment().home.lake)])
        elif fault := remote_fault_of(error) or server_fault_of(error):
            said = fault
        else:
            raise
        Console(stderr=True).print(
            f"[red]error:[/red] {escape(without_controls(said))}", highlight=False
        )
        sys.exit(1)
