"""Addresses of files: nothing of one can be changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import NotFoundError
from hub.signature import sign_file, verify_file

SECRETS = ("the newest secret", "the one before")
TEXT = st.text(max_size=20)


@given(file_id=TEXT, name=TEXT, expires=st.integers(1, 10**11), at=st.sampled_from(SECRETS))
def test_what_was_signed_counts_until_it_ends(
    file_id: str, name: str, expires: int, at: str
) -> None:
    signature = sign_file(at, file_id, name, expires)
    verify_file(SECRETS, file_id, name, str(expires), signature, expires - 1)
    for now in (expires, expires + 0.5):
        with pytest.raises(NotFoundError):
            verify_file(SECRETS, file_id, name, str(expires), signature, now)
    with pytest.raises(NotFoundError):
        verify_file(("another secret",), file_id, name, str(expires), signature, 0)
    with pytest.raises(NotFoundError):
        verify_file((), file_id, name, str(expires), signature, 0)


PARTS = st.tuples(st.text("ab1"), st.text("ab1"), st.integers(1, 999))


@given(signed=PARTS, asked=PARTS)
def test_a_signature_is_for_one_address_alone(
    signed: tuple[str, str, int], asked: tuple[str, str, int]
) -> None:
    signature = sign_file(SECRETS[0], *signed)
    file_id, name, expires = asked
    if signed == asked:
        verify_file(SECRETS, file_id, name, str(expires), signature, 0)
    else:
        with pytest.raises(NotFoundError):
            verify_file(SECRETS, file_id, name, str(expires), signature, 0)
