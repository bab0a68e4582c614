"""A step as a Spark application: what `spark-submit` starts, on whatever master it is given.

Pipes context in a file (`Order`) -> the step -> Pipes message in a file (`Answer`)
"""

from dagster_pipes import (
    PipesDefaultContextLoader,
    PipesDefaultMessageWriter,
    PipesEnvVarParamsLoader,
)

from recsys_assets.steps.remote import answer_order

if __name__ == "__main__":
    answer_order(
        PipesDefaultContextLoader(), PipesDefaultMessageWriter(), PipesEnvVarParamsLoader()
    )
