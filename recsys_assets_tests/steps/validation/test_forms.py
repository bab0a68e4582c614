"""Every published form says the same, and every line keeps its number."""

import gzip
import json
import random
from collections.abc import Callable

import pytest

from recsys_assets.steps.session import Session
from recsys_assets_tests.steps.landing_files import (
    DAY,
    HEADER,
    csv_of,
    files,
    place,
    quarantine,
    ratings,
    rows,
    validate,
)

CLICK = "\t".join(["1", "5", "", *["2"] * 11, "", *["68fd1e64"] * 25])


U_ITEM = "{item}|Léon (1994)|01-Jan-1994||http://x|" + "|".join("0100000000000000010")


def ratings_forms(user: int) -> list[bytes]:
    fields = [str(user), "2", "3.5", "1112486027"]
    quoted = ",".join(f'"{field}"' for field in fields)
    other = "user,item,rating,timestamp\r\n" + ",".join(fields) + "\r\n"
    return [
        (HEADER + ",".join(fields) + "\n").encode(),
        other.encode("utf-8-sig"),
        f'"userId","movieId","rating","timestamp"\n{quoted}'.encode(),
        "\t".join(fields).encode() + b"\n",
        "::".join(fields).encode() + b"\n",
    ]


def movies_forms(item: int) -> list[bytes]:
    row = f'{item},"Léon (1994)",Action|War\n'
    return [
        ("movieId,title,genres\n" + row).encode(),
        ("item,title,genres\n" + row).encode(),
        f"{item}::Léon (1994)::Action|War\n".encode("latin-1"),
        f"{item}::Léon (1994)::Action|War\n".encode(),
        U_ITEM.format(item=item).encode("latin-1"),
    ]


@pytest.mark.parametrize(
    ("dataset", "forms", "expected"),
    [
        ("ratings", ratings_forms, (2, 3.5, 1112486027)),
        ("movies", movies_forms, ("Léon (1994)", "Action|War")),
    ],
)
def test_every_published_form_says_the_same(
    session: Session, dataset: str, forms: Callable[[int], list[bytes]], expected: tuple[object]
) -> None:
    for n in range(5):
        place(session, forms(2 * n + 1)[n], f"plain-{n}", dataset)
        place(session, gzip.compress(forms(2 * n + 2)[n]), f"packed-{n}", dataset)
    assert not validate(session, dataset=dataset).failed
    assert sorted(rows(session, dataset).rows()) == [(n, *expected) for n in range(1, 11)]
    assert files(session, dataset)["form"].n_unique() == 4


def test_clicks_arrive_plain_and_packed(session: Session) -> None:
    place(session, CLICK, "day.tsv", "clicks")
    place(session, gzip.compress(CLICK.encode()), "day.tsv.gz", "clicks")
    assert not validate(session, dataset="clicks").failed
    expected = (1, 5, None, *[2] * 11, None, *["68fd1e64"] * 25)
    assert rows(session, "clicks").rows() == [expected] * 2


BAD = {
    0: "1,2",
    7: "",
    50: "x,1,3.5,1112486000",
    51: '1,"2,3.5,1112486000',
    120: "1,2,9,1112486000",
    199: "1,2,3,4,5",
}


def damaged_lines() -> list[str]:
    """Two hundred good lines and, among them, every kind of bad one."""
    lines = ratings(200)
    for position, line in BAD.items():
        lines.insert(position, line)
    return lines


@pytest.mark.parametrize("chunk_bytes", [128, 1 << 20])
def test_line_numbers_are_those_of_the_file(session: Session, chunk_bytes: int) -> None:
    comma, tab = damaged_lines(), [line.replace(",", "\t") for line in damaged_lines()]
    texts = {"header": HEADER + "\n".join(comma), "bare": "\n".join(tab)}
    for name, text in texts.items():
        for packed in (False, True):
            data = text.encode()
            place(session, gzip.compress(data) if packed else data, f"{name}-{packed}")
    validate(session, chunk_bytes=chunk_bytes)
    found = [entry for entry in quarantine(session) if entry[3] != ["user_item.duplicate"]]
    assert len(found) == 4 * 6
    for file, line, raw, _ in found:
        assert texts[file.split("-")[0]].split("\n")[line - 1] == raw
    for name, first in (("header", 2), ("bare", 1)):
        for packed in (False, True):
            numbers = [line for file, line, *_ in found if file == f"{name}-{packed}"]
            assert numbers == [position + first for position in BAD]
    assert rows(session).height == 200
    assert len(quarantine(session)) == 4 * 206 - 200


def test_random_damage_loses_no_line(session: Session) -> None:
    chance = random.Random(7)
    for n in range(8):
        data = bytearray(csv_of(ratings(300, user=n + 1)).encode())
        for _ in range(chance.randrange(40)):
            data[chance.randrange(len(HEADER), len(data))] = chance.choice(b'\n,"x9. \r')
        place(session, bytes(data), f"{n}.csv")
    validate(session, chunk_bytes=500, max_bad_share=1)
    account = files(session)
    assert account["rejected"].sum() == 0
    assert account["quarantined"].min() == 0 or account["quarantined"].sum() > 0
    for row in account.iter_rows(named=True):
        data = (session.landing.landing / "ratings" / DAY.isoformat() / row["file"]).read_bytes()
        assert row["read"] == len(data.decode().removesuffix("\n").split("\n")) - 1
        assert sum(json.loads(row["reasons"]).values()) >= row["quarantined"]
    assert rows(session).height == account["accepted"].sum()
    assert len(quarantine(session)) == account["quarantined"].sum() > 0
