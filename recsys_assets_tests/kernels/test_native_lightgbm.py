"""LightGBM comes without scikit-learn, which others find as before."""

import subprocess
import sys

PROGRAM = """
import sys
from recsys_assets.kernels.native_lightgbm import lgb
assert lgb.Booster
assert not [name for name in sys.modules if name.split(".")[0] == "sklearn"]
from sklearn.metrics import log_loss
assert log_loss([0, 1], [0.5, 0.5]) > 0
"""


def test_scikit_learn_is_loaded_by_those_only_who_use_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
