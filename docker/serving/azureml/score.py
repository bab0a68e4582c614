"""Scoring script of an Azure ML online endpoint: the same bundle and code as the service.

Azure ML calls `init` once and `run` for each request. The registered model is ``serving_bundle``;
its artifacts lie under AZUREML_MODEL_DIR. A body with ``candidates`` is ranked, one with
``ratings`` folds in a new user, one with ``user`` (and ``k``) returns the user's stored list.
Tokens and limits are the endpoint's own.
"""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from recsys_assets.serving.arms import Arms
from recsys_assets.serving.bundle import Bundle, load_bundle
from recsys_assets.serving.catalogue import Filters
from recsys_assets.serving.folder import MANIFEST
from recsys_assets.serving.folding_in import folded_list
from recsys_assets.serving.pointer import Pointer
from recsys_assets.serving.problems import PROBLEM_TYPE, Problem
from recsys_assets.serving.ranking import rank_in
from recsys_assets.serving.recommending import segment_list, stored_list
from recsys_assets.serving.shapes.requests import NewUser, RankRequest

BUNDLE: Bundle


def init() -> None:
    """Load the bundle, and prove it as the service does."""
    global BUNDLE
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    found = sorted(root.rglob(MANIFEST))
    if not found:
        raise FileNotFoundError(f"no bundle below {root}: deploy the model serving_bundle")
    BUNDLE = load_bundle(found[-1].parent)


def run(raw: str) -> Any:
    """Answer one request as the service would."""
    try:
        return json.loads(_answer(json.loads(raw)))
    except (msgspec.ValidationError, json.JSONDecodeError) as error:
        return _refusal(Problem(422, str(error)))
    except Problem as problem:
        return _refusal(problem)


def _refusal(problem: Problem) -> Any:
    """A problem with its status; of whatever else is returned Azure ML's server says 200."""
    from azureml_inference_server_http.api.aml_response import AMLResponse

    return AMLResponse(problem.body(), problem.status, {"Content-Type": PROBLEM_TYPE.decode()})


def _answer(asked: Any) -> bytes:
    arms = Arms(Pointer(champion=BUNDLE.version), BUNDLE)
    if not isinstance(asked, dict):
        raise Problem(422, "send an object")
    if "candidates" in asked:
        answer, _ = rank_in("champion", BUNDLE, msgspec.convert(asked, RankRequest))
        return msgspec.json.encode(answer)
    if "ratings" in asked:
        return folded_list("champion", BUNDLE, msgspec.convert(asked, NewUser))
    if others := asked.keys() - {"user", "k"}:
        raise Problem(422, f"beside user and k nothing is known of {', '.join(sorted(others))}")
    user, k = asked.get("user"), asked.get("k", 10)
    if not (isinstance(user, int) and isinstance(k, int) and user >= 1 and 1 <= k <= 100):
        raise Problem(422, "send candidates, ratings, or a user with k from 1 to 100")
    arm, bundle = arms.of(user)
    stored = stored_list(arm, bundle, user, k)
    return stored or segment_list(arm, bundle, user, k, Filters())
