"""The process that Spark forks its Python workers from; it loads once what all of them work with.

    Spark's JVM -> this process, modules loaded -> a fork for each worker

Spark's own loads pyspark from an archive, whose sources are compiled each time, and leaves every
worker to load the modules of its tasks by itself, again once it was ended after an idle minute.
Here the installed pyspark is loaded and the kernels with it, before the first fork. A worker begins
with its work at once, and all of them share one copy of the modules in memory. Nor does Spark have
archives to read again at each task then, or modules to look through for garbage.
"""

import os
import sys
from pathlib import Path

from recsys_assets.loading import loading_modules


def leave_archives(spark_home: str) -> None:
    """Let modules be found in installed packages, not in the archives of Spark."""
    for path in [path for path in sys.path if Path(spark_home) in Path(path).parents]:
        sys.path.remove(path)
        sys.path_importer_cache.pop(path, None)


def main() -> None:
    """Load what workers need, then fork a worker whenever Spark asks for one."""
    if "SPARK_HOME" in os.environ:
        leave_archives(os.environ["SPARK_HOME"])
    with loading_modules():
        from pyspark.daemon import manager

        import recsys_assets.kernels.boosting
        import recsys_assets.kernels.encode
        import recsys_assets.kernels.hashing
        import recsys_assets.kernels.judging
        import recsys_assets.kernels.recommending
        import recsys_assets.kernels.tally
        import recsys_assets.kernels.tree_scores
        import recsys_assets.steps.als.blocks
        import recsys_assets.steps.clicks.parts
        import recsys_assets.steps.validation.blocks  # noqa: F401
    manager()


if __name__ == "__main__":
    main()
