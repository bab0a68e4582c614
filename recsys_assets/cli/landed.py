"""What people are told of files they land: what each is read as, and which others win over it."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from shlex import quote

from rich.markup import escape

from recsys_assets.cli.remote_faults import remote_fault_of
from recsys_assets.cli.shared import console
from recsys_assets.contracts import DATASETS
from recsys_assets.kernels.delimited import ShapeFault, recognize_dialect
from recsys_assets.lake.account import account_of_files
from recsys_assets.lake.landed import LandedFile
from recsys_assets.lake.landed_bytes import read_head
from recsys_assets.lake.landing import LandingZone
from recsys_assets.lake.names import place_in_drop
from recsys_assets.lake.tables import Lake


@contextmanager
def tables_may_be_closed() -> Iterator[None]:
    """Within it tables that Azure does not show are no error: who lands files need not read them.

    What has landed has landed; a job that is told otherwise would land it again, or wake somebody.
    """
    try:
        yield
    except Exception as error:
        if remote_fault_of(error) is None:
            raise


def tell_of_those_read_later(lake: Lake, new: set[str], drop: list[LandedFile]) -> None:
    """Say so where older files of the drop, in the order they are read in, win over a new one."""
    later = [*dropwhile(lambda file: file.name not in new, drop)]
    older = [file for file in later if file.name not in new and not _is_rejected(lake, file)]
    if older and DATASETS[older[0].dataset].key:
        console.print(
            f"{escape(older[0].name)} of the same drop is read later, by its name: of rows with "
            "one key that are equally old its own is kept; to correct those: "
            f"{escape(_withdrawal_of(later[0]))} --no-rebuild, then land it again under a name "
            "that comes last",
            highlight=False,
        )


def tell_of_those_landed_since(lake: Lake, zone: LandingZone, known: LandedFile) -> None:
    """Say so where rows of what had landed before stay behind those of files that came later.

    Whoever lands a catalogue again that another has replaced may mean to go back to it. Within a
    drop names tell which came later only where they are one name with numbers.
    """
    if not DATASETS[known.dataset].is_catalogue:
        return
    named, *_ = place_in_drop(known.path)
    later = dropwhile(lambda file: file.path != known.path, zone.files(known.dataset))
    since = [
        file
        for file in [*later][1:]
        if (file.date > known.date or place_in_drop(file.path)[0] == named)
        and not _is_rejected(lake, file)
    ]
    if since:
        last = since[-1]
        console.print(
            f"{escape(f'{last.dataset}/{last.date}/{last.name}')} came later: of rows with one key "
            "its own hold; to go back to this file land it under a later date, or: "
            f"{escape(_withdrawal_of(last))}",
            highlight=False,
        )


def _withdrawal_of(file: LandedFile) -> str:
    """The command that takes one file of a drop back, and leaves the others."""
    return f"recsys withdraw {file.dataset} {file.date} --file {quote(file.name)}"


def _is_rejected(lake: Lake, file: LandedFile) -> bool:
    """Whether a file was rejected as a whole when it was validated: no row of it is kept."""
    account = account_of_files(lake).filter(
        dataset=file.dataset, drop_date=file.date, file=file.name, size=file.size
    )
    return bool(account["rejected"].any())


def describe(path: Path, landed: LandedFile, day: datetime.date) -> str:
    """What became of a file that was landed for a day, as markup."""
    source, place = escape(str(path)), escape(f"{landed.dataset}/{landed.date}/{landed.name}")
    if landed.known:
        said = f"{source}: the same content has landed before as {place}; nothing copied"
        if landed.date == day:
            return said
        return f"{said}; if that date is wrong: {escape(_withdrawal_of(landed))}"
    try:
        form = recognize_dialect(read_head(landed.path), DATASETS[landed.dataset].dialects).name
    except ShapeFault as fault:
        return (
            f"{source}: landed as {place}, but it will be rejected when validated: "
            f"[yellow]{fault.rule}[/yellow] {escape(str(fault))}"
        )
    return f"{source}: landed as {place}, read as {form}"
