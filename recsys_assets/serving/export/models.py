"""Champion models and offers become arrays and texts, with examples that prove them.

als_model, click_model, offers -> factors, encoder, trees, fields of items
"""

import numpy as np
import polars as pl

from recsys_assets.contracts.click_tables import CLICK_MODEL
from recsys_assets.contracts.clicks import CLICKS
from recsys_assets.contracts.offers import OFFERS
from recsys_assets.kernels.boosting import click_probability
from recsys_assets.kernels.encode import encode
from recsys_assets.kernels.folding import FoldIn
from recsys_assets.lake.tables import DROP_DATE
from recsys_assets.registry import CHAMPION
from recsys_assets.serving.clicks import FIELDS, write_click_scorer, write_offers
from recsys_assets.serving.export.draft import Export

FACTOR_MODEL = "als_model"
"""Model whose item vectors fold in new users."""


def write_fold_in(export: Export) -> None:
    """Add the item vectors of the champion, where there is one."""
    if not export.registry.has(FACTOR_MODEL, CHAMPION):
        return
    found = export.registry.find(FACTOR_MODEL, CHAMPION)
    settings = export.registry.params(found)
    model = export.registry.load(FACTOR_MODEL, CHAMPION).unwrap_python_model()
    alpha, penalty = float(settings["alpha"]), float(settings["regularization"])
    fold_in = FoldIn(model.items, model.item_factors, alpha, penalty)
    export.writer.array("factor_items", fold_in.items)
    export.writer.array("factors", fold_in.factors)
    export.facts["models"]["fold_in"] = {
        "model": FACTOR_MODEL,
        "version": found.version,
        "alpha": alpha,
        "regularization": penalty,
    }
    for count in (1, 5, 20):
        rated = np.arange(0, len(fold_in.items), max(1, len(fold_in.items) // count))[:count]
        stars = np.resize(np.array([5.0, 3.0, 4.0], np.float32), len(rated))
        scores = fold_in.scores(fold_in.vector(rated, stars))[rated]
        example = (fold_in.items[rated].tolist(), stars.tolist(), scores.tolist())
        export.facts["examples"]["fold_in"].append(example)


def write_clicks(export: Export) -> None:
    """Add the champion click model, where there is one."""
    if not export.registry.has(CLICK_MODEL, CHAMPION):
        return
    found = export.registry.find(CLICK_MODEL, CHAMPION)
    model = export.registry.load(CLICK_MODEL, CHAMPION).unwrap_python_model()
    write_click_scorer(export.writer, model.encoder, model.trees, model.blend)
    export.facts["models"]["click"] = {"model": CLICK_MODEL, "version": found.version}
    rows = (
        export.lake.scan(CLICKS.name).select(*FIELDS).head(export.params.example_clicks).collect()
    )
    # The batch's own way, from a frame, against which the service's way is held.
    scores = click_probability(model.trees, encode(rows, model.encoder), model.blend)
    export.facts["examples"]["clicks"] = list(zip(rows.rows(), scores.tolist(), strict=True))


def write_items_on_offer(export: Export) -> None:
    """Add the fields of items on offer, the latest of each item."""
    if not export.lake.exists(OFFERS.name):
        return
    schema = {"item": pl.Int32, **dict.fromkeys(FIELDS, pl.String), DROP_DATE: pl.Date}
    rows = export.scan(OFFERS.name, schema).sort("item", DROP_DATE).collect()
    write_offers(export.writer, rows.unique("item", keep="last", maintain_order=True))
