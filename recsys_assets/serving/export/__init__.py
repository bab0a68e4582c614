"""The bundle is written here, and read where it serves."""

from recsys_assets.serving.export.draft import ExportParams
from recsys_assets.serving.export.writing import write_bundle

__all__ = ["ExportParams", "write_bundle"]
