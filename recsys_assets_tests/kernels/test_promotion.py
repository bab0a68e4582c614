import numpy as np
import pytest

from recsys_assets.kernels.promotion import Guard, decide, without_win

BASE = np.random.default_rng(0).uniform(0, 1, 300)
BETTER = BASE + np.random.default_rng(1).normal(0.05, 0.1, 300)
SAME = BASE + np.random.default_rng(2).normal(0.0, 0.1, 300)
HOLDS = Guard.relative("coverage", 0.5, 0.46, 0.1)
BROKEN = Guard.relative("coverage", 0.5, 0.44, 0.1)


def test_a_significant_win_with_every_guard_is_promoted() -> None:
    decision = decide("ndcg", BASE, BETTER, [HOLDS])
    assert decision.promoted and decision.reason.startswith("promoted: significant win, ndcg +0.0")
    assert f", over {len(BASE):,})" in decision.reason
    assert decision.challenger - decision.champion == pytest.approx(decision.test.difference)


@pytest.mark.parametrize("challenger", [SAME, BASE, BASE - 0.1])
def test_without_a_significant_win_the_champion_stays(challenger: np.ndarray) -> None:
    decision = decide("ndcg", BASE, challenger, [HOLDS])
    assert not decision.promoted and "no significant win" in decision.reason


def test_a_win_at_the_cost_of_a_guard_is_not_promoted() -> None:
    decision = decide("ndcg", BASE, BETTER, [HOLDS, BROKEN])
    assert decision.test.is_win and not decision.promoted
    assert "coverage 0.5000 → 0.4400, limit 0.4500" in decision.reason


def test_a_champion_of_rows_that_were_withdrawn_stays_by_no_figures() -> None:
    lost = decide("ndcg", BASE, BASE - 0.1, [HOLDS])
    assert without_win(lost, 0, "ratings") == lost
    given = without_win(lost, 1_200, "ratings")
    assert given.promoted and given.test == lost.test
    assert given.reason.startswith("promoted: the champion was trained on 1,200 ratings that were")
    won = decide("ndcg", BASE, BETTER, [HOLDS])
    assert without_win(won, 1_200, "ratings") == won


def test_guards_know_which_way_is_worse() -> None:
    assert Guard.absolute("ece", 0.01, 0.012, 0.002).holds
    assert not Guard.absolute("ece", 0.01, 0.0121, 0.002).holds
    better = Guard.absolute("ece", 0.01, 0.0, 0.002)
    assert better.holds and (better.champion, better.challenger) == (0.01, 0.0)
    assert Guard.relative("coverage", 0.5, 0.9, 0.1).holds
    assert Guard.relative("coverage", 0.0, 0.0, 0.1).holds


def test_both_must_be_measured_on_the_same_units() -> None:
    with pytest.raises(ValueError, match="one value per user for both"):
        decide("ndcg", BASE, BASE[:-1], [])
