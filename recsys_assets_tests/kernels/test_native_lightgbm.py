"""LightGBM comes without scikit-learn and pandas, which others find as before."""

import subprocess
import sys

PROGRAM = """
import sys
from recsys_assets.kernels.native_lightgbm import lgb
assert lgb.Booster
assert not {"sklearn", "pandas", "joblib"} & {name.split(".")[0] for name in sys.modules}
from sklearn.metrics import log_loss
assert log_loss([0, 1], [0.5, 0.5]) > 0
import numpy as np, pandas as pd
assert len(pd.DataFrame({"user": np.arange(3)})) == 3
"""


def test_both_are_loaded_by_those_only_who_use_them() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
