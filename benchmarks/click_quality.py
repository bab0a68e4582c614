"""The click model against the truth: generated clicks whose probabilities are known.

    python benchmarks/click_quality.py --rows 1000000

Trains in order (80/10/10) with the defaults of the assets and prints, for the latest tenth, the
AUC of the true probabilities, of the click model and of every baseline, with calibration errors.
"""

import argparse

import polars as pl
from figures import print_line

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
    _show("the true probabilities", options.rows, truth, truth)
    models = {OWN: lambda: fit_own(train, validation, 0).probability(test)}
    for name, fit in {} if options.only_own else BASELINES.items():
        models[name] = lambda fit=fit: fit(train, validation, 0)(test)  # type: ignore[misc]
    for name, score in models.items():
        _show(name, options.rows, click_metrics(test["label"], score()), truth)


def _show(name: str, rows: int, figures: dict[str, float], truth: dict[str, float]) -> None:
    behind = truth["auc"] - figures["auc"]
    print_line(
        f"clicks, {rows / 1e6:g} M rows in order: {name}",
        f"AUC {figures['auc']:.4f}, log loss {figures['logloss']:.4f}, ECE {figures['ece']:.4f}",
        f"{behind:.4f} below the true probabilities' AUC",
    )


if __name__ == "__main__":
    main()
