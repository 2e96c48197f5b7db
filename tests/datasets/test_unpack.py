"""Unpacking: what libraries pack is unpacked, and bombs and damage are refused."""

import gzip
import io
import sys
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.datasets.bounds import Bounds
from hub.datasets.detect import Packing, packing_of
from hub.datasets.opening import unpacker_for
from hub.datasets.unpack import PIECE_BYTES
from hub.errors import HubError, InvalidError, TooLargeError
from tests.datasets.driving import pieces

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def zipped(*members: bytes, how: int = zipfile.ZIP_DEFLATED, streamed: bool = False) -> bytes:
    file: Any = Pipe() if streamed else io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as archive:
        for place, member in enumerate(members):
            archive.writestr(f"member{place}.csv", member)
    return bytes(file.getvalue())


class Pipe(io.BytesIO):
    """Where sizes can be told only behind the file."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


PACK: dict[str, tuple[Packing | None, Any]] = {
    "plain": (None, lambda data: data),
    "gzip": ("gzip", gzip.compress),
    "gzip of members": ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
    "gzip and zeros": ("gzip", lambda data: gzip.compress(data) + b"\0" * 700),
    "zstd": ("zstd", zstd.compress),
    "zstd of frames": ("zstd", lambda data: zstd.compress(data[:9]) + zstd.compress(data[9:])),
    "zip": ("zip", zipped),
    "zip in a stream": ("zip", lambda data: zipped(data, streamed=True)),
    "zip without packing": ("zip", lambda data: zipped(data, how=zipfile.ZIP_STORED)),
}


def unpacked(
    packing: Packing | None, data: bytes, cuts: Sequence[int] = (), bounds: Bounds | None = None
) -> bytes:
    unpacker = unpacker_for(packing, bounds or Bounds())
    found = b""
    for piece in pieces(data, cuts):
        for part in unpacker.feed(piece):
            assert 0 < len(part) <= max(PIECE_BYTES, len(data))
            found += part
    unpacker.end()
    return found


@pytest.mark.parametrize("name", PACK)
@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 1 << 16), max_size=9))
def test_what_was_packed_is_unpacked_however_it_comes(
    name: str, data: bytes, cuts: list[int]
) -> None:
    packing, pack = PACK[name]
    packed = pack(data)
    if packing is not None:
        assert packing_of(packed) == packing
    assert unpacked(packing, packed, cuts) == data


@pytest.mark.parametrize("name", PACK)
def test_much_is_unpacked_in_pieces(name: str) -> None:
    packing, pack = PACK[name]
    data = bytes(range(256)) * 20_000
    assert unpacked(packing, pack(data), [77, 100_000]) == data


@pytest.mark.parametrize("name", ["gzip", "gzip of members", "zstd", "zip", "zip without packing"])
@given(data=st.binary(min_size=20, max_size=100), lost=st.integers(1, 10_000))
def test_what_is_cut_off_is_refused(name: str, data: bytes, lost: int) -> None:
    packing, pack = PACK[name]
    packed = pack(data)
    kept = packed[: len(packed) - 1 - lost % (len(packed) - 1)]
    if packing == "zip" and len(kept) > len(packed) - 60:
        return  # the file is whole: what is lost is of the directory
    if name == "gzip of members" and kept == gzip.compress(data[:9]):
        return
    with pytest.raises(InvalidError) as refused:
        unpacked(packing, kept)
    assert refused.value.code == "dataset_packing_broken"


@pytest.mark.parametrize("name", ["gzip", "zstd", "zip", "zip in a stream"])
@given(data=st.binary(max_size=100), place=st.integers(4), bit=st.integers(0, 7))
def test_damage_never_gives_other_bytes_unsaid(
    name: str, data: bytes, place: int, bit: int
) -> None:
    packing, pack = PACK[name]
    packed = bytearray(pack(data))
    packed[place % len(packed)] ^= 1 << bit
    try:
        found = unpacked(packing, bytes(packed))
    except HubError:
        return
    if name != "zstd":  # whose frames have no check sum unless it is asked for
        assert found == data


@pytest.mark.parametrize("name", ["gzip", "zstd", "zip"])
def test_a_bomb_is_refused_by_what_it_becomes(name: str) -> None:
    packing, pack = PACK[name]
    bomb = pack(bytes(30 << 20))
    with pytest.raises(TooLargeError) as refused:
        unpacked(packing, bomb, bounds=Bounds(unpacked_bytes=5 << 20))
    assert refused.value.code == "dataset_unpacked_too_large"
    assert "more than 5,242,880 bytes" in refused.value.message


@pytest.mark.parametrize("name", ["gzip", "zstd", "zip"])
def test_a_bomb_is_refused_by_its_ratio(name: str) -> None:
    packing, pack = PACK[name]
    bomb = pack(bytes(30 << 20))
    with pytest.raises(TooLargeError) as refused:
        unpacked(packing, bomb, bounds=Bounds(ratio=100, ratio_from=2 << 20))
    assert refused.value.code == "dataset_ratio_too_high"


def test_rubbish_behind_gzip_is_refused() -> None:
    with pytest.raises(InvalidError, match="gzip says"):
        unpacked("gzip", gzip.compress(b"a,b\n") + b"rubbish")


def encrypted() -> bytes:
    packed = bytearray(zipped(b"a,b\n1,2\n"))
    packed[6] |= 1
    return bytes(packed)


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (zipped(b"a,b\n", b"c,d\n"), "more than one file"),
        (zipped(b"a,b\n", b"c,d\n", streamed=True), "more than one file"),
        (zipped(), "it is empty"),
        (encrypted(), "it is encrypted"),
        (zipped(b"a,b\n", how=zipfile.ZIP_LZMA), "cannot be unpacked as it comes in"),
    ],
)
def test_an_archive_of_another_kind_is_refused(packed: bytes, words: str) -> None:
    with pytest.raises(InvalidError, match=words) as refused:
        unpacked("zip", packed)
    assert refused.value.code == "dataset_zip_unfit"


def test_an_archive_with_a_wrong_check_sum_is_refused() -> None:
    packed = bytearray(zipped(b"a,b\n1,2\n", how=zipfile.ZIP_STORED))
    packed[packed.index(b"1,2")] += 1
    with pytest.raises(InvalidError, match="check sum"):
        unpacked("zip", bytes(packed))
