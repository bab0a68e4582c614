"""What a cluster answers, whatever breaks there."""

import json
from pathlib import Path

import pytest
from dagster_pipes import (
    DAGSTER_PIPES_CONTEXT_ENV_VAR,
    DAGSTER_PIPES_MESSAGES_ENV_VAR,
    PipesContext,
    PipesDefaultContextLoader,
    PipesDefaultMessageWriter,
    PipesMappingParamsLoader,
    encode_param,
)

from recsys_assets.steps import remote


class Panic(BaseException):
    """As extensions written in Rust raise it."""


@pytest.mark.parametrize("error", [ValueError("no rating"), Panic("no rating")])
def test_the_error_of_a_step_is_answered_and_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(order: remote.Order) -> None:
        raise error

    monkeypatch.setattr(remote, "run_order", fail)
    monkeypatch.setattr(PipesContext, "_instance", None)  # Pipes opens once in a process
    order = remote.Order(
        step="s", params={}, run_id="r", lake="l", landing="l", rejected="r", registry="m"
    )
    context, messages = tmp_path / "context.json", tmp_path / "messages"
    known = dict.fromkeys(
        ("asset_keys", "code_version_by_asset_key", "provenance_by_asset_key", "partition_key")
    )
    rest = dict.fromkeys(("partition_key_range", "partition_time_window", "job_name"))
    context.write_text(
        json.dumps(
            {**known, **rest, "run_id": "r", "retry_number": 0, "extras": order.model_dump()}
        )
    )
    params = PipesMappingParamsLoader(
        {
            DAGSTER_PIPES_CONTEXT_ENV_VAR: encode_param({"path": str(context)}),
            DAGSTER_PIPES_MESSAGES_ENV_VAR: encode_param({"path": str(messages)}),
        }
    )
    with pytest.raises(type(error), match="no rating"):
        remote.answer_order(PipesDefaultContextLoader(), PipesDefaultMessageWriter(), params)
    said = [json.loads(line) for line in messages.read_text().splitlines()]
    (answer,) = [m["params"]["payload"] for m in said if m["method"] == "report_custom_message"]
    assert answer == {"report": None, "error": f"{type(error).__name__}: no rating"}


def test_a_home_that_the_cluster_does_not_see_is_told(tmp_path: Path) -> None:
    """To the steps it would be a home in which nothing has landed, and the run a success."""
    home = tmp_path / "of_another_machine"
    order = remote.Order(
        step="s",
        params={},
        run_id="r",
        lake=str(home / "lake"),
        landing=str(home / "landing"),
        rejected=str(home / "rejected"),
        registry="m",
    )
    with pytest.raises(FileNotFoundError, match=r"of_another_machine.*RECSYS_DATABRICKS_HOME"):
        remote.open_session(order)
    assert not home.exists()
