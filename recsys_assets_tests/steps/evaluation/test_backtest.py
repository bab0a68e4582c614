import datetime

import numpy as np
import polars as pl
import pytest

from recsys_assets.contracts.models import Backtest
from recsys_assets.kernels.splits import DAY
from recsys_assets.steps.evaluation.backtest import BacktestParams, run_backtest
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import write_interactions

NOON = 1_700_000_000 // DAY * DAY + DAY // 2
PARAMS = BacktestParams(rounds=3, test_days=2, gap_days=1, k=5, models=["popularity"])


def daily_ratings(days: int, seed: int = 0) -> list[tuple[int, int, float, int, str]]:
    rng = np.random.default_rng(seed)
    flat = rng.choice(40 * 30, 400, replace=False)
    day = np.sort(rng.integers(0, days, 400))
    day[0], day[-1] = 0, days - 1
    return [
        (int(pair // 30 + 1), int(pair % 30 + 1), 4.0, NOON + int(when) * DAY, "train")
        for pair, when in zip(flat, day, strict=True)
    ]


def test_rounds_follow_one_another_and_learn_from_the_past_alone(session: Session) -> None:
    rows = daily_ratings(20)
    write_interactions(session.lake, rows)
    report = run_backtest(session, PARAMS)
    table = session.lake.scan("backtest").collect()
    Backtest.validate(table)
    days = sorted(set(table["test_from"].to_list()))
    last = datetime.datetime.fromtimestamp(NOON, datetime.UTC).date() + datetime.timedelta(days=19)
    assert [(last - day).days for day in days] == [5, 3, 1]
    assert table.filter(pl.col("low") > pl.col("value")).is_empty()
    assert "Over time" in report.plots and len(report.tables["ndcg@5 by round"]) == 3
    # What happens on the last two days changes no earlier round.
    kept = [row for row in rows if row[3] < NOON + 18 * DAY]
    other = [(u, 31 - i, r, t, s) for u, i, r, t, s in rows if t >= NOON + 18 * DAY]
    taken = {(u, i) for u, i, *_ in kept}
    write_interactions(session.lake, kept + [row for row in other if row[:2] not in taken])
    run_backtest(session, PARAMS)
    again = session.lake.scan("backtest").collect()
    earlier = pl.col("test_from") < days[-1]
    assert again.filter(earlier).equals(table.filter(earlier))


def test_too_few_days_and_no_ratings_are_told(session: Session) -> None:
    assert run_backtest(session, PARAMS).skipped
    write_interactions(session.lake, daily_ratings(6))
    report = run_backtest(session, PARAMS)
    assert "too few for 3 rounds" in report.skipped and not report.failed


def test_rounds_without_returning_users_are_left_out(session: Session) -> None:
    rows = daily_ratings(20)
    strangers = [(u + 100 if t >= NOON + 18 * DAY else u, i, r, t, s) for u, i, r, t, s in rows]
    write_interactions(session.lake, strangers)
    report = run_backtest(session, PARAMS)
    assert len(report.tables["ndcg@5 by round"]) == 2
    assert any("no user stands in both parts" in str(text) for text in report.figures.values())


@pytest.mark.parametrize("field", ["rounds", "test_days", "k"])
def test_numbers_below_one_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        BacktestParams.model_validate({field: 0})


def test_a_model_named_twice_is_judged_once_and_none_is_refused(session: Session) -> None:
    write_interactions(session.lake, daily_ratings(20))
    once = run_backtest(session, PARAMS)
    twice = run_backtest(session, PARAMS.model_copy(update={"models": ["popularity"] * 2}))
    assert (twice.rows, twice.failed) == (once.rows, "")
    with pytest.raises(ValueError, match="models"):
        BacktestParams(models=[])
