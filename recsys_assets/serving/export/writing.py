"""Published tables and champion models become a bundle.

top_k, similar_items, user_segments, movie_features, interactions + als_model, click_model
-> a folder
"""

from pathlib import Path

from recsys_assets.contracts.recommendations import TOP_K
from recsys_assets.lake.tables import Lake
from recsys_assets.registry import ModelRegistry
from recsys_assets.serving.bundle import load_bundle
from recsys_assets.serving.export.draft import Export, ExportParams
from recsys_assets.serving.export.lists import write_lists, write_seen, write_similar
from recsys_assets.serving.export.models import write_clicks, write_fold_in, write_items_on_offer
from recsys_assets.serving.export.movies import read_segments, write_items
from recsys_assets.serving.folder import BundleWriter


def write_bundle(lake: Lake, registry: ModelRegistry, root: Path, params: ExportParams) -> str:
    """Write a bundle of what is published now, and load it once to prove it; its version.

    Raises:
        MissingTableError: no lists have been published yet.
        BundleError: the bundle does not answer as the batch does.
    """
    lake.open(TOP_K)
    export = Export(lake, registry, params, BundleWriter(root))
    try:
        movies = write_items(export)
        write_lists(export)
        write_similar(export)
        write_seen(export)
        export.facts["segments"] = read_segments(export, movies)
        write_fold_in(export)
        write_clicks(export)
        write_items_on_offer(export)
        version = export.writer.finish(export.facts)
    except BaseException:
        export.writer.abandon()
        raise
    load_bundle(root / version)
    return version
