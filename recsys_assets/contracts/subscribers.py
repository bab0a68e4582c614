"""Who gets digests by mail: one row for each time somebody said so."""

import datetime

import pandera.polars as pa
import polars as pl

SUBSCRIBERS = "subscribers"

SUBSCRIBED, UNSUBSCRIBED, BOUNCED = "subscribed", "unsubscribed", "bounced"


class Subscribers(pa.DataFrameModel):
    """What became of a subscription, and when; of the rows of one user the last one counts."""

    user: pl.Int32 = pa.Field(ge=1, description="The user's id.")
    address: pl.String = pa.Field(
        str_length={"min_value": 3, "max_value": 254}, description="Mail address."
    )
    state: pl.String = pa.Field(
        isin=[SUBSCRIBED, UNSUBSCRIBED, BOUNCED],
        description="subscribed; unsubscribed by the user; or bounced: set apart, gets no mail.",
    )
    reason: pl.String = pa.Field(description="Why it bounced, or who changed it.")
    at: datetime.datetime = pa.Field(description="When, in UTC.")
