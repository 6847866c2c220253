"""Short forms of names and addresses."""

import pytest

from festgate.kit.masking import masked_address, masked_name


@pytest.mark.parametrize(
    "address, short",
    [
        ("asha@example.org", "a…@example.org"),
        ("@example.org", "…@example.org"),
        ("asha rao", "a… r…"),
        ("", ""),
    ],
)
def test_an_address_keeps_its_first_character_and_its_domain(address: str, short: str) -> None:
    assert masked_address(address) == short


@pytest.mark.parametrize("name, short", [("Asha Rao", "A… R…"), ("李 明", "李… 明…"), ("", "")])
def test_a_name_keeps_the_first_character_of_each_word(name: str, short: str) -> None:
    assert masked_name(name) == short
