"""The bundle as an asset, and feedback's way into the landing zone as a job."""

import datetime
import json
from pathlib import Path

import dagster as dg
import pytest

from recsys_assets.assets.serving import serving_bundle
from recsys_assets.automation.feedback import land_feedback
from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.home import Home
from recsys_assets.kernels.feedback_fields import COLUMNS
from recsys_assets.lake.damage import DamagedTableError
from recsys_assets.registry.champions import aliases
from recsys_assets.resources.storage import Storage
from recsys_assets.serving.bundle import load_bundle
from recsys_assets.serving.pointer import BUNDLE_MODEL, Pointer, point_to, read_pointer
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.serving.published import publish, publish_clicks


def materialize(home: Home, **config: object) -> dict[str, object]:
    run_config = {"ops": {"serving_bundle": {"config": config}}}
    done = dg.materialize(
        [serving_bundle], resources={"storage": Storage(home=str(home.root))}, run_config=run_config
    )
    event = done.asset_materializations_for_node("serving_bundle")[0]
    return {name: value.value for name, value in event.metadata.items()}


def test_the_bundle_serves_once_it_is_materialized(home: Home) -> None:
    publish(home)
    publish_clicks(home)
    said = materialize(home)
    pointer = read_pointer(home.bundles)
    assert (pointer.champion, pointer.previous) == (said["version"], None)
    assert load_bundle(home.bundles / pointer.champion).clicks is not None
    assert said["users"] == 40
    logged = home.registry.find(BUNDLE_MODEL, "challenger")
    run = home.registry.client().get_run(logged.mlflow_run_id)
    assert run.data.tags["bundle"] == said["version"]

    again = materialize(home)
    in_use = home.registry.find(BUNDLE_MODEL, "champion")
    tags = home.registry.client().get_run(in_use.mlflow_run_id).data.tags
    assert tags["bundle"] == again["version"]
    pointer = read_pointer(home.bundles)

    publish(home, seed=9)
    second = materialize(home, promote=False, register_model=False)
    assert second["removed"] == "none"
    assert read_pointer(home.bundles).champion == pointer.champion
    trial = {"canary": pointer.previous, "canary_share": 0.1}
    point_to(home.bundles, Pointer.model_validate({"champion": pointer.champion, **trial}))
    third = materialize(home, register_model=False)
    assert read_pointer(home.bundles).previous == pointer.champion
    assert read_pointer(home.bundles).canary == pointer.previous
    assert third["canary"] == f"{pointer.previous} for 10%"
    assert len({pointer.champion, second["version"], third["version"]}) >= 2


def test_going_back_to_a_bundle_goes_back_to_its_version(home: Home, recsys: Recsys) -> None:
    """`recsys status` named the newer one while the older one served."""
    publish(home)
    old = materialize(home)["version"]
    publish(home, seed=9)
    new = materialize(home)["version"]
    for bundle, version in ((old, 1), (new, 2), (old, 1)):
        recsys("bundles", "use", bundle)
        assert aliases(home.registry, BUNDLE_MODEL) == {"champion": version, "challenger": 2}
        status = json.loads(recsys("status", "--json").output)
        assert status["models"][BUNDLE_MODEL]["champion"] == version
    publish(home, seed=10)
    recsys("bundles", "use", materialize(home, register_model=False)["version"])
    assert aliases(home.registry, BUNDLE_MODEL)["champion"] == 1


def test_a_registry_that_is_away_does_not_hold_up_the_way_back(home: Home, recsys: Recsys) -> None:
    publish(home)
    old = materialize(home, register_model=False)["version"]
    publish(home, seed=9)
    materialize(home, register_model=False)
    (home.root / "mlflow" / "mlflow.db").write_bytes(b"damaged" * 1000)
    said = recsys("bundles", "use", old).output
    assert read_pointer(home.bundles).champion == old
    assert "the registry names another champion" in " ".join(said.split())


def test_a_damaged_table_fails_in_words_and_the_last_bundle_serves_on(home: Home) -> None:
    publish(home)
    materialize(home, register_model=False)
    served = read_pointer(home.bundles).champion
    for path in Path(home.lake.uri(TOP_K)).rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DamagedTableError, match="table damaged"):
        materialize(home, register_model=False)
    assert read_pointer(home.bundles).champion == served
    assert load_bundle(home.bundles / served).version == served


def test_the_job_lands_yesterdays_feedback(home: Home) -> None:
    yesterday = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=1)
    folder = home.feedback / yesterday.isoformat()
    folder.mkdir(parents=True)
    row = "e1,1,2,click,,v1,champion,1700000000"
    (folder / "a.csv").write_text(f"{','.join(COLUMNS)}\n{row}\n", encoding="utf-8")
    storage = Storage(home=str(home.root))
    assert land_feedback.execute_in_process(resources={"storage": storage}).success
    assert [f.name for f in home.landing_zone.drop("feedback", yesterday)] == ["a.csv"]


@pytest.mark.parametrize(
    "asset", ["top_k", "similar_items", "popular_movies", "user_segments", "als_model"]
)
def test_the_bundle_follows_what_it_is_made_from(asset: str) -> None:
    assert dg.AssetKey(asset) in serving_bundle.asset_deps[dg.AssetKey("serving_bundle")]
