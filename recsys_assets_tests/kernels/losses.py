"""What the least-squares models minimize, written out densely."""

from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.top_k import Floats


def loss(objective: Objective, values: csr_matrix, users: Floats, items: Floats) -> float:
    """What both sides together minimize."""
    scores, dense = users @ items.T, values.toarray()
    rated = dense > 0
    if objective.alpha is None:
        error = ((dense - scores)[rated] ** 2).sum()
    else:
        error = ((1 + objective.alpha * dense) * (rated - scores) ** 2).sum()
    penalty = (rated.sum(1) * (users**2).sum(1)).sum() + (rated.sum(0) * (items**2).sum(1)).sum()
    return float(error + objective.regularization * penalty)
