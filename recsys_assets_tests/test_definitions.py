"""The graph as a whole: it loads, and its names are a promise to everyone who reads the tables."""

import subprocess
import sys

import dagster as dg
import pytest
from dagster._core.snap.snap_to_yaml import default_values_yaml_from_type_snap

from recsys_assets.automation.jobs import JOBS
from recsys_assets.definitions import build_definitions, defs
from recsys_assets.deployment import DeploymentError, current_deployment
from recsys_assets_tests.planted import MARK, PLANTED

NAMES = ("clicks", "movies", "ratings")
STAGES = {
    "landing": {f"landing/{name}" for name in (*NAMES, "feedback", "offers")},
    "validated": {
        *(*NAMES, "feedback", "offers"),
        *(f"quarantine_{name}" for name in (*NAMES, "feedback", "offers")),
    },
    "features": {"click_features", "interactions", "movie_features", "user_features"},
    "models": {
        "als_model",
        "click_model",
        "content_model",
        "item_model",
        "popularity_model",
        "rank_model",
    },
    "sweeps": {"als_sweep", "click_sweep"},
    "backtests": {"backtest"},
    "evaluation": {
        "click_drift",
        "click_evaluation",
        "click_promotion",
        "click_through",
        "promotion",
        "ranking_evaluation",
        "rating_drift",
    },
    "delivery": {"digests", "lookup_lists", "serving_bundle", "warehouse_lists"},
    "recommendations": {"popular_movies", "similar_items", "top_k", "user_segments"},
}


def test_definitions_load() -> None:
    dg.Definitions.validate_loadable(defs)


def test_names_of_assets_by_stage() -> None:
    graph = defs.resolve_asset_graph()
    found: dict[str, set[str]] = {}
    for key in graph.get_all_asset_keys():
        found.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    assert found == STAGES


def test_every_asset_tells_what_it_is_and_whose() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.description, key
        assert "\n  " not in node.description, f"{key}: Markdown shows indented lines as code"
        assert node.owners, key
        assert node.kinds, key


def test_tables_show_their_contract() -> None:
    graph = defs.resolve_asset_graph()
    schema = graph.get(dg.AssetKey("ratings")).metadata["dagster/column_schema"]
    columns = {column.name: column for column in schema.columns}
    assert list(columns) == ["user", "item", "rating", "timestamp", "file", "drop_date"]
    assert "half steps" in (columns["rating"].description or "")
    assert not columns["rating"].constraints.nullable
    assert any("0.5" in rule for rule in columns["rating"].constraints.other)


def test_landing_and_validated_are_daily_and_backfill_in_one_run() -> None:
    graph = defs.resolve_asset_graph()
    for stage in ("landing", "validated"):
        for name in STAGES[stage]:
            node = graph.get(dg.AssetKey(name.split("/")))
            assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition), name
            assert node.backfill_policy == dg.BackfillPolicy.single_run(), name


def test_automation_starts_switched_off_locally_and_on_in_production() -> None:
    assert not current_deployment({}).automated
    assert current_deployment({"RECSYS_DEPLOYMENT": "production"}).automated
    assert {s.default_status for s in defs.schedules or []} == {dg.DefaultScheduleStatus.STOPPED}


def test_an_unknown_deployment_is_named() -> None:
    with pytest.raises(DeploymentError, match="local"):
        current_deployment({"RECSYS_DEPLOYMENT": "moon"})


def test_the_definitions_load_without_a_word_and_without_what_takes_long() -> None:
    """Every process of the platform loads them, most to train or evaluate nothing."""
    code = "import sys, recsys_assets.definitions; print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    loaded = set(done.stdout.splitlines())
    assert "pandera.polars" in loaded
    slow = {"mlflow", "sklearn", "pandas", "matplotlib", "pyspark.pandas", "pyspark.ml"}
    assert not slow & loaded


@pytest.mark.parametrize("job", [job.name for job in JOBS])
def test_what_the_launchpad_proposes_replaces_no_secret(
    job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RECSYS_UNSUBSCRIBE_KEY", "RECSYS_SMTP_PASSWORD"):
        monkeypatch.setenv(name, PLANTED[name])
    monkeypatch.setenv("RECSYS_SMTP_HOST", "mail.example.org")
    monkeypatch.setenv("RECSYS_SMTP_USERNAME", "films")
    monkeypatch.setenv("RECSYS_SMTP_RECIPIENTS", "on-call@example.org")
    monkeypatch.setenv("RECSYS_DIGEST_SENDER", "films@example.org")
    resolved = build_definitions(current_deployment()).resolve_job_def(job)
    schema = resolved.get_job_snapshot().config_schema_snapshot
    root = schema.get_config_snap(resolved.run_config_schema.config_type.key)
    proposed = default_values_yaml_from_type_snap(schema, root)
    assert "****" not in proposed
    assert MARK not in proposed
    if job == "publish":
        assert "signing_key:\n        env: RECSYS_UNSUBSCRIBE_KEY" in proposed
