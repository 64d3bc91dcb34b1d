"""`allowlist.toml`, the file that admins edit: which addresses may try which account."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestd.config.judging.values import Network, is_wide, parse_network
from ingestd.config.toml.document import TomlDocument, read_toml
from ingestd.config.toml.mistakes import InvalidValueError, Mistakes, shown, suggest
from ingestd.config.toml.positions import KeyPath
from ingestd.values.errors import Mistake
from ingestd.values.identifiers import AccountId

FILE_NAME = "allowlist.toml"
ALLOW_WIDE = "everyone_is_allowed"
LISTS = ("everyone", "deny", "accounts")
_KEYS = (*LISTS, ALLOW_WIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNetwork:
    """A network as it stands in the file; a bare address is a network of one."""

    network: Network
    line: int | None


Listed = tuple[ListedNetwork, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowlistFile:
    """An allowlist without a mistake in it.

    `absent` are the keys of `LISTS` that the file lacks: they count as empty, and are a mistake
    where a list was in force before (see `succession`). `warnings` change nothing.
    """

    everyone: Listed
    deny: Listed
    accounts: Mapping[AccountId, Listed]
    absent: tuple[str, ...]
    warnings: tuple[Mistake, ...]
    where: str
    content: bytes
    sha256: str

    @property
    def network_count(self) -> int:
        """How many networks all the lists hold."""
        return sum(map(len, (self.everyone, self.deny, *self.accounts.values())))


def read_allowlist(
    path: Path,
    known_accounts: Collection[str] | None,
    former_accounts: Collection[str] = (),
) -> AllowlistFile:
    """Read `allowlist.toml`. Raises ConfigError, which names every mistake.

    None for `known_accounts` leaves the account names unchecked, for when the accounts
    themselves cannot be read. A name of `former_accounts` is a warning, not a mistake: neither
    file waits for the other to be mended.
    """
    return check_allowlist(read_toml(path), known_accounts, former_accounts)


def check_allowlist(
    document: TomlDocument,
    known_accounts: Collection[str] | None,
    former_accounts: Collection[str] = (),
) -> AllowlistFile:
    """Return a document's lists. Raises ConfigError, which names every mistake."""
    mistakes, warnings = Mistakes(document), Mistakes(document)
    values = document.values
    for key in values:
        if key not in _KEYS:
            mistakes.add_unknown_key((key,), _KEYS)
    may_be_wide = values.get(ALLOW_WIDE, False)
    if not isinstance(may_be_wide, bool):
        mistakes.add((ALLOW_WIDE,), "must be true or false, without quotes.")
    everyone = _check_list(values.get("everyone", []), ("everyone",), mistakes)
    deny = _check_list(values.get("deny", []), ("deny",), mistakes)
    accounts = _check_account_lists(values.get("accounts", {}), mistakes)
    if known_accounts is not None:
        _check_names(accounts, known_accounts, former_accounts, mistakes, warnings)
    if may_be_wide is not True:
        _check_widths({("everyone",): everyone}, mistakes)
        _check_widths({("accounts", name): nets for name, nets in accounts.items()}, mistakes)
    absent = tuple(key for key in LISTS if key not in values)
    for key in absent:
        warnings.add((), f"{key} is absent and counts as empty.", f"Write {empty_list(key)}.")
    mistakes.raise_if_any()
    return AllowlistFile(
        everyone=everyone,
        deny=deny,
        accounts=accounts,
        absent=absent,
        warnings=warnings.found,
        where=document.where,
        content=document.content,
        sha256=document.sha256,
    )


def empty_list(key: str) -> str:
    """Return how one of `LISTS` is written down as empty."""
    return "[accounts]" if key == "accounts" else f"{key} = []"


def _check_account_lists(values: object, mistakes: Mistakes) -> dict[AccountId, Listed]:
    if not isinstance(values, Mapping):
        mistakes.add(("accounts",), "must be a table.", "Write [accounts] on a line of its own.")
        return {}
    return {
        AccountId(name): _check_list(listed, ("accounts", name), mistakes)
        for name, listed in values.items()
    }


def _check_names(
    names: Iterable[str],
    known: Collection[str],
    former: Collection[str],
    mistakes: Mistakes,
    warnings: Mistakes,
) -> None:
    for name in names:
        if name in known:
            continue
        keys = ("accounts", name)
        if name in former:
            message = f"{shown(name)} is no account in force; its addresses admit nobody."
            warnings.add(keys, message, "Take the line out, unless the account is to come.")
        else:
            remedy = suggest(name, known) or "Add it to accounts.toml first."
            mistakes.add(keys, f"{shown(name)} is no account of accounts.toml.", remedy)


def _check_widths(lists: Mapping[tuple[str, ...], Listed], mistakes: Mistakes) -> None:
    """A slash and one digit too few must not open the door to a continent."""
    for keys, listed in lists.items():
        for entry in listed:
            if is_wide(entry.network):
                mistakes.add_at(
                    entry.line,
                    keys,
                    f"{entry.network} holds a large part of all addresses there are.",
                    f"Write a longer prefix, or {ALLOW_WIDE} = true at the top of the file.",
                )


def _check_list(values: object, keys: KeyPath, mistakes: Mistakes) -> Listed:
    if not isinstance(values, list):
        example = shown(values) if isinstance(values, str) else '"203.0.113.16/28"'
        mistakes.add(keys, "must be a list.", f"Write {keys[-1]} = [{example}].")
        return ()
    listed: dict[Network, ListedNetwork] = {}
    for index, value in enumerate(values):
        place = (*keys, index)
        try:
            network = parse_network(value)
        except InvalidValueError as error:
            mistakes.add_invalid(place, error)
            continue
        line = mistakes.line_of(*place)
        if earlier := listed.get(network):
            mistakes.add(
                place,
                f"{network} stands here for the second time; first on line {earlier.line}.",
                "Remove one of the two.",
            )
            continue
        listed[network] = ListedNetwork(network=network, line=line)
    return tuple(listed.values())
