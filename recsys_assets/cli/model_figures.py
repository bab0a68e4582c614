"""Models as `recsys status` shows them: which version is in use, which is newest, how good it is.

aliases of the registry + figures of the latest evaluations and decisions -> one row a model
"""

from typing import Any

import polars as pl

from recsys_assets.contracts.click_tables import CLICK_EVALUATION
from recsys_assets.contracts.models import CLICK_PROMOTION, PROMOTION, RANKING_EVALUATION
from recsys_assets.lake.tables import Lake
from recsys_assets.registry.client import CHALLENGER, CHAMPION, ModelRegistry
from recsys_assets.registry.quiet import quiet_mlflow

Figures = dict[tuple[str, int], tuple[str, float]]
"""Model and version → its main metric."""


def models_in_use(lake: Lake, registry: ModelRegistry) -> dict[str, dict[str, Any]]:
    """Model → version of champion and challenger, and the champion's main metric.

    The metric is that of the latest evaluation or decision in which this version took part.
    """
    known = _aliases(registry)
    figures = (_judged(lake) | _evaluated(lake)) if known else {}
    models = {}
    for name, versions in sorted(known.items()):
        champion = versions.get(CHAMPION)
        metric, value = figures.get((name, champion or 0), (None, None))
        challenger = versions.get(CHALLENGER)
        models[name] = {
            "champion": champion,
            "challenger": challenger,
            "metric": metric,
            "value": value,
        }
    return models


def _aliases(registry: ModelRegistry) -> dict[str, dict[str, int]]:
    if registry.is_empty:
        return {}  # asking would make one, which takes seconds
    with quiet_mlflow():
        found = registry.all_registered()
    return {
        name: {alias: int(version) for alias, version in model.aliases.items()}
        for name, model in found.items()
    }


def _judged(lake: Lake) -> Figures:
    figures: Figures = {}
    for table in (PROMOTION, CLICK_PROMOTION):
        if not lake.exists(table):
            continue
        for row in lake.scan(table).collect().iter_rows(named=True):
            for who in ("champion", "challenger"):
                if row[who] is not None:
                    figures[row["model"], row[f"{who}_version"]] = (row["metric"], row[who])
    return figures


def _evaluated(lake: Lake) -> Figures:
    main = pl.col("metric").str.starts_with("ndcg@") | (pl.col("metric") == "auc")
    return {
        (model, version): (metric, value)
        for table in (RANKING_EVALUATION, CLICK_EVALUATION)
        if lake.exists(table)
        for model, version, metric, value in lake.scan(table)
        .filter(main)
        .select("model", "model_version", "metric", "value")
        .collect()
        .iter_rows()
    }
