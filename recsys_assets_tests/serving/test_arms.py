"""Which version answers: swaps under way, damaged bundles, canaries, processes that die."""

import fcntl
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from recsys_assets.kernels.assignment import place_of
from recsys_assets.serving.folder import BundleError, versions_in
from recsys_assets.serving.pointer import NAME, Pointer, point_to, promote
from recsys_assets.serving.proving import Prover, prove_apart
from recsys_assets.serving.settings import ServiceSettings
from recsys_assets_tests.serving.conftest import Platform, Start
from recsys_assets_tests.serving.running import running


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def served(client: TestClient | httpx.Client, user: int = 1) -> str:
    return str(client.get(f"/users/{user}/recommendations").json()["version"])


def refused(client: TestClient) -> dict[str, str]:
    found: dict[str, str] = client.get("/version").json()["refused"]
    return found


def damage(folder: Path) -> None:
    path = folder / "lists_places.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_promoted_bundle_takes_over(
    client: TestClient, bundles: Path, platform: Platform
) -> None:
    assert served(client) == platform.old
    promote(bundles, platform.new)
    until(lambda: served(client) == platform.new)
    promote(bundles, platform.old)
    until(lambda: served(client) == platform.old)


def test_a_damaged_bundle_never_serves(
    client: TestClient, bundles: Path, platform: Platform
) -> None:
    damage(bundles / platform.new)
    promote(bundles, platform.new)
    until(lambda: platform.new in refused(client))
    assert served(client) == platform.old
    assert "lists_places.npy has been changed" in refused(client)[platform.new]
    assert "recsys_bundles_refused_total 0.0" not in client.get("/metrics").text


def test_a_pointer_that_is_broken_or_gone_changes_nothing(
    client: TestClient, bundles: Path, platform: Platform
) -> None:
    (bundles / NAME).write_text('{"champion": ', encoding="utf-8")
    until(lambda: NAME in refused(client))
    assert served(client) == platform.old
    (bundles / NAME).unlink()
    time.sleep(0.1)
    assert served(client) == platform.old


