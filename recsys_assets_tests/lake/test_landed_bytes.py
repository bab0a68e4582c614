import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys_assets.kernels.delimited import MAX_LINE_BYTES, ShapeFault
from recsys_assets.lake.landed_bytes import (
    count_file_lines,
    is_gzip,
    open_unpacked,
    read_blocks,
    read_head,
)


def write(path: Path, data: bytes, packed: bool) -> Path:
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n"]), max_size=40).map(b"".join),
    size=st.integers(1, 12),
    header=st.booleans(),
    marked=st.booleans(),
)
def test_blocks_hold_every_line_once_however_they_are_cut(
    tmp_path: Path, data: bytes, size: int, header: bool, marked: bool
) -> None:
    whole = (b"\xef\xbb\xbf" if marked else b"") + data
    expected = data.partition(b"\n")[2] if header else data
    plain = write(tmp_path / "plain", whole, packed=False)
    spans = [(n, min(n + size, len(whole))) for n in range(0, len(whole), size)]
    cut = [block for span in spans for block in read_blocks(plain, span, size, header)]
    packed = write(tmp_path / "packed", whole, packed=True)
    for blocks in (cut, list(read_blocks(packed, None, max(size, 3), header))):
        assert b"".join(blocks) == expected
        assert all(block.endswith(b"\n") for block in blocks[:-1])
    assert count_file_lines(plain) == count_file_lines(packed)
    assert count_file_lines(plain) == whole.count(b"\n") + (
        whole != b"" and not whole.endswith(b"\n")
    )


@pytest.mark.parametrize("packed", [False, True])
def test_of_an_endless_line_only_its_beginning_is_read(tmp_path: Path, packed: bool) -> None:
    path = write(tmp_path / "x", b"9" * (5 << 20), packed)
    blocks = read_blocks(path, None if packed else (0, 1000), 1000, header=False)
    first = next(iter(blocks))
    assert MAX_LINE_BYTES < len(first) < MAX_LINE_BYTES + 2000


def test_gzip_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    packed = write(tmp_path / "a.csv", b"1\n2\n", packed=True)
    plain = write(tmp_path / "b.gz", b"1\n2\n", packed=False)
    assert is_gzip(packed) and not is_gzip(plain)
    for path in (packed, plain):
        with open_unpacked(path) as unpacked:
            assert unpacked.read() == b"1\n2\n"
        assert read_head(path) == b"1\n2\n"


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"1\n") + gzip.compress(b"2\n"))
    assert b"".join(read_blocks(path, None, 100, header=False)) == b"1\n2\n"
    assert count_file_lines(path) == 2


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:30] + b"x" * 99])
def test_broken_gzip_is_a_fault_of_the_file(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(damage(gzip.compress(b"".join(b"%d\n" % n for n in range(999)))))  # type: ignore[operator]
    with pytest.raises(ShapeFault, match="transfer it again"):
        read_head(path)
    assert 0 <= count_file_lines(path) <= 999
