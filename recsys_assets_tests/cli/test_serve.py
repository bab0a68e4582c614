"""Commands about the service."""

import json
from pathlib import Path

import pytest

from recsys_assets.home import Home
from recsys_assets.serving import pointer
from recsys_assets.serving.export import ExportParams, write_bundle
from recsys_assets.serving.pointer import NAME, Pointer, promote, read_pointer
from recsys_assets.serving.sizing import BUSY, CORES, LEAST, size_for
from recsys_assets_tests.conftest import Recsys
from recsys_assets_tests.servers.ports import free_port
from recsys_assets_tests.serving.published import publish


def test_bundles_are_listed_chosen_and_gone_back_to(
    recsys: Recsys, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "serving_bundle" in recsys("bundles", "list", code=2).output
    publish(home, seed=1)
    old = write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    publish(home, seed=2)
    new = write_bundle(home.lake, home.registry, home.bundles, ExportParams())
    promote(home.bundles, old)
    assert "for 0.5%" in recsys("bundles", "use", old, "--canary", new, "--share", 0.005).output
    shown: list[str | None] = []
    with monkeypatch.context() as watched:
        point = pointer.point_to
        watched.setattr(
            pointer, "point_to", lambda root, new: (shown.append(new.canary), point(root, new))
        )
        recsys("bundles", "use", old, "--canary", new, "--share", 0.25)
    assert shown == [new]  # between two pointers the canary's users would get the champion
    rows = {r["version"]: r for r in json.loads(recsys("bundles", "list", "--json").output)}
    assert rows[old]["serves as"] == "champion"
    assert (rows[new]["serves as"], rows[new]["share"]) == ("canary", 0.25)
    # Meant for the canary, they would end its trial.
    for option in (("--share", 0.5), ("--salt", "spring")):
        assert "name it by --canary" in recsys("bundles", "use", old, *option, code=2).output
    assert read_pointer(home.bundles).canary == new
    assert "another" in recsys("bundles", "use", new, "--canary", new, code=2).output
    assert read_pointer(home.bundles).champion == old
    recsys("bundles", "use", new)
    assert (read_pointer(home.bundles).champion, read_pointer(home.bundles).previous) == (new, old)
    (home.bundles / old / "booster.txt").write_text("damaged", encoding="utf-8")
    (home.bundles / old / "item_ids.npy").write_bytes(b"damaged")
    assert "instead of" in recsys("bundles", "use", old, code=2).output
    assert read_pointer(home.bundles).champion == new
    (home.bundles / NAME).write_text('{"champion": ', encoding="utf-8")
    assert new in recsys("bundles", "list", code=2).output
    recsys("bundles", "use", new)
    assert read_pointer(home.bundles) == Pointer(champion=new)


def test_without_tokens_it_serves_this_machine_only(recsys: Recsys) -> None:
    said = recsys("serve", "--host", "0.0.0.0", code=2).output
    assert "RECSYS_SERVE_ISSUERS" in said


def test_wrong_settings_are_named(recsys: Recsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_SERVE_RATE", "-1")
    assert "greater than 0" in recsys("serve", code=2).output


@pytest.mark.parametrize("forgotten", ["ISSUERS", "AUDIENCES", "JWKS_URL"])
def test_tokens_asked_for_by_half_are_no_open_door(
    recsys: Recsys, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    monkeypatch.setattr("recsys_assets.serving.server.serve", lambda settings: None)
    given = {"ISSUERS": "https://issuer.example", "AUDIENCES": "app", "JWKS_URL": "https://k"}
    for name, text in (given | {forgotten: ""}).items():
        monkeypatch.setenv(f"RECSYS_SERVE_{name}", text)
    assert f"RECSYS_SERVE_{forgotten}:" in recsys("serve", code=2).output


def test_a_folder_that_only_the_service_knows_is_told(
    recsys: Recsys, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_assets.serving.server.serve", lambda settings: None)
    port = ("--port", free_port())
    assert "alone" not in recsys("serve", *port).output
    assert f"http://[::1]:{port[1]}/openapi.json" in recsys("serve", "--host", "::1", *port).output
    monkeypatch.setenv("RECSYS_SERVE_FEEDBACK", str(tmp_path / "elsewhere"))
    said = recsys("serve", *port).output
    assert f"feedback: {tmp_path / 'elsewhere'}; all other" in said
    assert f"{home.feedback} alone" in said and "bundles:" not in said


def test_feedback_lands_where_there_is_some(recsys: Recsys) -> None:
    assert "landed 0 journals" in recsys("feedback").output


def test_a_load_has_its_price(recsys: Recsys) -> None:
    sizing = json.loads(recsys("cost", "serve", "--qps", 20_000, "--json").output)
    assert sizing["replicas"] * sizing["cores_per_replica"] * BUSY >= sizing["busy_cores"]
    assert size_for(1, 0, 0, 0.1).replicas == LEAST
    assert size_for(1, 0, 0, 0.1).cost_per_month == LEAST * CORES * 0.1 * 730
    assert size_for(5_000, 1, 0, 0.1).replicas > size_for(5_000, 0, 0, 0.1).replicas
    recsys("cost", "serve", "--qps", 10, "--rank-share", 0.9, "--fold-share", 0.2, code=2)
