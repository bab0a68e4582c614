import gzip
from pathlib import Path

import pytest

from recsys_assets.contracts.movies import MOVIES
from recsys_assets.contracts.ratings import RATINGS
from recsys_assets.lake.rows import UnreadableFileError, read_rows

FORMS = {
    "ratings.csv": "userId,movieId,rating,timestamp\n1,2,3.5,1000000000\n2,2,4,1000000001\n",
    "items.csv": "user,item,rating,timestamp\r\n1,2,3.5,1000000000\r\n2,2,4,1000000001\r\n",
    "ratings.dat": "1::2::3.5::1000000000\n2::2::4::1000000001\n",
    "u.data": "1\t2\t3.5\t1000000000\n2\t2\t4\t1000000001",
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_published_form_says_the_same(tmp_path: Path, name: str, packed: bool) -> None:
    path, text = tmp_path / name, FORMS[name].encode()
    path.write_bytes(gzip.compress(text) if packed else text)
    found = read_rows(path, RATINGS)
    assert found.frame.rows() == [(1, 2, 3.5, 1_000_000_000), (2, 2, 4.0, 1_000_000_001)]
    assert (found.rejected, found.doubled) == (0, 0)


def test_bad_lines_are_counted_and_of_doubles_the_latest_stays_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "u.data"
    lines = ["1\t7\t3\t1000000005", "1\t8\t9\t1000000000", "2\t7\t4\t1000000000"]
    lines += ["1\t7\t1\t1000000001", "2\t7\t5\t1000000000", "x\t7\t5\t1000000000"]
    path.write_text("\n".join(lines), encoding="utf-8")
    found = read_rows(path, RATINGS)
    # Of user 1 the first line is the later one; of user 2, at one time, the lower line.
    assert found.frame.rows() == [(1, 7, 3.0, 1_000_000_005), (2, 7, 5.0, 1_000_000_000)]
    assert (found.rejected, found.doubled) == (2, 2)


def test_movies_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "movies.dat"
    path.write_bytes("1::Café (1990)::Drama|War\n2::B (1991)::Comedy\n".encode("latin-1"))
    assert read_rows(path, MOVIES).frame.rows()[0] == (1, "Café (1990)", "Drama|War")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"userId,movieId,tag,timestamp\n1,2,fun,5\n", "none of the known forms"),
        (b"", "no line"),
        (b"userId,movieId,rating,timestamp\n", "a header and no line of ratings"),
        (b"1\t2\t9\t1000000000\n", "none of the 1 lines"),
        (gzip.compress(FORMS["u.data"].encode() * 50, mtime=0)[:-9], "unpack"),
        (b"\xff\xfe1\x002", "UTF-16"),
    ],
)
def test_unusable_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=message) as caught:
        read_rows(path, RATINGS)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"nowhere\.csv cannot be read: No such file"):
        read_rows(tmp_path / "nowhere.csv", RATINGS)
