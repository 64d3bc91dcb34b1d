"""Passwords: what may be one, and whether one is the one that was hashed."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters

from ingestd.access.passwords import (
    CHARACTERS_MAX,
    CHARACTERS_MIN,
    check_password,
    cost_of,
    fits,
    hash_in_vain,
    hash_password,
)
from ingestd.values.errors import UsageError

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "The password is empty."),
        ("x" * (CHARACTERS_MIN - 1), "The password is shorter than 12 characters."),
        ("x" * (CHARACTERS_MAX + 1), "The password is longer than 1024 characters."),
        ("a password\twith a tab", "The password holds a control character, or is not UTF-8."),
        ("a password \udcff that is no text", "The password holds a control character"),
    ],
)
def test_what_is_no_good_password_is_told_without_showing_it(text: str, told: str) -> None:
    """Whoever looks over a shoulder, or reads a log, learns nothing."""
    with pytest.raises(UsageError) as caught:
        check_password(text)
    assert caught.value.message.startswith(told)
    assert not text or text not in caught.value.message


@pytest.mark.parametrize("text", ["x" * CHARACTERS_MIN, "x" * CHARACTERS_MAX, "пароль и ещё слово"])
def test_any_text_of_some_length_is_taken_as_it_is(text: str) -> None:
    """No rule about digits and signs: length is what counts."""
    assert check_password(text) == text


def test_only_the_password_that_was_hashed_fits() -> None:
    """And two hashes of one password are not alike."""
    first, second = hash_password("correct horse"), hash_password("correct horse")
    assert first.startswith("$argon2id$v=19$m=65536,")
    assert first != second
    assert fits(first, "correct horse")
    assert not fits(first, "correct horse ")
    assert not fits("no hash", "no hash")
    assert not fits("", "")
    assert not fits(first, "\udcff")


def test_a_guess_at_nobody_costs_what_one_at_somebody_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else the time it takes would tell who is there."""
    hashed = CHEAP.hash("correct horse")
    cost = cost_of(hashed)
    assert cost == extract_parameters(hashed)
    assert cost_of("no hash") is None
    made: list[tuple[PasswordHasher, object]] = []
    hash_with = PasswordHasher.hash

    def hash_and_note(hasher: PasswordHasher, password: bytes) -> str:
        made.append((hasher, password))
        return hash_with(hasher, password)

    monkeypatch.setattr(PasswordHasher, "hash", hash_and_note)
    hash_in_vain(cost, "a guess")
    hash_in_vain(None, "another")
    (cheap, guess), (usual, another) = made
    assert (cheap.memory_cost, cheap.time_cost, guess) == (8, 1, b"a guess")
    assert (usual.memory_cost, another) == (PasswordHasher().memory_cost, b"another")
    hash_in_vain(None, "\udcff")
