"""What lies at or above each threshold: by hand, and as scikit-learn has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from recsys_assets.kernels.metrics.classification import logloss
from recsys_assets.kernels.metrics.thresholds import thresholds
from recsys_assets_tests.kernels.metrics.properties import quick

grid = st.integers(0, 20).map(lambda step: step / 20)
two_classes = (
    st.lists(st.tuples(st.booleans(), grid), min_size=2, max_size=60)
    .map(lambda rows: np.array(rows, dtype=float))
    .filter(lambda rows: np.ptp(rows[:, 0]) > 0)
)


def test_counts_by_hand() -> None:
    found = thresholds(np.array([0.0, 1, 1, 0, 1]), np.array([0.2, 0.9, 0.2, 0.5, 0.9]))
    assert found.score.tolist() == [0.9, 0.5, 0.2]
    assert found.clicks.tolist() == [2, 2, 3]
    assert found.rows.tolist() == [2, 3, 5]
    assert found.others.tolist() == [0, 1, 2]
    assert found.precision.tolist() == pytest.approx([1, 2 / 3, 3 / 5])
    # Of six pairs of click and non-click four are in order, one is a tie.
    assert found.area_under_roc() == pytest.approx(4.5 / 6)
    assert found.average_precision() == pytest.approx(2 / 3 + 3 / 5 / 3)


@quick
@given(two_classes)
def test_as_scikit_learn_has_it(rows: NDArray[np.float64]) -> None:
    labels, scores = rows.T
    found = thresholds(labels, scores)
    false, true, at = sklearn_metrics.roc_curve(labels, scores, drop_intermediate=False)
    assert (found.score == at[1:]).all()
    assert found.fall_out == pytest.approx(false[1:])
    assert found.recall == pytest.approx(true[1:])
    precision, recall, at = sklearn_metrics.precision_recall_curve(labels, scores)
    assert (found.score[::-1] == at).all()
    assert found.precision[::-1] == pytest.approx(precision[:-1])
    assert found.recall[::-1] == pytest.approx(recall[:-1])
    expected = sklearn_metrics.roc_auc_score(labels, scores)
    assert found.area_under_roc() == pytest.approx(expected)
    expected = sklearn_metrics.average_precision_score(labels, scores)
    assert found.average_precision() == pytest.approx(expected)
    expected = sklearn_metrics.log_loss(labels, scores)
    assert logloss(labels, scores) == pytest.approx(expected, abs=1e-12)
