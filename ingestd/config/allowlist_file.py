"""`allowlist.toml`, the file that admins edit: which addresses may try which account."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingestd.config.mistakes import InvalidValueError, Mistakes, shown, suggest
from ingestd.config.toml_document import TomlDocument, read_toml
from ingestd.config.toml_positions import KeyPath
from ingestd.config.values import Network, parse_network
from ingestd.values.identifiers import AccountId

FILE_NAME = "allowlist.toml"
_KEYS = ("everyone", "deny", "accounts")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNetwork:
    """A network as it stands in the file; a bare address is a network of one."""

    network: Network
    line: int | None


Listed = tuple[ListedNetwork, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowlistFile:
    """An allowlist without a mistake in it."""

    everyone: Listed
    deny: Listed
    accounts: Mapping[AccountId, Listed]
    sha256: str

    @property
    def network_count(self) -> int:
        """How many networks all the lists hold."""
        return sum(map(len, (self.everyone, self.deny, *self.accounts.values())))


def read_allowlist(path: Path, known_accounts: Collection[str] | None) -> AllowlistFile:
    """Read `allowlist.toml`. Raises ConfigError, which names every mistake.

    None for `known_accounts` leaves the account names unchecked, for when the accounts
    themselves cannot be read.
    """
    return check_allowlist(read_toml(path), known_accounts)


def check_allowlist(
    document: TomlDocument, known_accounts: Collection[str] | None
) -> AllowlistFile:
    """Return a document's lists. Raises ConfigError, which names every mistake."""
    mistakes = Mistakes(document)
    for key in document.values:
        if key not in _KEYS:
            mistakes.add_unknown_key((key,), _KEYS)
    everyone = _check_list(document.values.get("everyone", []), ("everyone",), mistakes)
    deny = _check_list(document.values.get("deny", []), ("deny",), mistakes)
    accounts = _check_account_lists(document.values.get("accounts", {}), known_accounts, mistakes)
    mistakes.raise_if_any()
    return AllowlistFile(everyone=everyone, deny=deny, accounts=accounts, sha256=document.sha256)


def _check_account_lists(
    values: object, known_accounts: Collection[str] | None, mistakes: Mistakes
) -> dict[AccountId, Listed]:
    if not isinstance(values, Mapping):
        mistakes.add(("accounts",), "must be a table.", "Write [accounts] on a line of its own.")
        return {}
    accounts = {}
    for name, listed in values.items():
        keys = ("accounts", name)
        if known_accounts is not None and name not in known_accounts:
            remedy = suggest(name, known_accounts) or "Add it to accounts.toml first."
            mistakes.add(keys, f"{shown(name)} is no account of accounts.toml.", remedy)
        accounts[AccountId(name)] = _check_list(listed, keys, mistakes)
    return accounts


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
