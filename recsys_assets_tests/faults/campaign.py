"""The fault campaign: inject, look what people were told, run again, compare; print the table.

    python -m recsys_assets_tests.faults.campaign [--quick] [--only FAMILY] [--named TEXT]
        [--slice 1/6] [--keep FOLDER] [--seed 7]

After each injection: no accepted row lost, none doubled; consumers saw only whole versions; the
right alert, once; the re-run equals the undisturbed run.
"""

import argparse
import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from random import Random

import dagster as dg
import polars as pl

from recsys_assets.home import Home
from recsys_assets_tests.faults.bench import FLOW, INGEST, Bench
from recsys_assets_tests.faults.contents import (
    WATCHED,
    Reader,
    content_of,
    differing,
    is_readable,
    tables,
)
from recsys_assets_tests.faults.fault import Fault, NotHereError
from recsys_assets_tests.faults.faults import all_faults
from recsys_assets_tests.faults.homes import DAYS, build_template, copy_of
from recsys_assets_tests.faults.outcomes import Outcome, sums_of, table_of
from recsys_assets_tests.resources.alert_servers import smtp_server, webhook_server


class Campaign:
    """A template, what must come out of its second day, and the injections."""

    def __init__(self, folder: Path, seed: int, publish: bool) -> None:
        self.folder, self.seed = folder, seed
        self.template, undisturbed = Home(root=folder / "template"), folder / "undisturbed"
        usual = folder / "usual.json"
        if not usual.exists():
            usual.write_text(json.dumps(self._prepare(undisturbed, FLOW if publish else INGEST)))
        # Told on a day without faults, e.g. of models that such small data teach little.
        self.usual = json.loads(usual.read_text())
        self.injected = 0
        self.expected = tables(Home(root=undisturbed))
        self.ingested = {k: v for k, v in self.expected.items() if k in ("ratings", "files")}
        self.contents = {
            table: {content_of(home, table) for home in (self.template, Home(root=undisturbed))}
            for table in WATCHED
            if is_readable(self.template, table)
        }

    def _prepare(self, undisturbed: Path, selection: dg.AssetSelection) -> list[list[str]]:
        """Publish the first day, and beside it both days; what is told of without faults."""
        build_template(self.template.root)
        with smtp_server() as mailbox, webhook_server() as posts:
            first = Bench(self.template, mailbox, posts)
            assert first.run(selection, DAYS[:1]), "the first day must work"
            second = Bench(copy_of(self.template, undisturbed), mailbox, posts)
            second.tick()
            second.land_day_two(self.template)
            assert second.run(selection), "the second day must work"
            second.tick()
            return [body["subjects"] for body in posts.bodies]

    def inject(self, fault: Fault) -> Outcome:
        """Inject one fault into a fresh copy and judge what comes of it."""
        outcome, started = Outcome(fault), time.monotonic()
        # A new folder each time: MLflow keeps databases open that it has once seen.
        self.injected += 1
        folder = self.folder / f"struck-{os.getpid()}-{self.injected}"
        with smtp_server() as mailbox, webhook_server() as posts:
            bench = Bench(copy_of(self.template, folder), mailbox, posts)
            bench.tick()
            bench.land_day_two(self.template)
            reader = Reader(bench.home)
            reader.start()
            try:
                fault.strike(bench, Random(f"{self.seed}:{fault.name}"))
            except NotHereError as reason:
                outcome.note = str(reason)
            except Exception:  # noqa: BLE001  a fault that cannot be judged is a result
                outcome.problems.append(traceback.format_exc(limit=-3))
            self._judge(bench, outcome, reader)
            bench.mounted.close()
        shutil.rmtree(folder, ignore_errors=True)
        outcome.seconds = time.monotonic() - started
        return outcome

    def _judge(self, bench: Bench, outcome: Outcome, reader: Reader) -> None:
        fault = outcome.fault
        told = [b for b in bench.told() if not b["resolved"] and b["subjects"] not in self.usual]
        outcome.told = dict(Counter(body["kind"] for body in told))
        expected = dict.fromkeys(fault.tells, 1) if not outcome.note else outcome.told
        if outcome.told != expected:
            causes = "; ".join(body["cause"][:200] for body in told)
            outcome.problems.append(f"told {outcome.told}, not {expected}: {causes}")
        keys = Counter(body["event_key"] for body in bench.posts.bodies)
        mails = Counter(str(mail["Message-ID"]) for mail in bench.mailbox.mails)
        if [key for key, count in (keys | mails).items() if count > 1]:
            outcome.problems.append("an event was told twice")
        if not bench.run(FLOW if fault.publishes else INGEST):
            outcome.problems.append(f"the re-run failed: {bench.last_error()}")
        bench.tick()
        reader.done.set()
        reader.join()
        found = tables(bench.home)
        if fault.publishes:
            wrong = differing(found, self.expected)
        else:
            wrong = differing({k: found[k] for k in self.ingested}, self.ingested)
        outcome.problems += [f"{table} differs from the undisturbed run" for table in wrong]
        outcome.problems += bench.lost_or_doubled()
        for table, whole in self.contents.items():
            if fault.family in ("drop", "channel", "locked") and table == "ratings":
                continue  # other rows were accepted for a while, and rightly so
            if fault.family == "damage":
                continue
            if torn := reader.seen[table] - whole:
                outcome.problems.append(f"a reader saw half of {table}: {sorted(torn)}")


def chosen(quick: bool, only: str, named: list[str] | None, part: str) -> list[Fault]:
    """The injections asked for."""
    faults = [f for f in all_faults() if not quick or f.quick]
    faults = [f for f in faults if not only or f.family in only.split(",")]
    faults = [f for f in faults if any(word in f.name for word in named or [""])]
    number, _, count = (part or "1/1").partition("/")
    return faults[int(number) - 1 :: int(count)]


def main(words: list[str] | None = None) -> int:
    """Run it; 0 where everything held."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="only what takes seconds")
    parser.add_argument("--only", default="", help="families, by comma")
    parser.add_argument("--named", action="append", help="part of a name; may stand repeatedly")
    parser.add_argument("--slice", default="", help="every n-th injection: 1/4, 2/4 …")
    parser.add_argument("--keep", default="", help="folder of the bench, for the slices after this")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(words)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    faults = chosen(given.quick, given.only, given.named, given.slice)
    outcomes: list[Outcome] = []
    with contextlib.ExitStack() as stack:
        folder = given.keep or stack.enter_context(
            tempfile.TemporaryDirectory(prefix="recsys-faults-")
        )
        publish = bool(given.keep) or any(fault.publishes for fault in faults)
        campaign = Campaign(Path(folder), given.seed, publish)
        for fault in faults:
            outcomes.append(campaign.inject(fault))
            last = outcomes[-1]
            mark = "ok" if last.passed else "FAILED"
            print(f"{mark:6} {last.seconds:5.1f} s  {fault.name}  {last.note}", flush=True)
            for problem in last.problems:
                print(f"         {problem}", flush=True)
    with pl.Config(
        tbl_rows=-1, fmt_str_lengths=70, tbl_width_chars=170, tbl_hide_dataframe_shape=True
    ):
        print(table_of(outcomes))
        print(sums_of(outcomes))
    injected = [o for o in outcomes if not o.note]
    good = sum(o.passed for o in injected)
    missing = len(outcomes) - len(injected)
    print(f"{len(injected)} injections, {good} held, {missing} not possible here")
    return 0 if all(o.passed for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
