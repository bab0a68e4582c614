"""Invented film titles, genres and years for the embedded catalogue.

A random generator goes in; plain lists of titles, genre strings and years come out. Titles follow
the habits of MovieLens that break careless readers: a trailing article after a comma ("Silent
Harbor, The"), quotation marks, apostrophes, accents and parentheses inside the title.
"""

import numpy as np


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADJECTIVES = _words(
    "Amber Ancient Bitter Blue Borrowed Brave Broken Burning Crimson Crooked Distant Electric "
    "Empty Endless Fallen Final Forgotten Frozen Gentle Gilded Golden Hidden Hollow Hungry Idle "
    "Iron Last Little Lonely Lost Lucky Midnight Narrow Northern Paper Patient Perfect Quiet "
    "Reckless Restless Rising Salt Savage Scarlet Second Secret Silent Silver Sleeping Slow "
    "Southern Stolen Strange Sudden Tender Twisted Unbroken Velvet Violent Wandering Wicked Wild"
)
NOUNS = _words(
    "Alibi Anchor Archive Arena Balloon Beacon Bicycle Border Bridge Cabin Canyon Carnival "
    "Cathedral Cipher Circus Clockmaker Colony Comet Compass Confession Corridor Courier Crown "
    "Dancer Daughter Detective Diary Echo Eclipse Empire Engine Envoy Evening Exile Falcon Ferry "
    "Fiddler Forest Fortress Frontier Garden Ghost Glacier Harbor Harvest Heist Highway Horizon "
    "Hotel Hunter Inheritance Island Jury Kingdom Lantern Letter Lighthouse Locksmith Machine "
    "Magician Mirror Monsoon Mountain Neighbor Oath Orchard Outlaw Passenger Pilot Planet Postman "
    "Promise Prophet Railway Ransom Reef River Rival Sailor Satellite Shadow Signal Sister "
    "Smuggler Soldier Station Storm Stranger Summer Sunday Tailor Tempest Theater Tide Train "
    "Translator Valley Verdict Village Violin Voyage Waltz Watchman Winter Witness"
)
NAMES = _words(
    "Ada Agnes Albert Amara Arthur Astrid Bruno Clara Conrad Dalia Edgar Elsa Felix Greta Hana "
    "Hugo Ingrid Ivan Jonas Karim Leo Lucia Magnus Marta Mei Milo Nadia Nora Oscar Pavel Priya "
    "Rosa Samir Selma Silas Tomas Ursula Vera Walter Yusuf"
)
ACCENTED_NAMES = _words(
    "Zoé Anaïs Björn Božena Chloé Françoise Gaël Håkan Inés Jürgen Loïc Łukasz Müge Noël Óscar "
    "René Søren Tomáš Türkan Zoë"
)
PLACES = _words(
    "Avalon Basalt Cairo Dunmore Eastport Fairhaven Granada Halifax Istria Jasper Kyoto Lisbon "
    "Malta Nairobi Odessa Patagonia Quebec Ravenna Samarkand Tangier Utrecht Valparaiso Winterthur "
    "Yukon Zanzibar"
)

FORMS = (
    "{adjective} {noun}",
    "{adjective} {noun}, The",
    "{noun} of {place}, The",
    "{name} and the {noun}",
    "{name}'s {adjective} {noun}",
    "{adjective} {noun}, {article}",
    "{noun} in {place}",
    "{adjective} {noun}: {name}'s {other}",
    "{other}, {noun} and {name}",
    '"{noun}" {other}, The',
    "{accented} & {name}",
    "{accented}, {adjective} {noun} (Été à {place})",
)
"""The habits of titles; the last three carry quotation marks and accents."""

FORM_SHARES = np.array([30, 20, 12, 9, 8, 5, 6, 3, 3, 1, 2, 1]) / 100.0
UNUSUAL_FORMS = (9, 10, 11)

