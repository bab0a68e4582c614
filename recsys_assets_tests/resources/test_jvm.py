"""Spark's JVM: its archive of classes is used where it fits, and left aside where it does not."""

import os
from pathlib import Path

import pyspark
import pytest
from pyspark.sql import SparkSession

from recsys_assets.deployment import current_deployment
from recsys_assets.resources.jvm import SPINNING, archive_classes, archive_place, jvm_options


def test_the_jvm_maps_the_archive_that_set_up_wrote(spark: SparkSession) -> None:
    archive = archive_classes(current_deployment().home.cache)
    assert archive.stat().st_size > 10 << 20
    maps = Path(f"/proc/{spark.sparkContext._gateway.proc.pid}/maps").read_text(encoding="utf-8")
    assert str(archive) in maps


def test_threads_of_the_jvm_look_out_longer_before_they_sleep(spark: SparkSession) -> None:
    process = Path(f"/proc/{spark.sparkContext._gateway.proc.pid}")
    settings = (process / "environ").read_text(encoding="utf-8").split("\0")
    assert {f"{name}={os.environ[name]}" for name in SPINNING} <= set(settings)


@pytest.mark.parametrize("java", ["one", "other"])
def test_an_archive_belongs_to_one_java(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, java: str
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "release").write_text(f'IMPLEMENTOR="{name}"', encoding="utf-8")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "one"))
    archive = archive_place(tmp_path)
    archive.touch()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / java))
    used = [option for option in jvm_options(tmp_path, tmp_path) if "SharedArchive" in option]
    assert used == ([f"-XX:SharedArchiveFile={archive}"] if java == "one" else [])


def test_an_archive_belongs_to_one_installation_of_spark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = tmp_path / "jars" / "spark.jar"
    jar.parent.mkdir()
    jar.write_bytes(b"classes")
    monkeypatch.setattr(pyspark, "__file__", str(tmp_path / "__init__.py"))
    places = [archive_place(tmp_path)]
    os.utime(jar, (0, 0))  # the same jar, installed at another time
    places.append(archive_place(tmp_path))
    assert len(set(places)) == 2
