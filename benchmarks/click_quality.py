"""The click model against the truth: generated clicks whose probabilities are known.

    python benchmarks/click_quality.py --rows 1000000

Trains in order (80/10/10) with the defaults of the assets and prints, for the latest tenth, the
AUC of the true probabilities, of the click model and of every baseline, with calibration errors.
"""

import argparse
import time

import polars as pl

from recsys_assets.deployment import spare_cores
from recsys_assets.synthetic.criteo import click_batches


def main() -> None:
    """Measure all models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only-own", action="store_true", help="leave the baselines out")
    options = parser.parse_args()
    spare_cores()
    from recsys_assets.kernels.click_baselines import BASELINES
    from recsys_assets.kernels.metrics.classification import click_metrics
    from recsys_assets.steps.clicks.comparison import OWN, fit_own

    rows = pl.concat(click_batches(options.rows, options.seed, with_probability=True))
    first, second = int(0.8 * rows.height), int(0.9 * rows.height)
    train, validation, test = rows[:first], rows[first:second], rows[second:]
    truth = click_metrics(test["label"], test["probability"])
    print(_line("truth", truth, truth, 0.0), flush=True)
    models = {OWN: lambda: fit_own(train, validation, 0).probability(test)}
    for name, fit in {} if options.only_own else BASELINES.items():
        models[name] = lambda fit=fit: fit(train, validation, 0)(test)  # type: ignore[misc]
    for name, score in models.items():
        started = time.perf_counter()
        figures = click_metrics(test["label"], score())
        print(_line(name, figures, truth, time.perf_counter() - started), flush=True)


def _line(name: str, figures: dict[str, float], truth: dict[str, float], seconds: float) -> str:
    behind = truth["auc"] - figures["auc"]
    return (
        f"{name:20} AUC {figures['auc']:.5f} ({behind:.5f} below the truth), log loss "
        f"{figures['logloss']:.5f}, ECE {figures['ece']:.5f}, {seconds:.1f} s"
    )


if __name__ == "__main__":
    main()
