"""Modules are loaded without a look for garbage, and afterwards all is as it was."""

import gc
import subprocess
import sys

import pytest

from recsys_assets.loading import loading_modules

LOAD = "from recsys_assets.loading import loading_modules\nwith loading_modules():\n    pass\n"
CYCLE = """
class Garbage:
    def __del__(self):
        print("found at the end")

garbage = Garbage()
garbage.itself = garbage
del garbage
"""
"""A program whose one piece of garbage only the collector can find."""


def test_nothing_is_collected_while_modules_load() -> None:
    with loading_modules():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    gc.unfreeze()


def test_a_failing_import_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError), loading_modules():
        import recsys_assets.no_such_module  # type: ignore[import-not-found]  # noqa: F401
    assert gc.isenabled()
    gc.unfreeze()


def test_whoever_works_without_the_collector_keeps_it_off() -> None:
    gc.disable()
    try:
        with loading_modules():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


@pytest.mark.parametrize(("before", "said"), [("", "found at the end"), (LOAD, "")])
def test_nothing_is_looked_for_when_a_process_ends(before: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", before + CYCLE], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == said