def test_a_pointer_that_cannot_be_read_is_told_and_read_again(
    start: Start, bundles: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys_assets.serving.arms.RETRY_SECONDS", 0.1)
    content = (bundles / NAME).read_bytes()
    (bundles / NAME).unlink()
    (bundles / NAME).mkdir()
    client = start(watch_seconds=0.02)
    assert "serving.json: Is a directory" in client.get("/ready").json()["detail"]
    (bundles / NAME).rmdir()
    (bundles / NAME).write_bytes(content)
    until(lambda: client.get("/ready").status_code == 200)
    assert served(client) == platform.old


def test_at_its_start_a_service_goes_back_to_the_bundle_before(
    start: Start, bundles: Path, platform: Platform
) -> None:
    promote(bundles, platform.new)
    damage(bundles / platform.new)
    client = start()
    assert served(client) == platform.old
    assert list(refused(client)) == [platform.new]


def test_without_a_whole_bundle_nothing_is_ready(
    start: Start, bundles: Path, platform: Platform
) -> None:
    for version in versions_in(bundles):
        damage(bundles / version)
    client = start()
    answer = client.get("/users/1/recommendations")
    assert answer.status_code == client.get("/ready").status_code == 503
    assert "has been changed" in answer.json()["detail"]
    assert client.get("/health").status_code == 200


def test_a_canary_answers_its_share_and_each_user_always_alike(
    client: TestClient, bundles: Path, platform: Platform
) -> None:
    pointer = Pointer(champion=platform.old, canary=platform.new, canary_share=0.3, salt="spring")
    point_to(bundles, pointer)
    until(lambda: client.get("/version").json()["canary"] == platform.new)
    for user in range(1, 41):
        answer = client.get(f"/users/{user}/recommendations").json()
        canary = place_of(user, "spring") < 0.3
        assert answer["arm"] == ("canary" if canary else "champion")
        assert answer["version"] == (platform.new if canary else platform.old)
        chosen = client.get(f"/users/{user}/recommendations?arm=canary").json()
        assert (chosen["arm"], chosen["version"]) == ("canary", platform.new)


def test_a_damaged_canary_leaves_everybody_with_the_champion(
    client: TestClient, bundles: Path, platform: Platform
) -> None:
    damage(bundles / platform.new)
    point_to(bundles, Pointer(champion=platform.old, canary=platform.new, canary_share=1.0))
    until(lambda: platform.new in refused(client))
    assert {served(client, user) for user in range(1, 20)} == {platform.old}


def test_users_are_spread_evenly_and_anew_for_each_experiment() -> None:
    users = range(1, 20_001)
    first = [place_of(user, "a") < 0.2 for user in users]
    second = [place_of(user, "b") < 0.2 for user in users]
    assert sum(first) == pytest.approx(4_000, abs=200)
    both = sum(a and b for a, b in zip(first, second, strict=True))
    assert both == pytest.approx(800, abs=100)


def test_swaps_and_a_killed_worker_under_load_leave_only_whole_answers(
    bundles: Path, tmp_path: Path, platform: Platform
) -> None:
    expected = {version: _lists(platform, version) for version in (platform.old, platform.new)}
    with running(bundles=bundles, feedback=tmp_path / "feedback", workers=2, rate=1e6) as service:
        assert service.wait() < 15
        load = Load(service.url, expected)
        load.start()
        for version in [platform.new, platform.old] * 3:
            promote(bundles, version)
            time.sleep(0.4)
        assert not load.wrong
        assert not load.broken, "swapping alone breaks no connection"
        victim = service.workers()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in service.workers() and len(service.workers()) == 2)
        time.sleep(0.5)
        load.stop()
        assert not load.wrong
        assert load.answered > 300
        # Only the requests that the killed worker was just then answering are lost.
        assert len(load.broken) <= Load.THREADS
        service.wait()
        assert service.stop() == 0


def test_workers_that_were_replaced_leave_the_figures(bundles: Path, tmp_path: Path) -> None:
    def workers_that_serve() -> float:
        families = text_string_to_metric_families(service.client.get("/metrics").text)
        loaded = next(family for family in families if family.name == "recsys_bundle_loaded")
        return sum(sample.value for sample in loaded.samples)

    with running(bundles=bundles, feedback=tmp_path / "feedback", workers=2) as service:
        service.wait()
        until(lambda: workers_that_serve() == 2)
        before = set(service.workers())
        service.client.close()  # a worker ends when its connections have
        service.process.send_signal(signal.SIGHUP)
        until(lambda: len(service.workers()) == 2 and not before & set(service.workers()), 30)
        service.client = httpx.Client(base_url=service.url, timeout=10)
        assert workers_that_serve() == 2


def test_the_service_outlives_the_removal_of_temporary_files(
    bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with running(bundles=bundles, feedback=tmp_path / "feedback", workers=2) as service:
        service.wait()
        both = re.compile(r"recsys_bundle_loaded\{.*\} 2\.0")
        until(lambda: both.search(service.client.get("/metrics").text) is not None, 30)
        (folder,) = temporary.glob("recsys-serving-*")
        handle = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):  # what systemd asks before it removes any
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
        shutil.rmtree(folder)
        assert service.client.get("/metrics").status_code == 200
        shutil.rmtree(folder)
        victim = service.workers()[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: victim not in service.workers() and len(service.workers()) == 2)
        service.client.close()
        service.client = httpx.Client(base_url=service.url, timeout=10)
        # The new one, of which all others' figures tell, whoever is asked.
        until(lambda: "recsys_bundle_loaded{" in service.client.get("/metrics").text, 30)
        assert service.stop() == 0


