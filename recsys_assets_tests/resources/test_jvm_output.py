"""A process that starts within inherits an output without remarks; warnings still come through."""

import subprocess
import sys

CHILD = r"""
import sys
print("[LightGBM] [Info] Loaded reference dataset")
print("[LightGBM] [Warning] no further splits with positive gain")
print("what a step prints")
sys.stdout.flush()
"""
PARENT = r"""
import os, subprocess, sys, time
from recsys_assets.resources.jvm_output import without_remarks
print("before", flush=True)
with without_remarks() as output:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=output)
    found = os.dup(1)  # as Dagster does where a step begins meanwhile, to put it back at its end
os.dup2(found, 1)
print("[LightGBM] [Info] said by the parent itself")
child.wait()
time.sleep(0.3)
"""


def test_remarks_are_left_out_and_nothing_else() -> None:
    command = [sys.executable, "-c", PARENT, CHILD]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == [
        "[LightGBM] [Info] said by the parent itself",
        "[LightGBM] [Warning] no further splits with positive gain",
        "before",
        "what a step prints",
    ]
