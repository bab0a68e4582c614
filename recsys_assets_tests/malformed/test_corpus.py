"""Every malformed file is accepted rightly or rejected with its reason; none crashes or hangs."""

import gzip
import re
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys_assets.contracts import DATASETS
from recsys_assets.kernels.delimited import ShapeFault
from recsys_assets.lake.landed import LandedFile
from recsys_assets.steps.session import Session
from recsys_assets.steps.validation.accounts import FileAccount
from recsys_assets.steps.validation.blocks import cut_into_chunks, validate_chunk
from recsys_assets_tests.malformed.case import GOOD, LINES, Case, text_of
from recsys_assets_tests.malformed.corpus import corpus
from recsys_assets_tests.malformed.oracle import judge_lines
from recsys_assets_tests.steps.landing_files import DAY, validate

CASES = corpus()
SECONDS = 5.0


def judged(content: bytes, dataset: str, folder: Path) -> tuple[FileAccount, list[Any]]:
    """What the platform makes of a file, and the rows it accepts; without Spark."""
    path = folder / "file.csv"
    path.write_bytes(content)
    return judged_file(path, dataset, folder)


def judged_file(path: Path, dataset: str, folder: Path) -> tuple[FileAccount, list[Any]]:
    """The same for a file that lies there already."""
    account = FileAccount(LandedFile(dataset, DAY, path))
    try:
        account.chunks = cut_into_chunks(path, DATASETS[dataset], folder / "t", folder, 1 << 16)
    except ShapeFault as fault:
        account.reject(fault)
    account.blocks = [list(validate_chunk(chunk)) for chunk in account.chunks]
    if not account.fault:
        account.judge(0.2)
    if account.fault:
        return account, []
    parts = [pl.read_ipc(part.path) for _, _, part in account.parts()]
    return account, pl.concat(parts).rows() if parts else []


def test_the_corpus_is_large_and_every_case_is_another() -> None:
    assert len(CASES) >= 150
    assert len({(case.dataset, case.content) for case in CASES}) >= 0.97 * len(CASES)
    assert len({(case.dataset, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"[^\w.-]+", "_", case.name)[:60])
def test_accepted_rightly_or_rejected_with_its_reason(case: Case, tmp_path: Path) -> None:
    started = time.monotonic()
    account, rows = judged(case.content, case.dataset, tmp_path)
    assert time.monotonic() - started < SECONDS
    assert account.lines == account.accepted + account.quarantined
    allowed = case.expected.split("|")
    if account.fault:
        assert account.fault.rule in allowed, (account.fault.rule, account.fault.message)
        assert len(account.fault.message) > 20, "the reason says what to do"
        return
    assert LINES in allowed
    if case.dataset == "movies":
        assert rows == [(rows[0][0], _title(case), "Drama")]
        return
    expected, bad = judge_lines(_unpacked(case.content).decode())
    assert rows == expected
    assert account.quarantined == bad
    assert sum(account.reasons().values()) >= bad


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    return text_of(GOOD).encode() if content.endswith(b"rubbish") else gzip.decompress(content)


def _title(case: Case) -> str:
    line = case.content.decode().split("\n")[1]
    return line.partition(',"')[2].removesuffix('",Drama').replace('""', '"')


def test_all_of_them_in_one_drop_through_the_step(session: Session) -> None:
    """With Spark and the commit: the law holds, and no bad file harms its neighbours."""
    good = 0
    for number, case in enumerate(CASES, 1):
        folder = session.landing.landing / case.dataset / DAY.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        content = case.content
        if len(content) > 100_000:
            continue
        (folder / f"{number:03}.csv").write_bytes(content)
        good += 1
    for dataset in ("ratings", "movies"):
        validate(session, DAY, dataset=dataset)
    accounts = session.lake.scan("files").collect()
    assert accounts.height == good
    rows = session.lake.scan("ratings").collect()
    known = accounts.filter(pl.col("dataset") == "ratings", ~pl.col("rejected"))
    assert rows.height == known["accepted"].sum()
    assert not set(rows["file"]) & set(accounts.filter("rejected", dataset="ratings")["file"])


ALPHABET = st.sampled_from(list("0123456789.,,,,\"'\r\n\n eE+-;\t\x00\x1bé\u2028x"))


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.text(ALPHABET, max_size=30), max_size=4),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), max_size=4),
)
def test_a_fuzzer_and_the_oracle_agree(
    tmp_path: Path, odd: list[str], patches: list[tuple[int, bytes]]
) -> None:
    content = bytearray(text_of([*GOOD[:8], *odd, *GOOD[8:]]).encode())
    for position, patch in patches:
        content[position : position + len(patch)] = patch
    account, rows = judged(bytes(content), "ratings", tmp_path)
    assert account.lines == account.accepted + account.quarantined
    if account.fault:
        assert account.fault.rule.startswith("file.") and account.fault.message
        return
    expected, bad = judge_lines(bytes(content).decode())
    assert rows == expected
    assert account.quarantined == bad
