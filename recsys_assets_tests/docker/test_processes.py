"""The containers' commands and settings as processes here: PostgreSQL, code, web server, daemon."""

from pathlib import Path

import pytest

from recsys_assets_tests.docker.stack import Stack, ask_for_a_run, run_an_asset
from recsys_assets_tests.servers.postgres import find_programs, postgres_server


@pytest.mark.slow
def test_the_four_containers_are_healthy_and_run_an_asset_on_postgresql(tmp_path: Path) -> None:
    programs = find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    with postgres_server(programs) as database:
        stack = Stack(tmp_path, database)
        try:
            stack.start_all()
            run_an_asset(stack)
            ask_for_a_run(stack)
        finally:
            stack.stop_all()
