"""Contracts of what becomes of clicks: their encoder and features, the model, its evaluation."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.clicks import CATEGORIES, LABEL, NUMBERS
from recsys_assets.contracts.features import SPLITS
from recsys_assets.kernels.encode import MARGIN

CLICK_ENCODER, CLICK_EFFECTS = "click_encoder", "click_effects"
CLICK_FEATURES = "click_features"
CLICK_MODEL, CLICK_EVALUATION = "click_model", "click_evaluation"


class ClickEncoder(pa.DataFrameModel):
    """What the training rows tell of each value of each category."""

    column: pl.String = pa.Field(
        str_matches=r"^(label|C\d+|[IC]\d+\*[IC]\d+)$",
        description="The category, or a pair of columns such as C14*C17; “label” stands for all "
        "rows, whatever their values.",
    )
    value: pl.Int64 = pa.Field(
        nullable=True,
        in_range={"min_value": 0, "max_value": 2**32 - 1},
        description="Its eight hexadecimal digits as a number; missing: all rare values together.",
    )
    fold: pl.Int8 = pa.Field(ge=0, description="Fold of the training rows, from 0.")
    count: pl.Int64 = pa.Field(ge=1, description="Training rows of the fold with the value.")
    clicks: pl.Int64 = pa.Field(ge=0, description="Those of them that were clicked.")
    smoothing: pl.Float64 = pa.Field(
        gt=0, description="Rows at the overall click rate that are added to each value's."
    )


class ClickEffects(pa.DataFrameModel):
    """What each value of each column adds to the log odds of a click, all columns together."""

    column: pl.String = pa.Field(
        description="A number, a category, a pair of columns; “label” holds the intercepts."
    )
    value: pl.Int64 = pa.Field(
        ge=-2,
        description="Code of a category's value, or level of a number; -1 where the field is "
        "missing, -2 for rare and unknown values.",
    )
    fold: pl.Int8 = pa.Field(
        ge=-1,
        description="Fold whose rows the effect was not fitted to; -1 where none is left out.",
    )
    effect: pl.Float32 = pa.Field(description="Change of the log odds.")


def _number(name: str) -> object:
    return pa.Field(nullable=True, description=f"Count feature {name[1:]} of 13 as it came.")


def _count(name: str) -> object:
    return pa.Field(
        nullable=True,
        ge=0,
        description=f"Logarithm of 1 + training rows with this value of category {name[1:]}; "
        "0 where it is rare or unknown, missing where the category is.",
    )


def _mean(name: str) -> object:
    return pa.Field(
        in_range={"min_value": 0, "max_value": 1},
        description=f"Smoothed click rate of this value of category {name[1:]} in the training "
        "rows; for a training row, in the rows outside its fold.",
    )


_FEATURES = {
    **{name: _number(name) for name in NUMBERS},
    **{
        f"{name}_{kind}": field(name)
        for name in CATEGORIES
        for kind, field in (("count", _count), ("mean", _mean))
    },
    MARGIN: pa.Field(
        nullable=True,
        description="Log odds of the additive model; for a training row, of the one that has not "
        "seen its fold.",
    ),
}

ClickFeatures: type[pa.DataFrameModel] = type(
    "ClickFeatures",
    (pa.DataFrameModel,),
    {
        "__doc__": "One impression as the model sees it.",
        "__annotations__": {
            **dict.fromkeys(_FEATURES, pl.Float32),
            LABEL: pl.Int8,
            "split": pl.String,
        },
        **_FEATURES,
        LABEL: pa.Field(
            in_range={"min_value": 0, "max_value": 1},
            description="1 where the advertisement was clicked, else 0.",
        ),
        "split": pa.Field(
            isin=list(SPLITS), description="train, validation or test: earlier to later rows."
        ),
    },
)


class ClickModelTable(pa.DataFrameModel):
    """The trained model: one row."""

    model: pl.String = pa.Field(description="Name of the model.")
    model_version: pl.Int64 = pa.Field(ge=1, description="Its version in the registry.")
    booster: pl.String = pa.Field(description="LightGBM's own text of the trees.")
    trees: pl.Int64 = pa.Field(ge=1, description="Trees kept.")
    blend_intercept: pl.Float64 = pa.Field(description="Intercept of the calibrated log odds.")
    blend_trees: pl.Float64 = pa.Field(description="Weight of the trees' log odds.")
    blend_margin: pl.Float64 = pa.Field(description="Weight of the additive model's log odds.")
    click_rate: pl.Float64 = pa.Field(
        in_range={"min_value": 0, "max_value": 1}, description="Share of clicked training rows."
    )
    metrics: pl.String = pa.Field(description="Metric → value in training, as JSON.")


class ClickEvaluation(pa.DataFrameModel):
    """One figure of one model on one part of the split."""

    model: pl.String = pa.Field(
        description="Name of the model; “constant” always predicts the training click rate."
    )
    model_version: pl.Int64 = pa.Field(
        ge=0, description="Its version in the registry; 0 for the constant."
    )
    split: pl.String = pa.Field(isin=list(SPLITS), description="Rows it was judged by.")
    metric: pl.String = pa.Field(description="auc, logloss or ece.")
    value: pl.Float64 = pa.Field(description="The figure.")
