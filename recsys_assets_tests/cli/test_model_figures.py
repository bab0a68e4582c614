"""Models in `recsys status`: what is in use, from the registry, and how good, from the tables."""

import polars as pl

from recsys_assets.cli.model_figures import models_in_use
from recsys_assets.contracts.models import Promotion, RankingEvaluation
from recsys_assets.contracts.schema import polars_schema
from recsys_assets.home import Home
from recsys_assets_tests.conftest import Recsys


def register(home: Home, name: str, champion: int, newest: int) -> None:
    client = home.registry.client()
    client.create_registered_model(name)
    for _ in range(newest):
        client.create_model_version(name, f"{home.root}/model")
    client.set_registered_model_alias(name, "champion", str(champion))
    client.set_registered_model_alias(name, "challenger", str(newest))


def evaluated(home: Home, *rows: tuple[str, int, str, float]) -> None:
    full = [(model, version, "test", metric, value) for model, version, metric, value in rows]
    frame = pl.DataFrame(full, polars_schema(RankingEvaluation), orient="row")
    home.lake.write_frame(frame, "ranking_evaluation")


def judged(home: Home, champion: float, challenger: float) -> None:
    row = ("als_model", 1, 2, False, "no win", "ndcg@10", champion, challenger, 0.0, 0.0, 1.0, "[]")
    frame = pl.DataFrame([row], polars_schema(Promotion), orient="row")
    home.lake.write_frame(frame, "promotion")


def test_without_a_registry_there_are_no_models_and_none_is_made(home: Home) -> None:
    assert models_in_use(home.lake, home.registry) == {}
    assert not (home.root / "mlflow" / "mlflow.db").exists()


def test_the_figure_is_that_of_the_version_in_use(home: Home) -> None:
    register(home, "als_model", champion=1, newest=2)
    register(home, "serving_bundle", champion=3, newest=3)
    nothing_known = {"champion": 1, "challenger": 2, "metric": None, "value": None}
    assert models_in_use(home.lake, home.registry)["als_model"] == nothing_known
    evaluated(home, ("als_model", 2, "ndcg@10", 0.31), ("als_model", 2, "map", 0.1))
    assert models_in_use(home.lake, home.registry)["als_model"] == nothing_known
    judged(home, champion=0.30, challenger=0.31)
    found = models_in_use(home.lake, home.registry)
    assert found["als_model"] == nothing_known | {"metric": "ndcg@10", "value": 0.30}
    home.registry.client().set_registered_model_alias("als_model", "champion", "2")
    assert models_in_use(home.lake, home.registry)["als_model"]["value"] == 0.31
    assert found["serving_bundle"]["champion"] == 3 and found["serving_bundle"]["metric"] is None


def test_the_status_shows_them(home: Home, recsys: Recsys) -> None:
    register(home, "als_model", champion=1, newest=1)
    evaluated(home, ("als_model", 1, "ndcg@10", 0.3116))
    files = {"dataset": ["ratings"], "file": ["a.csv"], "size": [1], "form": ["u.data"]}
    counts = {"read": [1], "accepted": [1], "quarantined": [0], "rejected": [False]}
    words = {"reasons": ["{}"], "message": [""]}
    day = pl.Series("drop_date", ["2026-01-31"]).str.to_date()
    home.lake.write_frame(pl.DataFrame(files | counts | words).with_columns(day), "files")
    shown = recsys("status").stdout
    assert "als_model" in shown and "ndcg@10" in shown and "0.3116" in shown
