"""The quick part of the fault campaign, and some of its days; `make faults` runs all of it."""

import subprocess
import sys

import pytest

from recsys_assets_tests.faults.faults import all_faults


def test_there_are_at_least_sixty_different_injections() -> None:
    faults = all_faults()
    assert len(faults) >= 60
    assert len({fault.name for fault in faults}) == len(faults)
    assert len({fault.family for fault in faults}) >= 9


def test_the_quick_part_holds() -> None:
    # In a process of its own: it opens Spark anew, and changes the environment.
    command = [sys.executable, "-m", "recsys_assets_tests.faults.campaign", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.slow
def test_the_first_days_go_as_they_should() -> None:
    command = [sys.executable, "-m", "recsys_assets_tests.faults.weeks", "--days", "5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "every day as it should" in done.stdout
