"""The OpenAPI document and the service say the same: requests made up from the one to the other."""

import subprocess
import sys
from pathlib import Path

from recsys_assets.serving.settings import ServiceSettings
from recsys_assets_tests.serving.issuer import AUDIENCE, ISSUER, issuing
from recsys_assets_tests.serving.running import running


def ask_all(url: str, folder: Path, *options: str) -> None:
    """Every check of schemathesis: examples, limits, made-up requests, chains of them."""
    tool = Path(sys.executable).with_name("schemathesis")
    command = [str(tool), "run", f"{url}/openapi.json", "--checks", "all", "--max-examples", "20"]
    done = subprocess.run(
        [*command, "--generation-deterministic", "--no-color", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "10 selected / 10 total" in done.stdout


def test_no_request_gets_an_answer_that_is_not_declared(
    settings: ServiceSettings, tmp_path: Path
) -> None:
    chosen = settings.model_dump(exclude={"port"}) | {"burst": 10**9}
    with running(**chosen) as service:
        service.wait()
        ask_all(service.url, tmp_path)


def test_the_same_with_tokens(settings: ServiceSettings, tmp_path: Path) -> None:
    with issuing() as issuer:
        auth = {"issuers": [ISSUER], "audiences": [AUDIENCE], "jwks_url": issuer.url}
        chosen = settings.model_dump(exclude={"port"}) | {"burst": 10**9, "auth": auth}
        with running(**chosen) as service:
            service.wait()
            token = issuer.token(roles=["admin"], exp=2_000_000_000)
            ask_all(service.url, tmp_path, "--header", f"Authorization: Bearer {token}")
