"""Trials of a sweep as runs nested in the sweep's own."""

import time
from collections.abc import Mapping
from typing import Any

from recsys_assets.registry.client import ModelRegistry
from recsys_assets.registry.quiet import quiet_mlflow


def log_trial(
    registry: ModelRegistry,
    parent: str,
    name: str,
    params: Mapping[str, Any],
    metrics: Mapping[str, float],
    curves: Mapping[str, Mapping[int, float]],
    *,
    pruned: bool = False,
) -> None:
    """Log one trial of a sweep as a run nested in the sweep's.

    Args:
        registry: where the sweep is logged.
        parent: id of the sweep's run.
        name: name of the trial.
        params: what was tried.
        metrics: how it did.
        curves: metric → stage → value on the way.
        pruned: whether it was given up.
    """
    with quiet_mlflow():
        from mlflow.entities import Metric, Param, RunTag

        client, now = registry.client(), int(time.time() * 1000)
        tags = {"mlflow.parentRunId": parent, "pruned": str(pruned).lower()}
        run = client.create_run(registry.experiment_id(), run_name=name, tags=tags)
        rows = [Metric(metric, value, now, 0) for metric, value in metrics.items()]
        for metric, curve in curves.items():
            rows += [Metric(metric, value, now, stage) for stage, value in curve.items()]
        client.log_batch(
            run.info.run_id,
            metrics=rows,
            params=[Param(key, str(value)) for key, value in params.items()],
            tags=[RunTag("state", "pruned" if pruned else "complete")],
        )
        client.set_terminated(run.info.run_id)
