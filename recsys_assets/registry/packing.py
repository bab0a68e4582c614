"""Fitted models as named arrays and back: nothing pickled, so nothing loaded runs as code.

A dataclass becomes its fields, each under its path; a sparse matrix its three arrays; plain values
are kept as JSON.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from recsys_assets.kernels.als import Objective
from recsys_assets.kernels.recommenders.content import ContentMember
from recsys_assets.kernels.recommenders.histories import Catalogue, Histories
from recsys_assets.kernels.recommenders.hybrid import Hybrid
from recsys_assets.kernels.recommenders.latent import LatentMember
from recsys_assets.kernels.recommenders.linear import EaseMember
from recsys_assets.kernels.recommenders.members import ItemMeans
from recsys_assets.kernels.recommenders.neighbours import ItemNeighbours, UserRidge
from recsys_assets.kernels.recommenders.popularity import Popularity, TimedPopularity
from recsys_assets.kernels.recommenders.protocol import ItemContent
from recsys_assets.kernels.recommenders.scorer import SingleMember

_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Catalogue, ContentMember, EaseMember, Histories, Hybrid, ItemContent, ItemMeans),
        *(ItemNeighbours, LatentMember, Objective, Popularity, SingleMember, TimedPopularity),
        UserRidge,
    )
}
"""What may stand in a file."""


def save_model(model: SingleMember | Hybrid, path: Path) -> Path:
    """Write a fitted recommender to one NumPy file; its path."""
    arrays: dict[str, Any] = {}
    _pack(model, "model", arrays)
    np.savez(path, **arrays)
    return path


def load_model(path: Path) -> SingleMember | Hybrid:
    """The recommender that `save_model` wrote.

    Raises:
        ValueError: the file holds something else.
    """
    with np.load(path, allow_pickle=False) as arrays:
        model = _unpack("model", arrays)
    if not isinstance(model, SingleMember | Hybrid):
        raise ValueError(f"{path} holds no recommender but a {type(model).__name__}")
    return model


def _pack(value: Any, path: str, arrays: dict[str, Any]) -> None:
    if isinstance(value, np.ndarray):
        arrays[path] = value
    elif isinstance(value, csr_matrix):
        arrays[f"{path}:csr"] = np.array(value.shape)
        for part in ("data", "indices", "indptr"):
            arrays[f"{path}:csr.{part}"] = getattr(value, part)
    elif dataclasses.is_dataclass(value):
        arrays[f"{path}:kind"] = np.array(type(value).__name__)
        for field in dataclasses.fields(value):
            _pack(getattr(value, field.name), f"{path}/{field.name}", arrays)
    elif isinstance(value, Mapping):
        arrays[f"{path}:keys"] = np.array(json.dumps(list(value)))
        for key, part in value.items():
            _pack(part, f"{path}/{key}", arrays)
    else:
        arrays[f"{path}:json"] = np.array(json.dumps(value))


def _unpack(path: str, arrays: Mapping[str, Any]) -> Any:
    if path in arrays:
        return arrays[path]
    if f"{path}:csr" in arrays:
        parts = tuple(arrays[f"{path}:csr.{part}"] for part in ("data", "indices", "indptr"))
        return csr_matrix(parts, shape=tuple(arrays[f"{path}:csr"].tolist()))
    if f"{path}:kind" in arrays:
        kind = _KINDS[str(arrays[f"{path}:kind"])]
        fields = {f.name: (f"{path}/{f.name}", f.default) for f in dataclasses.fields(kind)}
        # Of a field that came later an older file holds nothing: its default is what was before.
        known = {
            name: _unpack(inside, arrays)
            for name, (inside, default) in fields.items()
            if default is dataclasses.MISSING or _is_held(inside, arrays)
        }
        return kind(**known)
    if f"{path}:keys" in arrays:
        keys = json.loads(str(arrays[f"{path}:keys"]))
        return {key: _unpack(f"{path}/{key}", arrays) for key in keys}
    if f"{path}:json" in arrays:
        return json.loads(str(arrays[f"{path}:json"]))
    raise ValueError(f"the file holds nothing under {path}: it was written by another version")


def _is_held(path: str, arrays: Mapping[str, Any]) -> bool:
    return any(f"{path}{mark}" in arrays for mark in ("", ":csr", ":kind", ":keys", ":json"))
