"""Pins sealing: what opens, where, with which keys, and what is never in the sealed bytes."""

import pytest

from tenants.sealing import Keyring, NoSealingKey, Unopenable

OLD, NEW = b"o" * 32, b"n" * 32


def test_sealed_value_opens_in_its_place() -> None:
    keyring = Keyring([OLD])

    assert keyring.open(keyring.seal("héllo", place="ns/a"), place="ns/a") == "héllo"


def test_value_is_not_in_the_sealed_bytes() -> None:
    assert b"hunter2-hunter2" not in Keyring([OLD]).seal("hunter2-hunter2", place="p")


def test_equal_values_are_sealed_differently() -> None:
    keyring = Keyring([OLD])

    assert keyring.seal("same", place="p") != keyring.seal("same", place="p")


@pytest.mark.parametrize("place", ["other/a", "ns/b"])
def test_nothing_opens_elsewhere(place: str) -> None:
    keyring = Keyring([OLD])
    sealed = keyring.seal("hello", place="ns/a")

    with pytest.raises(Unopenable):
        keyring.open(sealed, place=place)


def test_new_key_in_front_still_opens_the_old() -> None:
    sealed = Keyring([OLD]).seal("hello", place="p")

    assert Keyring([NEW, OLD]).open(sealed, place="p") == "hello"


def test_first_key_seals() -> None:
    sealed = Keyring([NEW, OLD]).seal("hello", place="p")

    assert Keyring([NEW]).open(sealed, place="p") == "hello"


def test_value_under_an_old_key_counts_as_changed() -> None:
    sealed = Keyring([OLD]).seal("hello", place="p")

    assert not Keyring([NEW, OLD]).opens_to(sealed, "hello", place="p")
    assert Keyring([OLD]).opens_to(sealed, "hello", place="p")


@pytest.mark.parametrize("change", [0, 5, 15, -1])
def test_changed_bytes_do_not_open(change: int) -> None:
    sealed = bytearray(Keyring([OLD]).seal("hello", place="p"))
    sealed[change] ^= 1

    with pytest.raises(Unopenable):
        Keyring([OLD]).open(bytes(sealed), place="p")


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(NoSealingKey):
        Keyring().seal("hello", place="p")


def test_keys_are_not_shown() -> None:
    assert "ooo" not in repr(Keyring([OLD]))