GENRE_SHARES = {
    "Action": 0.188, "Adventure": 0.130, "Animation": 0.063, "Children": 0.068, "Comedy": 0.386,
    "Crime": 0.123, "Documentary": 0.045, "Drama": 0.448, "Fantasy": 0.080, "Film-Noir": 0.009,
    "Horror": 0.100, "IMAX": 0.016, "Musical": 0.034, "Mystery": 0.059, "Romance": 0.164,
    "Sci-Fi": 0.101, "Thriller": 0.194, "War": 0.039, "Western": 0.017,
}  # fmt: skip
"""Share of the films of ml-latest-small (GroupLens) that carry each genre."""

GENRE_FAMILIES = (
    ("Action", "Adventure", "Sci-Fi", "IMAX"),
    ("Animation", "Children", "Fantasy", "Musical", "Adventure"),
    ("Crime", "Film-Noir", "Mystery", "Thriller", "Action"),
    ("Comedy", "Drama", "Romance"),
    ("Horror", "Thriller"),
    ("Drama", "War", "Western", "Documentary"),
)
FAMILY_BOOST = 2.2
"""Added to the log weight of the genres of a film's family, so that genres come in company."""

GENRES_PER_FILM = np.array([0.29, 0.33, 0.24, 0.10, 0.03, 0.01])
NO_GENRES = "(no genres listed)"
LATEST_YEAR = 2023


def invent_titles(rng: np.random.Generator, count: int) -> list[str]:
    """Return `count` distinct titles without a year; a repeated title is numbered as a sequel."""
    forms = rng.choice(len(FORMS), size=count, p=FORM_SHARES)
    # Every catalogue, however small, holds each unusual form, so quoting is always exercised.
    unusual = rng.permutation(count)[: len(UNUSUAL_FORMS)]
    forms[unusual] = UNUSUAL_FORMS[: len(unusual)]
    words = zip(
        forms.tolist(),
        rng.choice(ADJECTIVES, count).tolist(),
        rng.choice(NOUNS, count).tolist(),
        rng.choice(NOUNS, count).tolist(),
        rng.choice(NAMES, count).tolist(),
        rng.choice(ACCENTED_NAMES, count).tolist(),
        rng.choice(PLACES, count).tolist(),
        strict=True,
    )
    seen: dict[str, int] = {}
    return [_compose(seen, *row) for row in words]


def _compose(
    seen: dict[str, int],
    form: int,
    adjective: str,
    noun: str,
    other: str,
    name: str,
    accented: str,
    place: str,
) -> str:
    title = FORMS[form].format(
        adjective=adjective,
        noun=noun,
        other=other,
        name=name,
        accented=accented,
        place=place,
        article="An" if adjective[0] in "AEIOU" else "A",
    )
    times = seen[title] = seen.get(title, 0) + 1
    if times == 1:
        return title
    body, comma, article = title.rpartition(", ")
    return (
        f"{body} {times}, {article}"
        if comma and article in ("A", "An", "The")
        else f"{title} {times}"
    )


def draw_years(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return years up to `LATEST_YEAR`: half within about 18 years of it, a tail to 1903."""
    age = rng.gamma(1.6, 14.0, size=count).astype(np.int64)
    return np.maximum(LATEST_YEAR - age, 1903)


def draw_genres(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return a boolean matrix (count, genres): one to six genres a film, related ones together.

    The genres are a weighted draw without replacement (the largest keys of log weight plus Gumbel
    noise; Efraimidis and Spirakis 2006), the weights raised within the film's family.
    """
    names = list(GENRE_SHARES)
    shares = np.array([GENRE_SHARES[name] for name in names])
    boosts = np.array([[FAMILY_BOOST * (name in f) for name in names] for f in GENRE_FAMILIES])
    family_weights = np.array([sum(GENRE_SHARES[name] for name in f) for f in GENRE_FAMILIES])
    family = rng.choice(len(GENRE_FAMILIES), count, p=family_weights / family_weights.sum())
    keys = np.log(shares) + boosts[family] + rng.gumbel(size=(count, len(names)))
    wanted = 1 + rng.choice(len(GENRES_PER_FILM), count, p=GENRES_PER_FILM)
    place = np.argsort(np.argsort(-keys, axis=1), axis=1)
    return place < wanted[:, None]
