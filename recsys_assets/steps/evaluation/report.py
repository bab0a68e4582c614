"""Telling how the models rank: the step's report, a page for people, figures in the registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from recsys_assets.contracts.models import RANKING_EVALUATION
from recsys_assets.kernels.plots.models import metric_bars
from recsys_assets.kernels.report_page import Section, render_page
from recsys_assets.registry import LoggedModel
from recsys_assets.steps.als.train import ALS_MODEL
from recsys_assets.steps.report import StepReport, keep_page
from recsys_assets.steps.session import Session

_RANKING = ("precision@", "recall@", "map", "ndcg@", "r_precision")


@dataclass(frozen=True)
class Judgement:
    """What was found out, before it is told."""

    figures: dict[str, dict[str, float]]
    """Model → metric → value."""
    by_activity: list[dict[str, Any]]
    """How nDCG depends on how much is known of a user."""
    test: pl.DataFrame
    """The rows they were judged by."""
    k: int
    """Length of the lists."""


def report_ranking(judgement: Judgement, rows: int, version: int) -> StepReport:
    """What the evaluation says in a few figures, tables and plots."""
    figures, test = judgement.figures, judgement.test
    main = f"ndcg@{judgement.k}"
    best_first = sorted(figures, key=lambda name: -figures[name][main])
    report = StepReport(
        rows={RANKING_EVALUATION: rows},
        versions={RANKING_EVALUATION: version},
        figures={
            "test_rows": test.height,
            "test_users": test["user"].n_unique(),
            # First, for the mail about a publication has room for the first few only.
            **{f"{main} ({name})": figures[name][main] for name in best_first},
            **{f"{m} ({n})": v for n, metrics in figures.items() for m, v in metrics.items()},
        },
        tables={
            "Models": [{"model": name, **metrics} for name, metrics in figures.items()],
            "By activity": judgement.by_activity,
        },
    )
    ranking = {
        name: {m: v for m, v in metrics.items() if m.startswith(_RANKING)}
        for name, metrics in figures.items()
    }
    report.draw("Ranking metrics", lambda: metric_bars(ranking))
    return report


def publish_ranking(
    session: Session,
    judgement: Judgement,
    models: Mapping[str, LoggedModel],
    report: StepReport,
) -> None:
    """Write the report page and keep it, the plots and the figures with each model's run."""
    page = _page(session, judgement, models, report)
    name = f"{RANKING_EVALUATION}-{report.versions[RANKING_EVALUATION]}"
    keep_page(session.reports, report, name, page)
    plots = {f"evaluation/{t.lower().replace(' ', '_')}.png": p for t, p in report.plots.items()}
    for model, metrics in judgement.figures.items():
        known = {name.replace("@", "_at_"): value for name, value in metrics.items()}
        session.registry.log_metrics(models[model], known)
        files = {"evaluation/report.html": page.encode("utf-8"), **plots}
        session.registry.log_files(models[model], files)
    report.links["MLflow run"] = models[ALS_MODEL].link


def _page(
    session: Session,
    judgement: Judgement,
    models: Mapping[str, LoggedModel],
    report: StepReport,
) -> str:
    k, test = judgement.k, judgement.test
    ndcg = {name: metrics[f"ndcg@{k}"] for name, metrics in judgement.figures.items()}
    best = max(ndcg, key=lambda name: ndcg[name])
    versions = ", ".join(f"{name} version {model.version}" for name, model in models.items())
    protocol = (
        f"Lists of {k} items, ranked among all items rated in training, without what the user has "
        "in training or validation. Every held-out rating is relevant whatever its stars. Users "
        "without training ratings count with an empty list."
    )
    return render_page(
        "How well the models rank",
        f"{best} ranks best: nDCG@{k} {ndcg[best]:.4f}, over {test['user'].n_unique():,} users and "
        f"{test.height:,} ratings that no model has seen.",
        [
            Section("Models", protocol, report.tables["Models"], report.plots),
            Section(
                "By activity",
                "Users by the number of their training ratings, in four groups of equal size.",
                report.tables["By activity"],
            ),
        ],
        f"{versions}; table {RANKING_EVALUATION} version {report.versions[RANKING_EVALUATION]}; "
        f"run {session.run_id or 'by hand'}",
    )
