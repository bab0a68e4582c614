"""Reports become metadata that a person can read and that cannot be broken by its own values."""

import base64

import dagster as dg

from recsys_assets.assets.materialize import markdown_table, metadata_of, own
from recsys_assets.steps.report import StepReport


def test_markdown_table_has_all_columns_and_escapes_values() -> None:
    text = markdown_table([{"a": 1, "b": "x|y\nz"}, {"a": 2.0, "c": "<script>"}])
    lines = text.splitlines()
    assert lines[0] == "| a | b | c |"
    assert lines[2] == "| 1 | x\\|y z |  |"
    assert lines[3] == "| 2 |  | &lt;script> |"
    assert len(lines) == 4


def test_a_title_in_a_table_loads_no_picture_and_names_no_link() -> None:
    titles = ["![x](https://evil.example/seen.png)", "[Free](https://evil.example)", "M*A*S*H", "`"]
    lines = markdown_table([{"title": title} for title in [*titles, "a\\|b", "a\rb"]]).splitlines()
    assert lines[2:] == [
        r"| !\[x\](https://evil.example/seen.png) |",
        r"| \[Free\](https://evil.example) |",
        r"| M\*A\*S\*H |",
        r"| \` |",
        r"| a\\\|b |",
        "| a b |",
    ]


def test_plots_come_first_as_pictures() -> None:
    png = b"\x89PNG\r\n\x1a\n rest"
    report = StepReport(figures={"users": 3}, plots={"Ratings": png})
    metadata = metadata_of(report)
    assert list(metadata) == ["Ratings", "users"]
    picture = metadata["Ratings"]
    assert isinstance(picture, dg.MarkdownMetadataValue)
    assert base64.b64encode(png).decode() in (picture.md_str or "")


def test_a_figure_without_end_is_shown_as_a_word() -> None:
    report = StepReport(figures={"half_life": float("inf"), "auc": float("nan"), "rows": 3})
    shown = metadata_of(report)
    assert shown == {"half_life": "inf", "auc": "nan", "rows": 3}


def test_addresses_open_by_a_click_and_paths_stand_as_they_are() -> None:
    here = "http://127.0.0.1:5000/#/experiments/1/runs/a"
    report = StepReport(
        links={
            "MLflow run": "https://mlflow.example/#/experiments/1/runs/a",
            "not served": f"{here} (once `recsys mlflow` runs)",
            "Report page": "/home/reports/a b.html",
        }
    )
    assert metadata_of(report) == {
        "MLflow run": dg.MetadataValue.url("https://mlflow.example/#/experiments/1/runs/a"),
        "not served": dg.MetadataValue.md(f"<{here}> (once `recsys mlflow` runs)"),
        "Report page": dg.MetadataValue.text("/home/reports/a b.html"),
    }


def test_own_gives_the_rows_and_version_of_one_table() -> None:
    report = StepReport(rows={"a": 5, "b": 7}, versions={"a": 2})
    assert own(report, "a") == {"dagster/row_count": 5, "delta_version": 2}
    assert own(report, "b") == {"dagster/row_count": 7}
    assert own(report, "c") == {}


def test_a_report_survives_the_way_to_a_cluster_and_back() -> None:
    report = StepReport(rows={"a": 1}, plots={"p": bytes(range(256))}, figures={"x": 1.5})
    assert StepReport.model_validate_json(report.model_dump_json()) == report
