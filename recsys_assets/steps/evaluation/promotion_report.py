"""Decisions on champions carried out and told: in the registry, in a table, on a page.

decisions -> aliases and reasons in the registry
-> promotion or click_promotion, a page, figures and the page in MLflow
"""

import json
from dataclasses import asdict
from typing import Any

import polars as pl

from recsys_assets.contracts.models import Promotion
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.kernels.promotion import Decision
from recsys_assets.kernels.report_page import Section, render_page
from recsys_assets.registry import CHALLENGER, CHAMPION
from recsys_assets.registry.champions import keep_reason, promote
from recsys_assets.steps.report import StepReport, keep_page
from recsys_assets.steps.session import Session

Decisions = dict[str, tuple[dict[str, int], Decision | str]]
"""Model → versions by alias, and the decision, or why there was nothing to decide."""


def conclude(
    session: Session,
    table: str,
    decisions: Decisions,
    judged_by: str,
) -> StepReport:
    """Carry the decisions out, and tell them in the table, the registry and a page."""
    if not decisions:
        return StepReport(skipped="no model is registered yet: nothing to decide")
    for name, (known, decision) in decisions.items():
        if isinstance(decision, str):
            continue
        if decision.promoted:
            promote(session.registry, name, known[CHALLENGER], decision.reason)
        else:
            keep_reason(session.registry, name, known[CHALLENGER], decision.reason)
    rows = [_row(name, known, decision) for name, (known, decision) in decisions.items()]
    frame = pl.DataFrame(rows, schema=polars_schema(Promotion))
    version = session.lake.write_frame(frame, table)
    report = StepReport(
        rows={table: frame.height},
        versions={table: version},
        figures={f"decision ({row['model']})": row["reason"] for row in rows},
        tables={"Decisions": [_shown(row) for row in rows], "Guards": _guards(decisions)},
    )
    _publish(session, table, decisions, report, judged_by)
    return report


def _row(name: str, known: dict[str, int], decision: Decision | str) -> dict[str, Any]:
    row = {
        "model": name,
        "champion_version": known.get(CHAMPION),
        "challenger_version": known.get(CHALLENGER),
        "promoted": False,
        "reason": decision,
        "metric": "",
        "guards": "[]",
    }
    if isinstance(decision, str):
        return row
    return row | {
        "promoted": decision.promoted,
        "reason": decision.reason,
        "metric": decision.metric,
        "champion": decision.champion,
        "challenger": decision.challenger,
        "low": decision.test.interval.low,
        "high": decision.test.interval.high,
        "p_value": decision.test.p_bootstrap,
        "guards": json.dumps([asdict(guard) for guard in decision.guards]),
    }


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "guards"}


def _guards(decisions: Decisions) -> list[dict[str, Any]]:
    return [
        {"model": name, **asdict(guard), "holds": guard.holds}
        for name, (_, decision) in decisions.items()
        for guard in (() if isinstance(decision, str) else decision.guards)
    ]


def _publish(
    session: Session,
    table: str,
    decisions: Decisions,
    report: StepReport,
    judged_by: str,
) -> None:
    guards = report.tables["Guards"]
    page = render_page(
        "Champions and challengers",
        _summary(decisions, judged_by),
        [
            Section(
                "Decisions",
                "A challenger takes the place only by a significant win on the main metric, paired "
                "over the same rows, and only where every guard holds; or where the champion was "
                "trained on rows that were withdrawn since.",
                report.tables["Decisions"],
            ),
            Section(
                "Guards",
                "What must not get worse than its limit."
                + ("" if guards else " None was looked at: no challenger was judged."),
                guards,
            ),
        ],
        f"table {table} version {report.versions[table]}; run {session.run_id or 'by hand'}",
    )
    keep_page(session.reports, report, f"{table}-{report.versions[table]}", page)
    for name, (_, decision) in decisions.items():
        if isinstance(decision, str):
            continue
        challenger = session.registry.find(name, CHALLENGER)
        figures = {
            "promotion_gain": decision.test.difference,
            "promotion_p": decision.test.p_bootstrap,
            "promoted": float(decision.promoted),
        }
        session.registry.log_metrics(challenger, figures)
        session.registry.log_files(challenger, {"promotion/report.html": page.encode("utf-8")})
        report.links[f"MLflow run ({name})"] = challenger.link


def _summary(decisions: Decisions, judged_by: str) -> str:
    """What became of the champions; nothing was judged where every model has one version only."""
    judged = {n: d for n, (_, d) in decisions.items() if isinstance(d, Decision)}
    if not judged:
        return "No challenger was judged; why not stands with each model."
    promoted = [name for name, decision in judged.items() if decision.promoted]
    news = f"New champion: {', '.join(promoted)}." if promoted else "Every champion stays."
    return (
        f"{news} Both were judged on the same {judged_by}, less what either was trained on; "
        "over how many stands with each decision."
    )
