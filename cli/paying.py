"""The account that pays for transactions: named by a wallet's keystore, unlocked when it must sign."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cli import prompts
from cli.inputs import read_source
from cli.session import Session

if TYPE_CHECKING:
    from ledger.crypto.identity import Account
    from ledger.crypto.web3keystore import Web3Keystore
    from ledger.ids import Address


@dataclass(slots=True)
class Payer:
    """One keystore, and its passphrase's owner, who is asked at most once."""

    _session: Session
    _keystore: "Web3Keystore"
    _name: str
    _account: "Account | None" = field(default=None, repr=False)

    @classmethod
    def of(cls, session: Session, path: Path) -> "Payer":
        """The payer whose keystore is in a file.

        Raises:
            NotFound: no such file.
            InvalidInput: not a keystore of a wallet.
        """
        from ledger.crypto.web3keystore import LIMIT, Web3Keystore

        return cls(session, Web3Keystore.parse(read_source(path, limit=LIMIT)), path.name)

    @property
    def address(self) -> "Address":
        """The account's address; where the keystore does not say it, the passphrase is asked for.

        Raises:
            KeyLocked: as `unlock`.
        """
        if self._keystore.address is None and self._account is None:
            self._session.output.talk(
                f"{self._name} does not say whose key it holds, so it must be opened to know who pays."
            )
        return self._keystore.address or self.unlock().address

    def unlock(self) -> "Account":
        """The account with its key.

        Raises:
            KeyLocked: another passphrase, nobody to ask, or an altered file.
        """
        if self._account is None:
            asked = prompts.passphrase(self._session.given, f"Passphrase of {self._name}")
            self._account = self._keystore.unlock(asked)
        return self._account
