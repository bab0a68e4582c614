"""Small homes: a template with day 1 landed and day 2 beside it, and copies of it."""

import datetime
import shutil
from pathlib import Path

import dagster as dg
from dagster._core.storage.defs_state.base import set_defs_state_storage

from recsys_assets.definitions import build_definitions
from recsys_assets.deployment import current_deployment, enter
from recsys_assets.home import Home
from recsys_assets.synthetic.files import write_movielens
from recsys_assets.synthetic.movielens import MovieLensSize
from recsys_assets_tests.acceptance.commands import environment

DAYS = [datetime.date(2026, 1, 30), datetime.date(2026, 1, 31)]
SIZE = MovieLensSize(users=40, movies=60, ratings=1500)


def definitions(home: Home) -> dg.Definitions:
    """The platform on a home."""
    where = enter(current_deployment(environment(home.root, RECSYS_SPARK_MEMORY="1g")))
    # Dagster keeps the storage of an instance long closed, and asks it at the next load.
    with set_defs_state_storage(None):
        found = build_definitions(where)
        found.get_repository_def()
    return found


def build_template(folder: Path) -> Home:
    """A home with day 1 published, and day 2's files beside it."""
    environment(folder)
    # One JVM serves all homes of a campaign, so its files outlive each of them.
    shared = folder.parent / "scratch"
    shared.mkdir(exist_ok=True)
    (folder / "scratch").symlink_to(shared)
    home = Home(root=folder)
    home.prepare()
    written = write_movielens(folder / "source", SIZE, 7, DAYS[1], 2)
    for file in written:
        where = folder / "later" / file.dataset
        if file.dataset == "movies" or file.date == DAYS[0]:
            where = folder / "landing" / file.dataset / DAYS[0].isoformat()
        where.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, where / file.path.name)
    return home


def copy_of(template: Home, folder: Path) -> Home:
    """A copy of a home; Spark's jars are shared."""
    shutil.copytree(template.root, folder, symlinks=True)
    return Home(root=folder)
