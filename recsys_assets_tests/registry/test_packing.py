"""A fitted model as a file: what a release before this one wrote is read too."""

from pathlib import Path

import numpy as np

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.recommenders.histories import build_catalogue
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.protocol import rating_data
from recsys_assets.kernels.recommenders.scorer import SingleMember
from recsys_assets.registry.packing import load_model, save_model
from recsys_assets_tests.kernels.recommenders.worlds import taste_world


def test_a_file_from_before_a_field_came_is_read_with_its_default(tmp_path: Path) -> None:
    frame, content = taste_world(users=10)
    catalogue = build_catalogue(rating_data(frame), content)
    factors = np.random.default_rng(0).random((len(catalogue.items), 4), np.float32)
    member = LatentMember(Objective(4, 0.1, 0.5), factors, factors.T @ factors)
    path = save_model(SingleMember(catalogue, member, None), tmp_path / "new.npz")
    with np.load(path) as arrays:
        older = {name: arrays[name] for name in arrays if "content_factors" not in name}
    np.savez(tmp_path / "older.npz", **older)
    users = catalogue.users[:3]
    answers = [load_model(tmp_path / name).scores(users) for name in ("new.npz", "older.npz")]
    assert (answers[0] == answers[1]).all()
