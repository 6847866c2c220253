"""Sealed texts: read with the same secret and purpose only, and different each time."""

import pytest

from festgate.kit.sealing import Unsealable, seal, unseal

SECRET = bytes(range(32))


def test_a_sealed_text_is_read_with_the_same_secret_and_purpose() -> None:
    sealed = seal(SECRET, "mail password", "hunter2 ₹")
    assert "hunter2" not in sealed
    assert unseal(SECRET, "mail password", sealed) == "hunter2 ₹"


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert seal(SECRET, "mail password", "hunter2") != seal(SECRET, "mail password", "hunter2")


@pytest.mark.parametrize(
    "secret, purpose",
    [(bytes(32), "mail password"), (SECRET, "second factor")],
    ids=["secret", "purpose"],
)
def test_another_secret_or_purpose_reads_nothing_and_names_the_replaced_file(
    secret: bytes, purpose: str
) -> None:
    sealed = seal(SECRET, "mail password", "hunter2")
    with pytest.raises(Unsealable, match="`secret` was replaced"):
        unseal(secret, purpose, sealed)


@pytest.mark.parametrize("damaged", ["", "not sealed", "gAAAAA", "café"])
def test_damaged_text_is_refused_like_that_of_another_secret(damaged: str) -> None:
    with pytest.raises(Unsealable):
        unseal(SECRET, "mail password", damaged)
