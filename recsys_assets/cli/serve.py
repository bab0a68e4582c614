"""Commands about the scoring and lookup service: serve, bundles, feedback, what it costs."""

import datetime
from typing import Annotated

import typer
from pydantic import ValidationError

from recsys_assets.cli.shared import JsonOption, console, deployment, print_json, print_table
from recsys_assets.contracts.feedback import FEEDBACK
from recsys_assets.lake.journals import land_journals
from recsys_assets.serving.address import free_address

app = typer.Typer()

bundles_app = typer.Typer(no_args_is_help=True, help="What the service answers from.")
cost_app = typer.Typer(no_args_is_help=True, help="What things cost.")


@app.command("serve")
def serve_command(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8080,
    workers: Annotated[int, typer.Option(help="Processes; one per core.", min=1)] = 2,
) -> None:
    """Serve recommendations over HTTP, with a page for people; Ctrl-C ends it.

    Without RECSYS_SERVE_ISSUERS no tokens are asked for, and only this machine may ask.

    Example: recsys serve --port 8081
    """
    from recsys_assets.serving.server import serve
    from recsys_assets.serving.settings import ServiceSettings, in_words, settings_of

    where = deployment()
    try:
        settings = ServiceSettings.model_validate(
            settings_of(where.serving) | {"host": host, "port": port, "workers": workers}
        )
    except ValidationError as error:
        raise typer.BadParameter(in_words(error)) from error
    free_address(host, port)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    console.print(f"{address}  (API: {address}/openapi.json)", markup=False)
    for serves, ours in (
        (settings.bundles, where.home.bundles),
        (settings.feedback, where.home.feedback),
    ):
        if serves.resolve() != ours.resolve():
            console.print(
                f"{ours.name}: {serves}; all other commands and runs know {ours} alone",
                soft_wrap=True,
            )
    serve(settings)


@app.command("feedback")
def feedback_command() -> None:
    """Land what the service was told on all days before today; the schedule does so every night.

    Example: recsys feedback
    """
    home = deployment().home
    today = datetime.datetime.now(datetime.UTC).date()
    landed = land_journals(home.feedback, home.landing_zone, today)
    console.print(f"landed {len(landed)} journals in {home.landing_zone.landing / FEEDBACK.name}")


@bundles_app.command("list")
def list_command(as_json: JsonOption = False) -> None:
    """Show the bundles on disk, and which of them serve.

    Example: recsys bundles list
    """
    from recsys_assets.serving.folder import BundleError, versions_in
    from recsys_assets.serving.pointer import read_pointer

    root = deployment().home.bundles
    try:
        pointer = read_pointer(root)
    except BundleError as error:
        there = ", ".join(versions_in(root))
        choice = f"; or choose one by `recsys bundles use`: {there}" if there else ""
        raise typer.BadParameter(f"{error}{choice}") from error
    roles = {pointer.previous: "previous", pointer.canary: "canary", pointer.champion: "champion"}
    rows = [
        {
            "version": version,
            "serves as": roles.get(version, ""),
            "share": pointer.canary_share if version == pointer.canary else None,
        }
        for version in reversed(versions_in(root))
    ]
    if as_json:
        print_json(rows)
        return
    print_table(f"Bundles in {root}", rows)


@bundles_app.command("use")
def use_command(
    champion: Annotated[str, typer.Argument(help="Version that most users get.")],
    canary: Annotated[str | None, typer.Option(help="Version that some users get.")] = None,
    share: Annotated[
        float | None, typer.Option(help="Share of those users; 0.1 unless given.", min=0, max=1)
    ] = None,
    salt: Annotated[
        str | None, typer.Option(help="Name of the experiment; canary unless given.")
    ] = None,
) -> None:
    """Choose what serves, within a second and without dropping a request; also the way back.

    The champion holds until the next bundle is made, as each run that publishes does; a canary goes
    on beside that one until this command names none.

    Example: recsys bundles use 20260131T031500000000-0123456789abcdef
    """
    from recsys_assets.serving.bundle import load_bundle
    from recsys_assets.serving.folder import BundleError
    from recsys_assets.serving.pointer import promote

    root = deployment().home.bundles
    if canary == champion:
        raise typer.BadParameter("a canary is another version than the champion")
    given = {"canary_share": share, "salt": salt}
    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen and not canary:
        raise typer.BadParameter("--share and --salt are a canary's: name it by --canary")
    try:
        for version in filter(None, (champion, canary)):
            load_bundle(root / version)
        trial = {"canary": canary, "canary_share": 0.1, **chosen} if canary else None
        pointer = promote(root, champion, trial=trial)
    except BundleError as error:
        raise typer.BadParameter(str(error)) from error
    console.print(
        f"champion {champion}"
        + (f", canary {canary} for {100 * pointer.canary_share:g}%" if canary else "")
    )
    _promote_in_registry(champion)


def _promote_in_registry(bundle: str) -> None:
    """Make the registered version of a bundle the champion, too: `recsys status` names it."""
    from mlflow.exceptions import MlflowException

    from recsys_assets.registry.champions import promote, version_tagged
    from recsys_assets.serving.pointer import BUNDLE_MODEL, BUNDLE_TAG

    registry = deployment().home.registry
    if registry.is_empty:
        return
    try:
        version = version_tagged(registry, BUNDLE_MODEL, BUNDLE_TAG, bundle)
        if version is not None:
            promote(registry, BUNDLE_MODEL, version, "its bundle was chosen by hand")
    except MlflowException as error:
        console.print(
            f"it serves, but the registry names another champion of {BUNDLE_MODEL} and cannot be"
            f" told ({error}); call this once more when it answers",
            markup=False,  # an error may hold brackets
        )


@cost_app.command("serve")
def cost_command(
    qps: Annotated[float, typer.Option(help="Requests per second at the busiest hour.", min=0.1)],
    rank_share: Annotated[
        float, typer.Option(help="Share of them that rank 100 candidates.", min=0, max=1)
    ] = 0.05,
    fold_share: Annotated[
        float, typer.Option(help="Share of them that fold in a new user.", min=0, max=1)
    ] = 0.01,
    core_hour: Annotated[
        float, typer.Option(help="Price of one core for an hour, in any currency.", min=0)
    ] = 0.05,
    as_json: JsonOption = False,
) -> None:
    """How many replicas a load needs, by the measured cost of each kind of request.

    Example: recsys cost serve --qps 2000 --rank-share 0.1
    """
    from recsys_assets.serving.sizing import size_for

    if rank_share + fold_share > 1:
        raise typer.BadParameter("the shares add up to more than 1")
    sizing = size_for(qps, rank_share, fold_share, core_hour)
    if as_json:
        print_json(sizing.model_dump())
        return
    print_table(
        f"Serving {qps:g} requests/s",
        [{"what": name, "value": value} for name, value in sizing.model_dump().items()],
    )
