"""`recsys evaluate-clicks` as people run it."""

import gzip
import json
from pathlib import Path

import pytest

from recsys_assets.synthetic.criteo import click_batches
from recsys_assets_tests.conftest import Recsys

MODELS = {"click_model", "base_rate", "logistic_regression", "lightgbm_ordinal", "lightgbm_hashed"}
ROWS = 3_000


@pytest.fixture(scope="module")
def text() -> str:
    return next(click_batches(ROWS, 2)).write_csv(separator="\t", include_header=False)


def test_every_model_is_judged_and_bad_lines_are_counted(
    recsys: Recsys, text: str, tmp_path: Path
) -> None:
    file, figures, page = tmp_path / "c.txt", tmp_path / "f.json", tmp_path / "p.html"
    lines = text.splitlines()
    lines[5] = "2" + lines[5][1:]
    lines[7] = "not a click"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = recsys(
        "evaluate-clicks", file, "--split", "ordered", "--json", figures, "--page", page
    )
    assert "2 set apart" in result.output
    told = json.loads(figures.read_text(encoding="utf-8"))
    assert told["quarantined"] == 2
    assert told["rows"] == ROWS - 2
    assert set(told["models"]) == MODELS
    for name, row in told["models"].items():
        assert {"auc", "logloss", "ece"} <= set(row), name
        assert row["auc_low"] <= row["auc"] <= row["auc_high"] or name == "base_rate"
    assert told["models"]["base_rate"]["auc"] == 0.5
    own = told["models"]["click_model"]["logloss"]
    assert own < min(r["logloss"] for n, r in told["models"].items() if n != "click_model")
    html = page.read_text(encoding="utf-8")
    assert "The 20 strongest" in html and "add up to its log odds" not in html
    for plot in ("ROC", "Calibration", "Lift", "Feature importance", "SHAP summary"):
        assert f'alt="{plot}"' in html


def test_gzip_and_folds_give_the_same_again(recsys: Recsys, text: str, tmp_path: Path) -> None:
    file = tmp_path / "c.gz"
    file.write_bytes(gzip.compress(text.encode()))
    told = []
    for name in ("one.json", "two.json"):
        recsys("evaluate-clicks", file, "--folds", 2, "--seed", 3, "--json", tmp_path / name)
        told.append(json.loads((tmp_path / name).read_text(encoding="utf-8"))["models"])
    for model in MODELS:
        for metric in ("auc", "logloss", "ece"):
            assert told[0][model][metric] == pytest.approx(told[1][model][metric], abs=1e-9)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "file.empty"),
        (b"a,b,c\n1,2,3\n", "file.columns"),
        (b"\x1f\x8b\x08broken", "unpack"),
    ],
)
def test_files_of_another_kind_are_named(
    recsys: Recsys, tmp_path: Path, content: bytes, word: str
) -> None:
    file = tmp_path / "c.txt"
    file.write_bytes(content)
    assert word in recsys("evaluate-clicks", file, code=2).output


def test_folds_are_refused_where_rows_are_split_in_order(recsys: Recsys, tmp_path: Path) -> None:
    asked = ("evaluate-clicks", tmp_path / "none", "--split", "ordered", "--folds", 7)
    assert "--split folds" in recsys(*asked, code=2).output


def test_a_missing_file_too_few_rows_and_one_label(
    recsys: Recsys, text: str, tmp_path: Path
) -> None:
    assert "exist" in recsys("evaluate-clicks", tmp_path / "none", code=2).output
    few = tmp_path / "few.txt"
    few.write_text("\n".join(text.splitlines()[:50]) + "\n", encoding="utf-8")
    assert "too few" in recsys("evaluate-clicks", few, code=2).output
    same = tmp_path / "same.txt"
    rows = [f"0{line[1:]}" for line in text.splitlines()[:500]]
    same.write_text("\n".join(rows) + "\n", encoding="utf-8")
    assert "one label" in recsys("evaluate-clicks", same, code=2).output
