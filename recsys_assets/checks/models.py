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
    return _beats_popularity(storage, ALS_MODEL)


@table_check(asset=RANKING_EVALUATION)
def hybrid_beats_popularity(storage: Storage) -> dg.AssetCheckResult:
    """So do the lists that are published, which are the hybrid's; without movies there is none."""
    return _beats_popularity(storage, RANK_MODEL)


def _beats_popularity(storage: Storage, model: str) -> dg.AssetCheckResult:
    table = storage.lake.scan(RANKING_EVALUATION).collect()
    ndcg = {
        row["model"]: float(row["value"])
        for row in table.iter_rows(named=True)
        if row["metric"].startswith("ndcg@")
    }
    return dg.AssetCheckResult(
        passed=model not in ndcg or ndcg[model] > ndcg[POPULARITY_MODEL],
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={f"ndcg {name}": value for name, value in ndcg.items()},
    )


model_checks = [als_beats_popularity, hybrid_beats_popularity]
"""Checks of the models and evaluation stages."""
