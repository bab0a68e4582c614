"""Contracts of what models leave behind: factors, popularity, evaluation."""

import datetime

import pandera.polars as pa
import polars as pl

PROMOTION, CLICK_PROMOTION = "promotion", "click_promotion"
BACKTEST = "backtest"
ALS_FACTORS, POPULARITY, RANKING_EVALUATION = "als_factors", "popularity", "ranking_evaluation"
ITEM_LINKS, RANK_FEATURES = "item_links", "rank_features"


class ALSFactors(pa.DataFrameModel):
    """Factor vectors of users and items; the score of a pair is their inner product.

    In the rating task the score is the predicted stars: the last two places hold the biases.
    """

    task: pl.String = pa.Field(
        isin=["ranking", "rating"],
        description="ranking: learned from implicit preferences; rating: from the stars.",
    )
    side: pl.String = pa.Field(isin=["user", "item"], description="Whose vector it is.")
    id: pl.Int32 = pa.Field(ge=1, description="Id of the user or item.")
    factors: pl.List(pl.Float32) = pa.Field(description="The vector.")  # type: ignore[valid-type]


class Popularity(pa.DataFrameModel):
    """Training ratings per item: what is recommended to everybody alike."""

    item: pl.Int32 = pa.Field(ge=1, unique=True, description="The movie's id.")
    rating_count: pl.Int64 = pa.Field(ge=1, description="Ratings in the training part.")
    rating_mean: pl.Float64 = pa.Field(description="Their mean.")


class RankingEvaluation(pa.DataFrameModel):
    """One figure of one model on one part of the split."""

    model: pl.String = pa.Field(description="Name of the model.")
    model_version: pl.Int64 = pa.Field(ge=0, description="Its version in the registry.")
    split: pl.String = pa.Field(description="Part of the interactions it was judged by.")
    metric: pl.String = pa.Field(description="Name of the metric, with k where it has one.")
    value: pl.Float64 = pa.Field(description="The figure.")


class ItemLinks(pa.DataFrameModel):
    """One of the items that speak most for another, in the item-item model."""

    item: pl.Int32 = pa.Field(ge=1, description="The movie spoken for.")
    rank: pl.Int32 = pa.Field(ge=1, description="Place among those that speak for it, 1 the most.")
    linked_item: pl.Int32 = pa.Field(ge=1, description="Who rated this one may like it.")
    weight: pl.Float32 = pa.Field(description="What a mean rating of it adds to the score.")


class RankFeatures(pa.DataFrameModel):
    """What one feature does in the trees that rank candidates."""

    feature: pl.String = pa.Field(unique=True, description="A member's score, or a known fact.")
    contribution: pl.Float64 = pa.Field(
        ge=0, description="Share of the mean absolute SHAP contributions to the score."
    )
    blend_weight: pl.Float64 = pa.Field(
        nullable=True, description="Weight in the blend, where it is a member's score."
    )


class Promotion(pa.DataFrameModel):
    """Whether a challenger took its champion's place, and why: the latest decision."""

    model: pl.String = pa.Field(unique=True, description="Name of the model.")
    champion_version: pl.Int64 = pa.Field(
        ge=1, nullable=True, description="Version in use before the decision."
    )
    challenger_version: pl.Int64 = pa.Field(
        ge=1, nullable=True, description="Version that wanted its place."
    )
    promoted: pl.Boolean = pa.Field(description="Whether the challenger is the champion now.")
    reason: pl.String = pa.Field(description="The decision in a sentence.")
    metric: pl.String = pa.Field(description="Main metric, by which the challenger has to win.")
    champion: pl.Float64 = pa.Field(nullable=True, description="Its mean for the champion.")
    challenger: pl.Float64 = pa.Field(nullable=True, description="Its mean for the challenger.")
    low: pl.Float64 = pa.Field(nullable=True, description="Lower end of the gain's 95 % interval.")
    high: pl.Float64 = pa.Field(nullable=True, description="Upper end of it.")
    p_value: pl.Float64 = pa.Field(nullable=True, description="Of a paired test of the gain.")
    guards: pl.String = pa.Field(description="Guard metrics of both, and their limits, as JSON.")


class Backtest(pa.DataFrameModel):
    """One figure of one model in one round: fitted on the past, judged by what followed."""

    test_from: datetime.date = pa.Field(description="First day of the test rows.")
    test_before: datetime.date = pa.Field(description="Day after the last one.")
    model: pl.String = pa.Field(description="Name of the model.")
    metric: pl.String = pa.Field(description="Name of the metric, with k where it has one.")
    value: pl.Float64 = pa.Field(description="The figure, a mean over users of both parts.")
    low: pl.Float64 = pa.Field(description="Lower end of its 95 % interval.")
    high: pl.Float64 = pa.Field(description="Upper end of it.")
    users: pl.Int64 = pa.Field(ge=1, description="Users it is a mean over.")
