from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from recsys_assets.contracts.models import Promotion
from recsys_assets.registry.champions import aliases, demote, promote
from recsys_assets.registry.popularity import PopularityModel
from recsys_assets.steps.als.train import ALSParams, train_als
from recsys_assets.steps.evaluation.promotion import PromotionParams, decide_promotion
from recsys_assets.steps.recommenders.models import (
    ITEM_MODEL,
    ItemModelParams,
    train_item_model,
)
from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.tables import random_interactions, write_interactions

NAME = "popularity_model"
ONLY = PromotionParams(models=[NAME], k=5)


def log_list(session: Session, folder: Path, items: list[int]) -> None:
    """Register a model that shows everybody the same list."""
    path = folder / "popularity.parquet"
    counts = range(len(items), 0, -1)
    pl.DataFrame({"item": items, "rating_count": counts}).write_parquet(path)
    example = pl.DataFrame({"user": [1], "k": [2]})
    session.registry.log(
        NAME, PopularityModel(), {"popularity": path}, example, params={}, metrics={}
    )


def popular_first() -> list[tuple[int, int, float, int, str]]:
    """Items 1 to 10 are held out for nearly everybody, 11 to 40 for hardly anybody."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(1, 81):
        for item in range(1, 41):
            part = "train" if rng.random() < 0.5 else "test"
            if rng.random() < (0.8 if item <= 10 else 0.1):
                rows.append((user, item, 4.0, 1_700_000_000, part))
    return rows


def decided(session: Session, params: PromotionParams = ONLY) -> dict[str, Any]:
    decide_promotion(session, params)
    table = session.lake.scan("promotion").collect()
    Promotion.validate(table)
    return table.row(0, named=True)


def test_better_challengers_are_promoted_and_others_are_not(
    session: Session, tmp_path: Path
) -> None:
    write_interactions(session.lake, popular_first())
    good, bad = list(range(1, 41)), list(range(40, 0, -1))
    log_list(session, tmp_path, bad)
    first = decided(session)
    assert not first["promoted"] and "nothing to decide" in str(first["reason"])
    log_list(session, tmp_path, good)
    second = decided(session)
    assert second["promoted"] and float(str(second["low"])) > 0
    assert aliases(session.registry, NAME) == {"champion": 2, "challenger": 2}
    log_list(session, tmp_path, bad)
    third = decided(session)
    assert not third["promoted"] and "no significant win" in str(third["reason"])
    assert aliases(session.registry, NAME) == {"champion": 2, "challenger": 3}
    tags = session.registry.client().get_model_version(NAME, "3").tags
    assert "no significant win" in tags["promotion"]


def test_what_was_demoted_comes_back_by_hand_alone(session: Session, tmp_path: Path) -> None:
    """By its figures it would win again, the very night that somebody took it away."""
    write_interactions(session.lake, popular_first())
    log_list(session, tmp_path, list(range(40, 0, -1)))
    log_list(session, tmp_path, list(range(1, 41)))
    assert decided(session)["promoted"]
    assert demote(session.registry, NAME) == (2, 1)
    for _ in range(2):
        again = decided(session)
        assert not again["promoted"] and "version 2 was demoted by hand" in str(again["reason"])
        assert aliases(session.registry, NAME) == {"champion": 1, "challenger": 2}
    assert promote(session.registry, NAME) == (1, 2)
    assert demote(session.registry, NAME) == (2, 1)
    log_list(session, tmp_path, list(range(1, 41)))
    assert decided(session)["promoted"]
    assert aliases(session.registry, NAME) == {"champion": 3, "challenger": 3}


def test_a_win_that_costs_too_much_is_told_and_not_promoted(
    session: Session, tmp_path: Path
) -> None:
    write_interactions(session.lake, popular_first())
    log_list(session, tmp_path, [*range(11, 41), *range(1, 11)])
    log_list(session, tmp_path, [1, 2, 3, 4, 5])  # hits for most, and nothing else for anybody
    report = decide_promotion(session, ONLY)
    row = session.lake.scan("promotion").collect().row(0, named=True)
    assert not row["promoted"] and "catalog_coverage" in row["reason"]
    assert [guard["holds"] for guard in report.tables["Guards"]] == [False, True]
    page = Path(report.links["Report page"]).read_text(encoding="utf-8")
    assert "although the challenger wins" in page and "catalog_coverage" in page
    run = session.registry.find(NAME, "challenger").mlflow_run_id
    metrics = session.registry.client().get_run(run).data.metrics
    assert metrics["promoted"] == 0.0 and metrics["promotion_gain"] > 0


def test_users_of_whom_little_is_known_must_not_lose_and_validation_rows_are_seen(
    session: Session, tmp_path: Path
) -> None:
    """Of forty users ten have one training row and item 50 to find, the others five and item 51."""
    rows = []
    for user in range(1, 41):
        light = user <= 10
        known = [(user, item, 4.0, 1, "train") for item in range(1, 2 if light else 6)]
        held_out = [(user, 9, 4.0, 2, "validation"), (user, 50 if light else 51, 4.0, 3, "test")]
        rows += [*known, *held_out]
    write_interactions(session.lake, rows)
    params = PromotionParams(models=[NAME], k=1)
    log_list(session, tmp_path, [50])
    log_list(session, tmp_path, [9, 51])
    row = decided(session, params)
    assert (row["champion"], row["challenger"]) == (0.25, 0.75)
    assert not row["promoted"] and "ndcg_cold_users 1.0000 → 0.0000" in row["reason"]


def test_models_that_answer_by_factors_are_judged_too(session: Session) -> None:
    write_interactions(session.lake, random_interactions())
    for iterations in (1, 8):
        train_als(session, ALSParams(rank=6, iterations=iterations, rating_rank=3))
    report = decide_promotion(session, PromotionParams(k=5, most_users=40))
    row = session.lake.scan("promotion").collect().row(0, named=True)
    assert (row["model"], row["champion_version"], row["challenger_version"]) == ("als_model", 1, 2)
    assert 0 < row["champion"] < 1 and 0 < row["challenger"] < 1
    assert report.rows == {"promotion": 1}


def test_without_ratings_models_or_test_rows_there_is_nothing_to_decide(session: Session) -> None:
    assert decide_promotion(session, ONLY).skipped
    write_interactions(session.lake, [(1, 1, 3.0, 5, "train")])
    assert "no row" in decide_promotion(session, ONLY).failed
    write_interactions(session.lake, [(1, 1, 3.0, 5, "train"), (1, 2, 3.0, 5, "test")])
    assert "no model" in decide_promotion(session, ONLY).skipped


def split_by(seed: int) -> list[tuple[int, int, float, int, str]]:
    """The same ratings, in parts drawn by a seed."""
    rng = np.random.default_rng(seed)
    rows = random_interactions()
    return [(*row[:-1], "train" if rng.random() < 0.75 else "test") for row in rows]


def test_a_champion_is_not_judged_by_rows_it_was_trained_on(session: Session) -> None:
    for seed in (1, 2):
        write_interactions(session.lake, split_by(seed))
        train_item_model(session, ItemModelParams())
    decide_promotion(session, PromotionParams(models=[ITEM_MODEL]))
    row = session.lake.scan("promotion").collect().row(0, named=True)
    # Equal models on equally many rows: of the test rows the champion never lists those that it
    # was trained on, so that by all of them it had a quarter of the challenger's hits.
    assert not row["promoted"] and row["champion"] > 0.6 * row["challenger"] > 0
    # Nor is a challenger.
    write_interactions(session.lake, split_by(1))
    row = decided(session, PromotionParams(models=[ITEM_MODEL]))
    assert row["challenger"] > 0.6 * row["champion"] > 0


def test_a_champion_of_ratings_that_were_withdrawn_gives_its_place_without_a_win(
    session: Session,
) -> None:
    rows = split_by(1)
    spam = [(500, item, 5.0, 1_700_000_000, "train") for item in range(1, 6)]
    anew = [(user, item, 0.5, time + 1, "train") for user, item, _, time, _ in rows[:7]]

    def trial(drops: list[tuple[int, int, float, int, str]], train: bool = True) -> dict[str, Any]:
        write_interactions(session.lake, drops)
        if train:
            train_item_model(session, ItemModelParams())
        return decided(session, PromotionParams(models=[ITEM_MODEL]))

    trial([*rows, *spam])
    trial([*rows, *spam[:4]])
    # The newest version knows of the other four, too.
    assert not trial(rows, train=False)["promoted"]
    withdrawn = trial(rows)
    assert withdrawn["promoted"] and withdrawn["p_value"] > 0.05
    assert withdrawn["reason"].startswith(
        "promoted: the champion was trained on 4 ratings that were withdrawn since (by figures "
        "alone, the champion stays: no significant win, ndcg@10 "
    )
    # What was rated anew is not withdrawn, unless the later rating goes again.
    assert "withdrawn" not in trial([*rows[7:], *anew])["reason"]
    promote(session.registry, ITEM_MODEL)
    assert "on 7 ratings that were withdrawn" in trial(rows)["reason"]


def test_a_split_that_leaves_nothing_to_judge_by_is_said(session: Session) -> None:
    write_interactions(session.lake, [(*row[:-1], "train") for row in split_by(1)])
    train_item_model(session, ItemModelParams())
    write_interactions(session.lake, split_by(2))
    train_item_model(session, ItemModelParams())
    decide_promotion(session, PromotionParams(models=[ITEM_MODEL]))
    row = session.lake.scan("promotion").collect().row(0, named=True)
    assert not row["promoted"] and "trained on every test row" in row["reason"]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["als"], "no ranking model is called als: there are rank_model, als_model"),
        (["als_model", "click_model"], "no ranking model is called click_model"),
        ([], "at least 1 item"),
    ],
)
def test_a_name_that_is_no_ranking_model_is_refused_with_those_there_are(
    models: list[str], said: str
) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        PromotionParams(models=models)
    assert refused.value.errors()[0]["loc"] == ("models",)


def test_a_model_without_a_champion_waits_for_one(session: Session, tmp_path: Path) -> None:
    write_interactions(session.lake, popular_first())
    log_list(session, tmp_path, list(range(1, 41)))
    session.registry.client().delete_registered_model_alias(NAME, "champion")
    row = decided(session)
    assert row["champion_version"] is None and "no version is the champion" in str(row["reason"])


@pytest.mark.parametrize("margin", [-0.1, 1.5])
def test_margins_are_shares(margin: float) -> None:
    with pytest.raises(ValueError, match="coverage_margin"):
        PromotionParams(coverage_margin=margin)


def test_the_page_of_a_first_version_does_not_speak_of_a_trial(
    session: Session, tmp_path: Path
) -> None:
    write_interactions(session.lake, popular_first())
    pages = []
    for items in (list(range(40, 0, -1)), list(range(1, 41))):
        log_list(session, tmp_path, items)
        pages.append(Path(decide_promotion(session, ONLY).links["Report page"]).read_text("utf-8"))
    first, second = pages
    assert "No challenger was judged" in first and "None was looked at" in first
    assert "Both were judged" not in first and "champion stays" not in first
    assert f"New champion: {NAME}. Both were judged on the same test users" in second
    assert "None was looked at" not in second
