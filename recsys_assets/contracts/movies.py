"""Movies: what one row must be, and the published forms in which movies arrive."""

import pandera.polars as pa
import polars as pl

from recsys_assets.contracts.dataset import Dataset
from recsys_assets.kernels.delimited import Dialect

_FIELDS = ("item", "title", "genres")
_GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]
_NO_GENRES = "(no genres listed)"


class Movies(pa.DataFrameModel):
    """One movie of the catalogue."""

    item: pl.Int32 = pa.Field(ge=1, description="The movie's id, 1 or more.")
    title: pl.String = pa.Field(
        str_length={"min_value": 1, "max_value": 1000},
        description="Title, mostly with the year in parentheses at its end.",
    )
    genres: pl.String = pa.Field(
        str_length={"min_value": 1, "max_value": 1000},
        description="Genres, separated by |; “(no genres listed)” where none is known.",
    )

    @pa.check("title")
    @classmethod
    def not_blank(cls, data: pa.PolarsData) -> pl.LazyFrame:
        """A title holds more than blanks."""
        return data.lazyframe.select(~pl.col(data.key).str.contains(r"^\s+$"))


def _genres_of_flags(fields: pl.DataFrame) -> pl.DataFrame:
    """The 19 genre flags of ``u.item`` as one text; null where one is neither 0 nor 1."""
    named = [
        pl.when(pl.col(genre) == "1").then(pl.lit(genre)).otherwise(None) for genre in _GENRES[1:]
    ]
    genres = pl.concat_str(named, separator="|", ignore_nulls=True)
    flagged = pl.all_horizontal(pl.col(_GENRES).is_in(["0", "1"]).fill_null(False))
    return fields.with_columns(
        genres=pl.when(flagged & (genres == "")).then(pl.lit(_NO_GENRES)).when(flagged).then(genres)
    )


MOVIES = Dataset(
    name="movies",
    model=Movies,
    dialects=(
        Dialect("movies.csv", ",", _FIELDS, header=("movieId", "title", "genres"), quoted=True),
        Dialect("movies.csv (item)", ",", _FIELDS, header=_FIELDS, quoted=True),
        Dialect("movies.dat", "::", _FIELDS, latin_1=True),
        Dialect(
            "u.item",
            "|",
            ("item", "title", "release_date", "video_release_date", "url", *_GENRES),
            latin_1=True,
            derive=_genres_of_flags,
        ),
    ),
    key=("item",),
)
"""The catalogue as MovieLens publishes it; of two rows for one movie the later line is kept."""
