"""Titles as people say them."""

import pytest

from recsys_assets.kernels.titles import spoken


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Shawshank Redemption, The", "The Shawshank Redemption"),
        ("Shawshank Redemption, The (1994)", "The Shawshank Redemption (1994)"),
        ("Beautiful Mind, A", "A Beautiful Mind"),
        ("Honest Liar, An (2014)", "An Honest Liar (2014)"),
        ("Postman, The (Il Postino)", "The Postman (Il Postino)"),
        ("Vie en Rose, La (Môme, La) (2007)", "La Vie en Rose (Môme, La) (2007)"),
        ("Misérables, Les (2000)", "Les Misérables (2000)"),
        ("Atalante, L' (1934)", "L'Atalante (1934)"),
        ("Heat", "Heat"),
        ("I, Robot", "I, Robot"),
        ("Play It Again, Sam (1972)", "Play It Again, Sam (1972)"),
        ("The Lion, the Witch", "The Lion, the Witch"),
    ],
)
def test_articles_stand_where_people_say_them(title: str, said: str) -> None:
    assert spoken(title) == said
