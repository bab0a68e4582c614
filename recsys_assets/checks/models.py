"""Checks of the models, by their figures on rows they have not seen."""

import dagster as dg

from recsys_assets.checks.guard import table_check
from recsys_assets.contracts.models import RANKING_EVALUATION
from recsys_assets.resources.storage import Storage
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.recommenders.models import RANK_MODEL
from recsys_assets.steps.recommenders.popularity import POPULARITY_MODEL


@table_check(asset=RANKING_EVALUATION)
def als_beats_popularity(storage: Storage) -> dg.AssetCheckResult:
    """A personal list ranks better than the same list for everybody."""
    ndcg = _ndcg(storage)
    return _told(ndcg, ndcg[ALS_MODEL] > ndcg[POPULARITY_MODEL])


@table_check(asset=RANKING_EVALUATION)
def hybrid_beats_popularity(storage: Storage) -> dg.AssetCheckResult:
    """So do the lists that are published, which are the hybrid's; without movies there is none."""
    ndcg = _ndcg(storage)
    return _told(ndcg, RANK_MODEL not in ndcg or ndcg[RANK_MODEL] > ndcg[POPULARITY_MODEL])


def _ndcg(storage: Storage) -> dict[str, float]:
    """Model → its figure."""
    table = storage.lake.scan(RANKING_EVALUATION).collect()
    return {
        row["model"]: float(row["value"])
        for row in table.iter_rows(named=True)
        if row["metric"].startswith("ndcg@")
    }


def _told(ndcg: dict[str, float], passed: bool) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={f"ndcg {name}": value for name, value in ndcg.items()},
    )


model_checks = [als_beats_popularity, hybrid_beats_popularity]
"""Checks of the models and evaluation stages."""