def _lists(platform: Platform, version: str) -> dict[int, list[int]]:
    bundle = platform.bundle(version)
    rows = {user: bundle.lists.row(user) for user in range(1, 41)}
    return {
        user: bundle.catalogue.ids[bundle.lists.of(row)[0][:10]].tolist()
        for user, row in rows.items()
        if row is not None
    }


class Load:
    """Threads that ask without pause and look at every answer."""

    THREADS = 4

    def __init__(self, url: str, expected: dict[str, dict[int, list[int]]]) -> None:
        self.url, self.expected = url, expected
        self.wrong: list[object] = []
        self.broken: list[object] = []
        self.answered = 0
        self.over = threading.Event()
        self.threads = [
            threading.Thread(target=self._ask, args=(n,), daemon=True) for n in range(self.THREADS)
        ]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, number: int) -> None:
        user = number
        client = httpx.Client(base_url=self.url, timeout=10)
        while not self.over.is_set():
            user = user % 40 + 1
            try:
                answer = client.get(f"/users/{user}/recommendations")
            except httpx.TransportError as error:
                self.broken.append(error)
                client = httpx.Client(base_url=self.url, timeout=10)
                continue
            self.answered += 1
            body = answer.json()
            items = [row["item"] for row in body.get("recommendations", [])]
            if answer.status_code != 200 or items != self.expected[body["version"]][user]:
                self.wrong.append(answer.text)


def test_a_service_without_bundles_waits_for_the_first(
    settings: ServiceSettings, start: Start, bundles: Path, tmp_path: Path, platform: Platform
) -> None:
    root = tmp_path / "later"
    root.mkdir()
    client = start(bundles=root)
    assert "serving_bundle" in client.get("/ready").json()["detail"]
    shutil.copytree(bundles / platform.old, root / platform.old)
    promote(root, platform.old)
    until(lambda: client.get("/ready").status_code == 200)


def test_beside_the_traffic_a_bundle_is_proved_once_for_all_workers(
    bundles: Path, tmp_path: Path, platform: Platform
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    old, new = bundles / platform.old, bundles / platform.new
    prover = Prover(shared)
    assert prover.load(old, busy=False).version == platform.old
    assert prover.load(new, busy=True).version == platform.new
    notes = {path: path.read_bytes() for path in shared.glob("*.proved")}
    assert len(notes) == 2
    others = Prover(shared)
    start = time.monotonic()
    assert others.load(old, busy=True).version == platform.old
    assert others.load(new, busy=False).version == platform.new
    assert time.monotonic() - start < 0.5, "it was proved again"
    assert {path: path.read_bytes() for path in shared.glob("*.proved")} == notes


@pytest.mark.parametrize("busy", [True, False])
def test_a_bundle_that_changed_since_it_was_proved_is_proved_again(
    bundles: Path, tmp_path: Path, platform: Platform, busy: bool
) -> None:
    prover = Prover(tmp_path)
    prover.load(bundles / platform.new, busy=False)
    damage(bundles / platform.new)
    with pytest.raises(BundleError, match=r"lists_places\.npy has been changed"):
        prover.load(bundles / platform.new, busy)


def test_a_shared_folder_that_was_tidied_away_keeps_no_bundle_out(
    bundles: Path, tmp_path: Path, platform: Platform
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    prover = Prover(shared)
    prover.load(bundles / platform.old, busy=False)
    shutil.rmtree(shared)
    assert prover.load(bundles / platform.new, busy=True).version == platform.new
    shutil.rmtree(shared)
    shared.write_text("in the way")
    with pytest.raises(BundleError, match="could not be proved"):
        prover.load(bundles / platform.old, busy=True)


def test_proving_apart_tells_why_a_bundle_must_not_serve(
    bundles: Path, tmp_path: Path, platform: Platform
) -> None:
    (bundles / platform.new / "titles.txt").unlink()
    with pytest.raises(BundleError, match=r"titles\.txt: No such file"):
        prove_apart(bundles / platform.new)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        prove_apart(tmp_path / "nowhere")
