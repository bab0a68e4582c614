import logging
from collections.abc import Iterator, Sequence
from functools import partialmethod
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModelContext

from recsys_assets.home import Home
from recsys_assets.registry import CHALLENGER, CHAMPION, LoggedModel
from recsys_assets.registry.champions import demote, promote
from recsys_assets.registry.popularity import PopularityModel
from recsys_assets.registry.quiet import quiet_mlflow
from recsys_assets.registry.storing import UnreadableModelError
from recsys_assets_tests.servers.mlflow import mlflow_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


EXAMPLE = pl.DataFrame({"user": [1], "k": [2]})


def log(
    home: Home, folder: Path, items: list[int], loss: Sequence[float] = (0.5, 0.25)
) -> LoggedModel:
    path = folder / "popularity.parquet"
    pl.DataFrame({"item": items, "rating_count": range(len(items), 0, -1)}).write_parquet(path)
    return home.registry.log(
        "popularity_model",
        PopularityModel(),
        {"popularity": path},
        EXAMPLE,
        params={"k": 2},
        metrics={"items": len(items)},
        plots={"Long tail": b"png"},
        tags={"dagster/run_id": "r1"},
        curves={"loss": list(loss)},
    )


def test_a_curve_longer_than_mlflow_takes_at_once_is_kept_whole(home: Home, tmp_path: Path) -> None:
    loss = [1 / step for step in range(1, 2_102)]
    logged = log(home, tmp_path, [5], loss)
    history = home.registry.client().get_metric_history(logged.mlflow_run_id, "loss")
    assert [(point.step, point.value) for point in history] == list(enumerate(loss, 1))


def test_models_beyond_a_servers_first_page_are_known(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = home.registry.client()
    for other in ("films", "songs"):
        client.create_registered_model(other)
    log(home, tmp_path, [5])
    one_by_one = partialmethod(MlflowClient.search_registered_models, max_results=1)
    monkeypatch.setattr(MlflowClient, "search_registered_models", one_by_one)
    assert set(home.registry.all_registered()) == {"films", "songs", "popularity_model"}


def test_a_training_is_a_run_and_a_version_with_aliases(home: Home, tmp_path: Path) -> None:
    first, second = log(home, tmp_path, [5, 6, 7]), log(home, tmp_path, [8, 9])
    registry, client = home.registry, home.registry.client()
    assert (first.version, second.version) == (1, 2)
    assert registry.find("popularity_model", CHAMPION) == first
    assert registry.find("popularity_model", CHALLENGER) == second
    data = client.get_run(first.mlflow_run_id).data
    assert data.params == {"k": "2"} and data.metrics == {"items": 3.0, "loss": 0.25}
    assert data.tags["dagster/run_id"] == "r1"
    history = client.get_metric_history(first.mlflow_run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]
    plots = client.list_artifacts(first.mlflow_run_id, "plots")
    assert [plot.path for plot in plots] == ["plots/long_tail.png"]


@pytest.mark.slow
def test_a_registry_that_is_served_is_no_other(server: str, tmp_path: Path) -> None:
    served = Home(root=tmp_path / "home", mlflow=server)
    assert not served.registry.has("popularity_model")
    first, second = log(served, tmp_path, [5, 6, 7]), log(served, tmp_path, [8, 9])
    registry = served.registry
    assert (first.version, second.version) == (1, 2)
    assert first.link.startswith(f"{server}/#/experiments/")
    assert registry.find("popularity_model", CHAMPION) == first
    assert registry.find("popularity_model", CHALLENGER) == second
    assert registry.champions()["popularity_model"][0] == 1
    assert promote(registry, "popularity_model") == (1, 2)
    assert demote(registry, "popularity_model") == (2, 1)
    answer = registry.load("popularity_model").predict(EXAMPLE.to_pandas())
    assert answer["item"].to_list() == [5, 6]
    registry.log_files(first, {"evaluation/report.html": b"<p>"})
    assert not (tmp_path / "home").exists()


def test_a_model_answers_as_it_did_and_says_what_it_takes(home: Home, tmp_path: Path) -> None:
    log(home, tmp_path, [5, 6, 7])
    model = home.registry.load("popularity_model")
    answer = model.predict(pd.DataFrame({"user": [4, 9], "k": [2, 1]}))
    assert answer[["user", "rank", "item"]].to_numpy().tolist() == [[4, 1, 5], [4, 2, 6], [9, 1, 5]]
    signature = model.metadata.signature
    assert signature.inputs.input_names() == ["user", "k"]
    assert signature.outputs.input_names() == ["user", "rank", "item", "score"]
    with pytest.raises(MlflowException, match="k"):
        model.predict(pd.DataFrame({"user": [4]}))


def test_a_version_of_another_release_is_told_with_what_to_do(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_context(model: PopularityModel, context: PythonModelContext) -> None:
        Path(context.artifacts["catalogue"])  # which versions logged before did not have

    log(home, tmp_path, [5, 6, 7])
    monkeypatch.setattr(PopularityModel, "load_context", load_context)
    with pytest.raises(UnreadableModelError, match="recsys promote popularity_model"):
        home.registry.load("popularity_model")


def test_nothing_pickled_is_stored(home: Home, tmp_path: Path) -> None:
    log(home, tmp_path, [5])
    stored = [path for path in (home.root / "mlflow" / "artifacts").rglob("*") if path.is_file()]
    assert any(path.name == "model.py" for path in stored)
    assert not [path for path in stored if path.suffix == ".pkl"]


def test_figures_and_files_are_added_later(home: Home, tmp_path: Path) -> None:
    model = log(home, tmp_path, [5])
    home.registry.log_metrics(model, {"ndcg_at_10": 0.5, "map": 0.1})
    home.registry.log_files(model, {"evaluation/report.html": b"<p>", "note.txt": b"n"})
    client = home.registry.client()
    metrics = client.get_run(model.mlflow_run_id).data.metrics
    assert metrics == {"items": 1.0, "loss": 0.25, "ndcg_at_10": 0.5, "map": 0.1}
    names = {file.path for file in client.list_artifacts(model.mlflow_run_id)}
    assert {"evaluation", "plots", "note.txt"} <= names


def test_nobody_carries_an_alias_before_the_first_training(home: Home) -> None:
    with pytest.raises(MlflowException):
        home.registry.find("als_model", CHAMPION)


def test_logging_says_nothing_of_its_own(
    home: Home, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log(home, tmp_path, [5, 6])
    home.registry.load("popularity_model").predict(EXAMPLE.to_pandas())
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_quiet_ends_as_it_began() -> None:
    logger = logging.getLogger("mlflow")
    with quiet_mlflow():
        before = logger.level
    level = logger.level
    with quiet_mlflow():
        assert logger.level == logging.ERROR
        assert not MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.get()
    assert logger.level == level != before
    assert not MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.is_set()


def test_link_names_the_run_and_what_to_start(home: Home, tmp_path: Path) -> None:
    model = log(home, tmp_path, [5])
    assert model.mlflow_run_id in model.link and "recsys mlflow" in model.link
    served = LoggedModel("m", 1, "run", "3", "https://mlflow.example/")
    assert served.link == "https://mlflow.example/#/experiments/3/runs/run"
