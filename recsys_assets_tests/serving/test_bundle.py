"""Bundles: whole or not at all, and every byte of them guarded."""

import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlflow.pyfunc import PythonModelContext

from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.home import Home
from recsys_assets.lake.tables import MissingTableError
from recsys_assets.serving.bundle import load_bundle
from recsys_assets.serving.export import ExportParams, write_bundle, writing
from recsys_assets.serving.export.movies import segments_of
from recsys_assets.serving.folder import BundleError, BundleWriter, versions_in
from recsys_assets.serving.pointer import NAME, Pointer, point_to, promote, read_pointer, remove_old
from recsys_assets.serving.pyfunc import BundleModel
from recsys_assets_tests.serving.conftest import Platform
from recsys_assets_tests.serving.published import publish


def test_a_bundle_holds_the_published_lists(platform: Platform) -> None:
    bundle = platform.bundle(platform.new)
    lists = platform.home.lake.scan(TOP_K).sort("user", "rank").collect()
    for (user,), rows in lists.group_by("user"):
        row = bundle.lists.row(int(str(user)))
        assert row is not None
        places, scores = bundle.lists.of(row)
        assert bundle.ids(np.array(places)).tolist() == rows["item"].to_list()
        assert scores == rows["score"].to_list()


def test_every_file_is_guarded_against_every_kind_of_damage(
    platform: Platform, tmp_path: Path
) -> None:
    source = platform.home.bundles / platform.new
    for name in sorted(path.name for path in source.iterdir()):
        for damage in (_flip, _cut, _grow, Path.unlink):
            copy = tmp_path / "damaged" / platform.new
            shutil.copytree(source, copy)
            damage(copy / name)
            with pytest.raises(BundleError, match=platform.new):
                load_bundle(copy)
            shutil.rmtree(copy)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"x")
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] if content else b"x")


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize("part", ["lists", "clicks", "fold_in"])
def test_a_bundle_that_scores_differently_does_not_serve(
    platform: Platform, tmp_path: Path, part: str
) -> None:
    facts = json.loads((platform.home.bundles / platform.new / "manifest.json").read_text())
    for example in facts["examples"][part]:
        score = example[-1]
        if isinstance(score, list):
            score[0] += 1e-4
        else:
            example[-1] += 1e-4
    writer = BundleWriter(tmp_path)
    for path in (platform.home.bundles / platform.new).iterdir():
        if path.name != "manifest.json":
            shutil.copy(path, writer.folder)
    version = writer.finish({k: v for k, v in facts.items() if k not in ("files", "format")})
    with pytest.raises(BundleError, match="batch"):
        load_bundle(tmp_path / version)


def test_what_a_bundle_of_another_release_lacks_is_told_with_what_to_do(tmp_path: Path) -> None:
    version = BundleWriter(tmp_path).finish({"models": {}})
    with pytest.raises(BundleError, match=r"item_ids.*recsys run --select serving_bundle"):
        load_bundle(tmp_path / version)


def test_nothing_is_left_of_a_bundle_that_did_not_come_to_be(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingTableError):
        write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    publish(home)

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(writing, "write_seen", full)
    with pytest.raises(OSError, match="no space"):
        write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    assert list(home.bundles.iterdir()) == []


def test_a_bundle_without_clicks_serves_lists(home: Home) -> None:
    publish(home)
    version = write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    bundle = load_bundle(home.bundles / version)
    assert bundle.clicks is None
    assert bundle.lists.row(1) == 0


SEGMENTS = {"segment": pl.String, "rank": pl.Int32, "item": pl.Int32}


def test_what_nobody_rated_is_not_called_popular() -> None:
    rows = [(2, ["War"], 1), (4, ["War"], 0), (6, None, None), (8, ["Drama"], 0), (10, ["War"], 3)]
    columns = {"item": pl.Int32, "genres": pl.List(pl.String), "rating_count": pl.Int64}
    movies = pl.DataFrame(rows, schema=columns, orient="row")
    popular = ([4, 0], [2.0, 1.0])
    nobody = pl.DataFrame(schema=SEGMENTS)
    assert segments_of(movies, nobody, 10) == {"everybody": popular, "genre War": popular}
    assert segments_of(movies.clear(), nobody, 10) == {"everybody": ([], [])}


