"""Keys as wallets keep them: web3 secret storage, version 3, one JSON file per key under a passphrase.

They are for accounts that pay on chain; people's identities are in `ledger.crypto.keystore`.
"""

from dataclasses import dataclass, field
from typing import Any, Self

from ledger.canonical import parse_object
from ledger.crypto.identity import Account
from ledger.errors import InvalidInput, KeyLocked
from ledger.ids import Address, address_from_bytes
from ledger.imports import recursion_limit_kept

LIMIT = 64 * 1024
_FIX = "Name a keystore file (version 3), as 'cast wallet new' or 'geth account new' makes them."


@dataclass(frozen=True, slots=True)
class Web3Keystore:
    """One such file; ``address`` is what it claims to hold, None if it does not say."""

    address: Address | None
    _content: dict[str, Any] = field(repr=False)

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The keystore in a JSON text.

        Raises:
            InvalidInput: another format or version; the message never repeats any of it.
        """
        try:
            content = parse_object(raw, limit=LIMIT)
        except InvalidInput as exc:
            raise _refused("is no JSON object") from exc
        if str(content.get("format", "")).startswith("consent-ledger/keystore/"):
            raise _refused("is that of a profile, whose account is never used on chain")
        if content.get("version") != 3 or not isinstance(content.get("crypto"), dict):
            raise _refused("is not of version 3 of the web3 secret storage")
        return cls(_claimed(content.get("address")), content)

    def unlock(self, passphrase: str) -> Account:
        """The account in it.

        Raises:
            KeyLocked: another passphrase, or an altered file.
            InvalidInput: parts are missing, or of a kind that is not known.
        """
        with recursion_limit_kept():
            from eth_account import Account as EthAccount  # here, because it takes most of a second to import

        try:
            key = bytes(EthAccount.decrypt(self._content, passphrase))
        except ValueError as exc:
            raise KeyLocked("this passphrase does not open the keystore, or the file was altered") from exc
        except (KeyError, TypeError, AttributeError, NotImplementedError) as exc:
            raise _refused("lacks parts, or has parts of an unknown kind") from exc
        account = Account.from_key(key)
        if self.address not in (None, account.address):
            raise KeyLocked("the keystore holds another account than it says; it was altered")
        return account


def _claimed(address: object) -> Address | None:
    """The address as wallets write it: hexadecimal of any case, mostly without 0x."""
    if address is None:
        return None
    try:
        return address_from_bytes(bytes.fromhex(str(address).removeprefix("0x")))
    except (ValueError, InvalidInput) as exc:
        raise _refused("names no account") from exc


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"the keystore {why}", reason="bad_keystore", fix=_FIX)
