"""The shape of click rows: one entry per column, read by `criteo_fields` and `criteo_odds`.

Shares of empties, quantiles and head shares describe 8,000 rows of the public training file of
the Criteo display advertising challenge. The numbers of distinct values and the greatest values
of the whole file (45,840,617 rows) are the counts published with DLRM and PaddleRec. Exponents
and offsets were solved for the distinct values and the values seen once in 8,000 rows. Loadings
and weights were solved so that each number alone ranks clicks with the AUC of the real column,
each category alone to within 0.035 of it, and the true probability with an AUC of 0.80. The file
itself is not copied: what is here are figures about it.
"""

from typing import NamedTuple

CLICK_RATE = 0.2160
"""Share of clicked rows that the intercept is solved for."""

EMPTY_SHARES = {
    "I1": 0.452, "I3": 0.203, "I5": 0.050, "I6": 0.252, "I8": 0.001, "I12": 0.777,
    "C3": 0.033, "C6": 0.131, "C19": 0.453, "C22": 0.817,
}  # fmt: skip
"""Share of rows in which a group of columns, named after its first one, is empty together."""


TOPICS = {"advert": -0.6, "site": -0.6}
"""Correlation of the rank drawn for a topic with the visitor's engagement."""


class Number(NamedTuple):
    """An integer column: its quantiles, and how it moves with clicks."""

    name: str
    empties: str
    """Group of `EMPTY_SHARES` it is empty with; "" for never."""
    quantiles: tuple[int, int, int, int, int, int, int]
    """Least, quarter, median, three quarters, 99 %, greatest of 8,000 rows, of the whole file."""
    loading: float
    """Correlation of its normal score with the visitor's engagement, which no column holds."""
    weight: float
    """Change of the log odds per unit of log(1 + value - least) in standard deviations."""


class Category(NamedTuple):
    """A categorical column: its long tail, the columns it agrees with, and its effect on clicks."""

    name: str
    empties: str
    """Group of `EMPTY_SHARES` it is empty with; "" for never."""
    values: int
    """Distinct values in an endless file."""
    head: float
    """Share of the most frequent value among the rows that are not empty."""
    exponent: float
    """Exponent of the Zipf-Mandelbrot law of the other values (rank + offset)^-exponent."""
    offset: float
    """Offset of that law; solved for the distinct values and single occurrences in 8,000 rows."""
    topic: str
    """Columns of one topic take their ranks from one shared draw."""
    agreement: float
    """Share of rows in which the column follows its topic's draw instead of one of its own."""
    weight: float
    """Standard deviation over the values of their effect on the log odds."""


NUMBERS = (
    Number("I1", "I1", (0, 0, 1, 3, 44, 214, 5775), 0.6, -0.039),
    Number("I2", "", (-2, 0, 3, 37, 2167, 18522, 257675), 0.05, 0.026),
    Number("I3", "I3", (0, 2, 7, 20, 306, 65535, 65535), -0.3, -0.053),
    Number("I4", "I3", (0, 2, 4, 10, 44, 280, 969), -0.15, -0.042),
    Number("I5", "I5", (0, 299, 2792, 10537, 302726, 1618112, 23159456), -0.76, -0.283),
    Number("I6", "I6", (0, 10, 41, 131, 1742, 12167, 431037), -0.82, -0.44),
    Number("I7", "I5", (0, 0, 3, 10, 190, 1658, 56311), 0.8, 0.25),
    Number("I8", "I8", (0, 2, 7, 20, 48, 547, 6047), -0.2, -0.085),
    Number("I9", "I5", (0, 10, 42, 124, 1229, 5639, 29019), -0.05, -0.044),
    Number("I10", "I1", (0, 0, 0, 1, 2, 4, 46), 0.85, 0.091),
    Number("I11", "I5", (0, 0, 1, 2, 22, 79, 231), 0.8, 0.226),
    Number("I12", "I12", (0, 0, 0, 1, 12, 98, 4008), 0.05, 0.021),
    Number("I13", "I3", (0, 2, 5, 13, 72, 770, 7393), -0.58, -0.093),
)

CATEGORIES = (
    Category("C1", "", 1460, 0.499, 1.89, 1.36, "", 0.0, 0.0),
    Category("C2", "", 583, 0.122, 5.34, 198.0, "site", 1.0, 0.067),
    Category("C3", "C3", 10131227, 0.050, 1.06, 4.86, "advert", 1.0, 0.0),
    Category("C4", "C3", 2202608, 0.078, 1.19, 15.13, "advert", 1.0, 0.531),
    Category("C5", "", 305, 0.668, 2.82, 2.85, "", 0.0, 0.0),
    Category("C6", "C6", 24, 0.526, 6.0, 1.33, "", 0.0, 0.15),
    Category("C7", "", 12517, 0.011, 1.70, 289.5, "site", 1.0, 0),
    Category("C8", "", 633, 0.595, 2.17, 1.31, "", 0.0, 0.0),
    Category("C9", "", 3, 0.887, 0.76, 2.72, "", 0.0, 0.25),
    Category("C10", "", 93145, 0.276, 1.53, 168.3, "site", 0.95, 0.25),
    Category("C11", "", 5683, 0.020, 2.38, 402.8, "site", 1.0, 0),
    Category("C12", "C3", 8351593, 0.050, 1.06, 3.78, "advert", 1.0, 0.0),
    Category("C13", "", 3194, 0.022, 1.94, 174.0, "site", 1.0, 0),
    Category("C14", "", 27, 0.361, 6.0, 7.07, "site", 0.8, 0),
    Category("C15", "", 14992, 0.020, 2.06, 199.1, "site", 1.0, 0),
    Category("C16", "C3", 5461306, 0.050, 1.12, 8.54, "advert", 1.0, 0.0),
    Category("C17", "", 10, 0.430, 6.0, 3.12, "site", 0.95, 0.599),
    Category("C18", "", 5652, 0.051, 2.66, 172.8, "site", 1.0, 0.439),
    Category("C19", "C19", 2173, 0.596, 1.59, 22.34, "", 0.0, 0.2),
    Category("C20", "C19", 3, 0.355, 0.50, 5.00, "", 0.0, 0.0),
    Category("C21", "C3", 7046547, 0.050, 1.09, 5.91, "advert", 1.0, 0.0),
    Category("C22", "C22", 17, 0.525, 6.0, 2.06, "", 0.0, 0.0),
    Category("C23", "", 15, 0.447, 6.0, 3.09, "site", 0.8, 0),
    Category("C24", "C3", 286181, 0.081, 1.37, 18.78, "advert", 1.0, 0.0),
    Category("C25", "C19", 105, 0.329, 6.0, 13.79, "", 0.0, 0.0),
    Category("C26", "C19", 142572, 0.086, 1.34, 28.19, "advert", 1.0, 0.25),
)
