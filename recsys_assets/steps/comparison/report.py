"""A comparison as JSON for programs and as rows of tables for people."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from recsys_assets.steps.comparison.leaks import LeakCheck
from recsys_assets.steps.comparison.results import (
    HEADLINE,
    MAIN_METRIC,
    OWN_BEST,
    ColdCase,
    Comparison,
    ModelResult,
)

OWN_RATING: Final = "rating"
"""The platform's own prediction of stars, which stands beside its own lists."""


def comparison_json(
    comparison: Comparison, protocol: dict[str, Any], leaks: Sequence[LeakCheck] = ()
) -> dict[str, Any]:
    """Everything that is known, with the figures of each model at the first level of its entry."""
    seen = {check.name: asdict(check) for check in leaks}
    errors = _errors_of_own(comparison)
    models = {}
    for result in comparison.results:
        entry = _model_json(result, errors if result.name == OWN_BEST else {})
        if result.name in seen:
            entry["leak_check"] = seen[result.name]
        models[result.name] = entry
    return {
        "protocol": {**protocol, "k": comparison.k},
        "data": {
            "train_rows": comparison.train_rows,
            "test_rows": comparison.test_rows,
            "judged_users": comparison.judged_users,
            "new_users": comparison.new_users,
            "unknown_item_rows": comparison.unknown_item_rows,
        },
        "best_single": comparison.best_single,
        "models": models,
    }


def _errors_of_own(comparison: Comparison) -> dict[str, float]:
    """Rating errors of the platform's own rating model: its lists come from the blend."""
    own = next((r.figures for r in comparison.results if r.name == OWN_RATING), {})
    return {name: own[name] for name in ("rmse", "mae") if name in own}


def _model_json(result: ModelResult, errors: dict[str, float]) -> dict[str, Any]:
    figures = errors | result.figures
    headline = {metric: figures[metric] for metric in HEADLINE}
    others = {name: value for name, value in figures.items() if name not in headline}
    return {
        **headline,
        "rmse": others.pop("rmse", None),
        "fit_seconds": result.fit_seconds,
        "recommend_seconds": result.judge_seconds,
        **others,
        "intervals": _intervals_json(result),
        "versus_best_single": _tests_json(result),
        "segments": result.segments,
    }


def _intervals_json(result: ModelResult) -> dict[str, list[float]]:
    return {metric: [i.low, i.high] for metric, i in result.intervals.items()}


def _tests_json(result: ModelResult) -> dict[str, dict[str, Any]]:
    return {
        metric: {
            "difference": test.difference,
            "interval": [test.interval.low, test.interval.high],
            "p_bootstrap": test.p_bootstrap,
            "p_wilcoxon": test.p_wilcoxon,
            "win": test.is_win,
        }
        for metric, test in result.versus.items()
    }


def cold_json(cases: Sequence[ColdCase], protocol: dict[str, Any]) -> dict[str, Any]:
    """All cases; ``models`` are those of the first, of whom no rating is known."""
    known = [
        {
            "known": case.known,
            "yardstick": case.yardstick,
            "users": case.users,
            "models": {result.name: _cold_model_json(result) for result in case.results},
        }
        for case in cases
    ]
    return {"protocol": protocol, "models": known[0]["models"], "cases": known}


def _cold_model_json(result: ModelResult) -> dict[str, Any]:
    return {
        **{metric: result.figures[metric] for metric in HEADLINE},
        "rmse": None,
        "fit_seconds": result.fit_seconds,
        "recommend_seconds": result.judge_seconds,
        "intervals": _intervals_json(result),
        "versus_yardstick": _tests_json(result),
    }


def cold_tables(cases: Sequence[ColdCase], k: int) -> dict[str, list[dict[str, Any]]]:
    """Title → a row a model, best first, with the paired test in nDCG; 80 columns wide at most."""
    return {
        f"{case.known}: {case.users} users, nDCG@{k} held against {case.yardstick}": _filled(
            [
                {"model": result.name, **_accuracy(result, k), **_test(result)}
                for result in sorted(case.results, key=lambda r: -r.figures[MAIN_METRIC])
            ]
        )
        for case in cases
    }


def _test(result: ModelResult) -> dict[str, Any]:
    test = result.versus.get(MAIN_METRIC)
    if test is None:
        return {}
    return {"gain": f"{test.difference:+.4f}", "p": f"{test.p_bootstrap:.3f}"}


def _accuracy(result: ModelResult, k: int) -> dict[str, Any]:
    return {
        "MAP": f"{result.figures['map']:.4f}",
        f"nDCG@{k}": f"{result.figures[MAIN_METRIC]:.4f}",
        f"P@{k}": f"{result.figures['precision_at_k']:.4f}",
        f"R@{k}": f"{result.figures['recall_at_k']:.4f}",
    }


def tables(comparison: Comparison) -> dict[str, list[dict[str, Any]]]:
    """Title → a row a model, best first; narrow enough for a terminal of 80 columns."""
    ranked = sorted(comparison.results, key=lambda result: -result.figures[MAIN_METRIC])
    errors = _errors_of_own(comparison)
    parts: dict[str, Callable[[ModelResult], dict[str, Any]]] = {
        "Models": lambda r: _headline(r, errors if r.name == OWN_BEST else {}, comparison.k),
        f"nDCG@{comparison.k}, 95 % interval, and against {comparison.best_single}": _certainty,
        "Beyond accuracy": _beyond,
        f"nDCG@{comparison.k} by segment (users)": _by_segment,
    }
    return {
        title: _filled([{"model": r.name, **row(r)} for r in ranked])
        for title, row in parts.items()
    }


def _filled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of one table with the same columns."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "–") for name in names} for row in rows]


def _headline(result: ModelResult, errors: dict[str, float], k: int) -> dict[str, Any]:
    rmse = (errors | result.figures).get("rmse")
    return _accuracy(result, k) | {
        "RMSE": "" if rmse is None else f"{rmse:.4f}",
        "fit s": f"{result.fit_seconds:.1f}",
        "lists s": f"{result.judge_seconds:.1f}",
    }


def _certainty(result: ModelResult) -> dict[str, Any]:
    interval = result.intervals[MAIN_METRIC]
    row = {"from": f"{interval.low:.4f}", "to": f"{interval.high:.4f}"}
    test = result.versus.get(MAIN_METRIC)
    if test is None:
        return row
    verdict = "better" if test.is_win else "worse" if test.is_loss else "no sure difference"
    return row | {
        "difference": f"{test.difference:+.4f}",
        "p": f"{test.p_bootstrap:.3f}",
        "is": verdict,
    }


def _beyond(result: ModelResult) -> dict[str, Any]:
    units = {"distributional_coverage": " (bits)", "novelty": " (bits)"}
    names = ("distributional_coverage", "novelty", "diversity", "serendipity")
    coverage = {"coverage": f"{result.figures.get('catalog_coverage', 0.0):.1%}"}
    return coverage | {
        name.replace("distributional_coverage", "evenness") + units.get(name, ""): (
            f"{result.figures[name]:.3f}"
        )
        for name in names
        if name in result.figures
    }


def _by_segment(result: ModelResult) -> dict[str, Any]:
    return {
        f"{name.replace('_', ' ')} ({figures['users']:.0f})": f"{figures[MAIN_METRIC]:.4f}"
        for name, figures in result.segments.items()
    }
