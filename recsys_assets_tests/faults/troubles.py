"""What goes wrong in three weeks, day by day, and what people must be told of it."""

import datetime
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recsys_assets_tests.faults.bench import PUBLISH, Bench
from recsys_assets_tests.faults.homes import definitions
from recsys_assets_tests.faults.landed import PAGE


@dataclass(frozen=True)
class Day:
    """One simulated day, its drop landed."""

    bench: Bench
    date: datetime.date
    file: str
    """Name of the file of ratings that landed."""

    def folder(self, ago: int = 0) -> Path:
        """The drop of the day, or of some days ago."""
        date = self.date - datetime.timedelta(days=ago)
        return self.bench.home.root / "landing" / "ratings" / date.isoformat()


def _a_page_lands(day: Day) -> None:
    (day.folder() / "page.csv").write_bytes(PAGE)


def _the_page_goes(day: Day) -> None:
    (day.folder(ago=1) / "page.csv").unlink()


def _a_page_lands_unsaid(day: Day) -> None:
    day.bench.mailbox.refuse_with = "451 later"
    _a_page_lands(day)


def _the_mail_is_back(day: Day) -> None:
    day.bench.mailbox.refuse_with = None
    _the_page_goes(day)


def _a_disk_fault(day: Day) -> None:
    lake = Path(day.bench.home.lake.root)
    max((lake / "interactions" / "_delta_log").glob("*.json")).write_bytes(b"rubbish")


def _the_table_goes(day: Day) -> None:
    shutil.rmtree(Path(day.bench.home.lake.root) / "interactions")


def _nothing_lands(day: Day) -> None:
    shutil.rmtree(day.folder())


def _bad_lines(day: Day) -> None:
    with (day.folder() / day.file).open("a") as more:
        more.write("x\n" * 5)


def _a_run_dies(day: Day) -> None:
    defs = definitions(day.bench.home)
    # Of the assets that the days make: what a run that died left undone has to be made up for.
    keys = PUBLISH.resolve(defs.resolve_asset_graph())
    job = defs.resolve_job_def("publish").get_subset(asset_selection=keys)
    with day.bench.instance() as instance:
        run = instance.create_run_for_job(job, asset_selection=frozenset(keys))
        instance.report_run_failed(run, "the process died: exit code 137")


def _nothing(day: Day) -> None:
    """An ordinary day."""


@dataclass(frozen=True)
class Trouble:
    """What happens on a day."""

    words: str = "-"
    strike: Callable[[Day], None] = _nothing
    told: str = "-"
    """Kinds of alerts that go out this day, and no others."""
    recovered: str = "-"
    """Kinds of troubles whose end is told this day."""
    down: bool = False
    """Whether neither schedule nor sensor ticks."""


TROUBLES = {
    4: Trouble("a sign-in page lands too", _a_page_lands, told="file-rejected"),
    5: Trouble("the page is taken away", _the_page_goes, recovered="file-rejected"),
    6: Trouble("the machine is down", down=True),
    7: Trouble("the machine is down", down=True),
    9: Trouble("a page lands, no mail server", _a_page_lands_unsaid, told="file-rejected"),
    10: Trouble("the mail server is back", _the_mail_is_back, recovered="file-rejected"),
    12: Trouble("a disk fault in interactions", _a_disk_fault, told="table-damaged"),
    13: Trouble("the table is moved away", _the_table_goes, recovered="table-damaged"),
    15: Trouble("nothing lands", _nothing_lands),
    17: Trouble("five bad lines", _bad_lines, told="quarantine"),
    19: Trouble("a run dies of memory", _a_run_dies, told="worker-died", recovered="worker-died"),
}
"""Number of the day → its trouble; the other days have none."""
ORDINARY = Trouble()
