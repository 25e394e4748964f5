"""What an accreditor does: admitting and suspending participants on chain, by a key file of its own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ledger.canonical import unhex
from ledger.chain import calls
from ledger.chain.facts import Receipt
from ledger.chain.rpc import Rpc
from ledger.chain.sending import send
from ledger.client.config import Config
from ledger.client.gateway import GatewayClient
from ledger.crypto import privatefile
from ledger.crypto.identity import Account
from ledger.crypto.sealing import key_digest
from ledger.errors import Conflict, Forbidden, InvalidInput
from ledger.ids import Did, parse_did
from ledger.parties import Application, parse_application

GAS = 300_000
PATIENCE = 60.0
_PAUSE = 0.1

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One call that is on chain: which function, and its receipt."""

    function: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Accreditor:
    """One accreditor on one chain; it pays for what it sends."""

    config: Config
    key: Account

    @classmethod
    def from_file(cls, config: Config, path: Path) -> "Accreditor":
        """The accreditor whose key is in a file of mode 0600.

        Raises:
            NotFound: no such file.
            KeyLocked: others may read it.
            InvalidInput: it does not hold a key.
        """
        return cls(config, Account.from_key(unhex(privatefile.read(path).decode("ascii", "replace").strip())))

    def read(self, raw: bytes) -> Application:
        """An application, verified.

        Raises:
            InvalidInput: not an application, or for another chain.
            SignatureInvalid: not signed by the account that it names.
        """
        application = parse_application(raw.strip())
        application.verify(self.config.deployment.directory)
        if parse_did(application.profile.participant)[0] != self.config.deployment.chain_id:
            raise InvalidInput("the application is for another chain", reason="other_chain")
        return application

    def admit(self, application: Application) -> list[Sent]:
        """Put roles, profile hash and encryption key on chain, and bring the profile to the gateway.

        Raises:
            Forbidden: this key is no accreditor.
            ChainUnreachable: the node does not answer, or a call fails there.
            GatewayUnreachable: the profile can be brought again later.
        """
        profile = application.profile
        admission = calls.admit(
            participant=profile.account, roles=int(application.roles), profile=profile.digest
        )
        todo = [("admit", admission)]
        if profile.encryption is not None:
            key = profile.encryption
            published = calls.set_key_signed(
                participant=profile.account,
                key=key_digest(key.key),
                version=key.number,
                signature=key.signature,
            )
            todo.append(("setKeySigned", published))
        sent = self._send(todo)
        self._bring(profile.text)
        return sent

    def suspend(self, participant: Did) -> list[Sent]:
        """Suspend a participant; raises as `admit`."""
        return self._send([("suspend", calls.suspend(parse_did(participant)[1]))])

    def reinstate(self, participant: Did) -> list[Sent]:
        """End a suspension; raises as `admit`."""
        return self._send([("reinstate", calls.reinstate(parse_did(participant)[1]))])

    def _send(self, todo: Sequence[tuple[str, bytes]]) -> list[Sent]:
        rpc = Rpc(self.config.rpc)
        try:
            steps = [*self._appointment(rpc), *todo]
            return [Sent(function=function, receipt=self._one(rpc, data)) for function, data in steps]
        finally:
            rpc.close()

    def _appointment(self, rpc: Rpc) -> list[tuple[str, bytes]]:
        """The call by which the directory's owner makes itself an accreditor, if that is still to be done."""
        if self._has_role(rpc, calls.ACCREDITOR_ROLE):
            return []
        if not self._has_role(rpc, calls.ADMIN_ROLE):
            raise Forbidden(
                "this key is no accreditor of the participant directory",
                reason="no_accreditor",
                fix="Name the accreditor's key file: --key FILE",
            )
        return [("grantRole", calls.grant_role(role=calls.ACCREDITOR_ROLE, account=self.key.address))]

    def _has_role(self, rpc: Rpc, role: bytes) -> bool:
        question = calls.encode(calls.DIRECTORY, "hasRole", role, self.key.address)
        return any(rpc.call(self.config.deployment.directory, question))

    def _one(self, rpc: Rpc, data: bytes) -> Receipt:
        deployment = self.config.deployment
        return send(
            rpc,
            self.key,
            chain_id=deployment.chain_id,
            to=bytes.fromhex(deployment.directory[2:]),
            data=data,
            gas=GAS,
            patience=PATIENCE,
        )

    def _bring(self, profile: bytes) -> None:
        """Bring the profile once the gateway has seen the admission."""
        with GatewayClient(self.config.gateway, chain_id=self.config.deployment.chain_id) as gateway:
            if not _until(lambda: _brought(gateway, profile)):
                gateway.bring_profile(profile)


def _brought(gateway: GatewayClient, profile: bytes) -> bool:
    try:
        gateway.bring_profile(profile)
    except Conflict:
        return False
    return True


def _until(ask: Callable[[], T]) -> T:
    end = time.monotonic() + PATIENCE
    while not (found := ask()) and time.monotonic() < end:
        time.sleep(_PAUSE)
    return found
