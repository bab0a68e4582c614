"""Bad drops of every kind."""

import shutil
from collections.abc import Callable
from random import Random

from recsys_assets_tests.faults.bench import INGEST, Bench
from recsys_assets_tests.faults.fault import Fault
from recsys_assets_tests.faults.homes import DAYS
from recsys_assets_tests.faults.landed import PAGE, take_away
from recsys_assets_tests.malformed.case import GOOD, text_of


def _bad_drop(content: bytes) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        bench.drop("bad.csv", content)
        bench.run(INGEST)
        bench.tick()
        assert bench.lost_or_doubled() == []
        take_away(bench, "bad.csv")

    return strike


def _nothing_but(content: bytes) -> Callable[[Bench, Random], None]:
    def strike(bench: Bench, random: Random) -> None:
        folder = bench.home.root / "landing" / "ratings" / DAYS[1].isoformat()
        aside = bench.home.root / "aside"
        shutil.move(folder, aside)
        bench.drop("bad.csv", content)
        assert not bench.run(INGEST)
        bench.tick()
        take_away(bench, "bad.csv")
        for path in aside.iterdir():
            shutil.move(path, folder / path.name)

    return strike


BAD_DROPS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "a web page": (PAGE, ("file-rejected",)),
    "an empty file": (b"", ("file-rejected",)),
    "utf-16": (text_of(GOOD).encode("utf-16"), ("file-rejected",)),
    "a header of other names": (text_of(GOOD, "a,b,c,d").encode(), ("file-rejected",)),
    "a column twice": (text_of(GOOD, "userId,userId,rating,x").encode(), ("file-rejected",)),
    "a NUL byte": (text_of(GOOD).encode() + b"\0", ("file-rejected",)),
    "a broken gzip": (b"\x1f\x8b\x08\0rubbish", ("file-rejected",)),
    "a file of bad lines": (text_of(["x"] * 50).encode(), ("file-rejected",)),
    "a line of 2 MB": (text_of(["9" * 2_000_000, *GOOD]).encode(), ("file-rejected",)),
    "json": (b'{"a": 1}\n', ("file-rejected",)),
    "a header alone": (text_of([]).encode(), ()),
    "some bad lines": (text_of([*GOOD, "x", "y"]).encode(), ("quarantine",)),
    "stars out of range": (text_of([*GOOD, "9,9,7,978300000"]).encode(), ("quarantine",)),
    "a line cut off": ((text_of(GOOD) + "9,9,4").encode(), ("quarantine",)),
    "doubles of its own": (text_of([*GOOD, GOOD[0]]).encode(), ("quarantine",)),
    "one bad line among many": (
        text_of([f"{n},1,4.0,978300000" for n in range(9000, 9200)] + ["x"]).encode(),
        (),
    ),
    "good lines only": (text_of([f"{n},1,4.0,978300000" for n in range(9000, 9200)]).encode(), ()),
}


def bad_drops() -> list[Fault]:
    """Files that are rejected, quarantined in part, or odd and yet good."""
    found = [
        Fault(f"drop: {name}", "drop", _bad_drop(content), tells, False, quick=number % 4 == 0)
        for number, (name, (content, tells)) in enumerate(BAD_DROPS.items())
    ]
    nothing = {"rejected files only": PAGE, "headers only": text_of([]).encode()}
    return found + [
        Fault(f"drop: {name}", "drop", _nothing_but(content), ("drop-rejected",), False, True)
        for name, content in nothing.items()
    ]