def test_newcomers_are_shown_what_newcomers_rate_before_what_most_people_rated() -> None:
    rows = [(n, ["War"] if n % 2 else ["War", "Drama"], 10 * n) for n in range(1, 6)]
    columns = {"item": pl.Int32, "genres": pl.List(pl.String), "rating_count": pl.Int64}
    movies = pl.DataFrame(rows, schema=columns, orient="row")
    # One of another time's catalogue is gone.
    listed = [("newcomers", 1, 3), ("newcomers", 2, 99), ("newcomers", 3, 1), ("Drama", 1, 2)]
    newcomers = pl.DataFrame(listed, schema=SEGMENTS, orient="row")
    assert segments_of(movies, newcomers, 4) == {
        "everybody": ([2, 0, 4, 3], [4.0, 3.0, 2.0, 1.0]),
        "genre Drama": ([1, 3], [2.0, 1.0]),
        "genre War": ([4, 3, 2, 1], [4.0, 3.0, 2.0, 1.0]),
    }


def test_the_pointer_names_what_exists_and_remembers_the_way_back(bundles: Path) -> None:
    old, new = versions_in(bundles)
    promote(bundles, new)
    assert read_pointer(bundles) == Pointer(champion=new, previous=old)
    promote(bundles, new)
    assert read_pointer(bundles).previous == old
    with pytest.raises(BundleError, match="no bundle 'other'"):
        point_to(bundles, Pointer(champion=new, canary="other"))
    assert read_pointer(bundles).champion == new
    with pytest.raises(BundleError, match="serving_bundle"):
        read_pointer(bundles / "nowhere")


def test_a_canary_goes_on_beside_the_bundle_of_the_next_night(bundles: Path) -> None:
    """A trial takes days; it ended with the first publication, without a word."""
    old, new = versions_in(bundles)
    trial = Pointer(champion=new, canary=old, canary_share=0.2, salt="trial")
    point_to(bundles, trial)
    assert promote(bundles, new, keep_canary=True) == read_pointer(bundles) == trial
    # What both get is no trial.
    assert promote(bundles, old, keep_canary=True) == Pointer(champion=old, previous=new)
    point_to(bundles, trial)
    assert promote(bundles, new) == Pointer(champion=new)
    point_to(bundles, trial)
    shutil.rmtree(bundles / old)
    assert promote(bundles, new, keep_canary=True).canary is None


def test_old_bundles_go_those_in_service_stay(bundles: Path) -> None:
    old, new = versions_in(bundles)
    spare = []
    for number in range(3):
        name = f"20200101T00000{number}-0000"
        shutil.copytree(bundles / old, bundles / name)
        spare.append(name)
    point_to(bundles, Pointer(champion=new, canary=old, canary_share=0.5))
    assert remove_old(bundles, kept=1) == spare[:2]
    assert versions_in(bundles) == [spare[2], old, new]
    (bundles / NAME).write_text("{", encoding="utf-8")
    with pytest.raises(BundleError, match=NAME):
        remove_old(bundles, kept=0)
    (bundles / NAME).unlink()
    assert remove_old(bundles, kept=2) == [spare[2]], "none has ever been in service"


def test_what_killed_writers_left_behind_goes_what_is_being_written_stays(bundles: Path) -> None:
    served = versions_in(bundles)
    killed, writing = BundleWriter(bundles), BundleWriter(bundles)
    for writer in (killed, writing):
        writer.text("items.jsonl", "{}")
    long_ago = time.time() - 2 * 86_400
    os.utime(killed.folder, (long_ago, long_ago))
    assert remove_old(bundles) == [killed.folder.name]
    assert not killed.folder.exists() and writing.folder.exists()
    assert versions_in(bundles) == served


def test_mlflow_answers_as_the_service_does(platform: Platform) -> None:
    home = platform.home
    folder = home.bundles / platform.new
    asked = pl.DataFrame({"user": [3, 999], "k": [4, 2]})
    home.registry.log("b", BundleModel(), {"bundle": folder}, asked, params={}, metrics={})
    answered = pl.from_pandas(home.registry.load("b").predict(asked.to_pandas()))
    published = home.lake.scan(TOP_K).filter(pl.col("rank") <= 4, user=3).sort("rank").collect()
    mine = answered.filter(user=3)
    assert mine["item"].to_list() == published["item"].to_list()
    assert mine["score"].to_list() == pytest.approx(published["score"].to_list(), abs=1e-6)
    assert answered.filter(user=999)["rank"].to_list() == [1, 2]


@pytest.mark.parametrize("k", [0, -1, -100])
def test_mlflow_shows_nobody_the_lists_of_others(platform: Platform, k: int) -> None:
    model = BundleModel()
    model.bundle = platform.bundle(platform.new)
    with pytest.raises(ValueError, match="1 or more"):
        model.predict(PythonModelContext({}, {}), pd.DataFrame({"user": [1, 7], "k": [3, k]}))
