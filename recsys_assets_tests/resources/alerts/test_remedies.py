"""The remedy in an alert is the one of its runbook section, with the alert's own drop in it."""

import re
import shlex
from pathlib import Path

import pytest

from recsys_assets.cli.recovery import _downstream_of
from recsys_assets.cli.runs import selected_assets
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.definitions import defs
from recsys_assets.resources.alerts import Severity
from recsys_assets.resources.alerts.remedies import REMEDIES, remedy_of
from recsys_assets_tests.resources.alerts.making import make_alert

RUNBOOK = Path(__file__).resolve().parents[3] / "docs" / "runbook.md"
NOTHING_BROKEN = {"published"}


def sections() -> dict[str, str]:
    text = RUNBOOK.read_text(encoding="utf-8").split("# Backup and restore")[0]
    found = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {section.split("\n", 1)[0].strip(): section for section in found}


def test_every_section_has_one() -> None:
    assert set(REMEDIES) == set(sections()) - NOTHING_BROKEN


@pytest.mark.parametrize("kind", REMEDIES)
def test_the_command_stands_in_the_section(kind: str) -> None:
    command = REMEDIES[kind].command
    pattern = re.escape(command)
    for name, value in {
        "quarantine_DATASET": r"quarantine_\w+",
        "DATASET": r"\w+",
        "FIRST|LAST|DATE": r"[\d-]+",
        "FILE": r"\S+",
        "TABLE": r"\w+",
        r"\bN\b": r"\d+",
    }.items():
        pattern = re.sub(name, lambda _, value=value: value, pattern)
    assert re.search(f"^{pattern}$", sections()[kind], flags=re.MULTILINE), pattern


def test_what_drift_advises_trains_the_models_of_ratings_and_of_clicks() -> None:
    *_, option = shlex.split(REMEDIES["drift"].command)
    chosen = {key.to_user_string() for key in selected_assets(defs, option) or ()}
    assert {"als_model", "rank_model", "click_model", "rating_drift", "click_drift"} <= chosen


def test_going_back_from_bad_lists_reaches_whoever_holds_lists_of_their_own() -> None:
    words = REMEDIES["check-failed"].command.split()
    assert words[:3] == ["recsys", "rollback", TOP_K] and "--rebuild" in words
    made = set(_downstream_of(TOP_K).split(","))
    assert {"lookup_lists", "warehouse_lists", "serving_bundle"} <= made


@pytest.mark.parametrize(
    ("kind", "subject", "command"),
    [
        (
            "file-rejected",
            "check:ratings:no_rejected_files@2026-01-31/2026-01-31",
            "recsys land ratings FILE --date 2026-01-31",
        ),
        (
            "drop-rejected",
            "step:validate_movies@2026-02-01/2026-02-01",
            "recsys withdraw movies 2026-02-01 --no-rebuild",
        ),
        (
            "lines-lost",
            "check:clicks:every_line_accounted_for@2026-01-30/2026-02-01",
            "recsys run --from 2026-01-30 --to 2026-02-01 --select clicks",
        ),
        (
            "lines-lost",
            "check:clicks:every_line_accounted_for@2026-01-28/2026-01-28,2026-01-30/2026-02-01",
            "recsys run --from 2026-01-28 --to 2026-02-01 --select clicks",
        ),
        # Of a run over several drops nobody knows which one it was.
        (
            "quarantine",
            "check:ratings:few_quarantined_lines@2026-01-30/2026-02-01",
            "recsys quarantine show ratings --date DATE",
        ),
        ("run-failed", "step:als_model", "recsys run"),
    ],
)
def test_data_set_and_drop_are_those_of_the_alert(kind: str, subject: str, command: str) -> None:
    remedy = remedy_of(kind, [subject])
    assert remedy is not None
    assert remedy.command == command


def test_what_is_over_or_never_was_a_trouble_needs_none() -> None:
    assert make_alert(kind="disk-full").remedy is not None
    assert make_alert(kind="disk-full", resolved=True).remedy is None
    assert make_alert(kind="published", severity=Severity.INFO).remedy is None
