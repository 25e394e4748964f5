"""What the chain itself says, read through an RPC of the client's own choice, never on the gateway's word.

All events of the three contracts are read by range and filtered here: no query names a consent or an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.chain.deployment import Deployment
from ledger.chain.history import ParticipantState
from ledger.chain.index import ChainIndex, ChainState
from ledger.chain.reader import read_chain
from ledger.chain.rpc import Rpc
from ledger.crypto.sealing import key_digest
from ledger.errors import LedgerError, NotAdmitted
from ledger.ids import Address, ConsentId, Did, did_of, parse_did
from ledger.parties import Profile, Role, parse_profile

_SEE = "See who is admitted: consent participant list"
_LIFT = "Ask your accreditor to end the suspension; until then nothing is shared with you."
_APPLY = "Apply to an accreditor: consent participant apply --role {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """An admitted participant under the name that the directory vouches for, and the key to seal to."""

    did: Did
    name: str
    key: bytes = field(repr=False)
    key_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A participant of the directory; ``profile`` only if somebody brought the text that it vouches for."""

    did: Did
    roles: Role
    suspended: bool
    profile: Profile | None


class DirectoryView:
    """Directory and registry as of the last `refresh`, which the first question does by itself."""

    def __init__(self, rpc_url: str, deployment: Deployment) -> None:
        """Nothing is read yet; InvalidInput unless `rpc_url` is an http(s) URL."""
        self.deployment = deployment
        self._rpc = Rpc(rpc_url)
        self._index: ChainIndex | None = None

    def refresh(self) -> ChainIndex:
        """Read the chain again.

        Raises:
            ChainUnreachable: no node answers, or it is on another chain (``wrong_chain``).
        """
        self._index = read_chain(self._rpc, self.deployment)
        return self._index

    def close(self) -> None:
        """Close the connections; the next question opens new ones."""
        self._rpc.close()

    @property
    def index(self) -> ChainIndex:
        """The whole history of the three contracts; raises as `refresh`."""
        return self._index or self.refresh()

    def recipient(self, did: Did, profile: str, role: Role = Role.PROVIDER) -> Recipient:
        """The participant to whom something may be sealed.

        Args:
            did: whom the document that is about to be signed names.
            profile: the text that somebody says is theirs.
            role: what the directory must admit them as.

        Raises:
            NotAdmitted: not admitted, suspended, without the role; a profile or key that the directory does
                not vouch for; no key at all.
            SignatureInvalid: the key is not signed by the account in `did`.
            InvalidInput: the profile is not canonical.
        """
        state = self._admitted(did, role)
        parsed = parse_profile(profile)
        if parsed.participant != did or parsed.digest != state.profile:
            raise NotAdmitted(
                "the directory does not vouch for this participant's profile",
                reason="profile_unknown",
                fix=_SEE,
            )
        key = parsed.encryption
        if key is None or (key.number, key_digest(key.key)) != (state.key_version, state.key):
            raise NotAdmitted(
                "the directory does not vouch for this participant's encryption key",
                reason="key_unknown",
                fix="Ask them to publish their current key.",
            )
        key.verify_encryption(did, self.deployment.directory)
        return Recipient(did=did, name=parsed.name, key=key.key, key_version=key.number)

    def listing(self, profiles: Mapping[Did, str]) -> list[Listed]:
        """All participants of the directory by name, with those of the profiles that it vouches for."""
        found = []
        for account, state in sorted(self.index.participants().items()):
            did = did_of(self.deployment.chain_id, account)
            known = _vouched(profiles.get(did), did, state, self.deployment.directory)
            found.append(Listed(did=did, roles=Role(state.roles), suspended=state.suspended, profile=known))
        return sorted(found, key=lambda one: ("" if one.profile is None else one.profile.name, one.did))

    def key_version(self, did: Did) -> int:
        """The version of a participant's encryption key in the directory; 0 if there is none."""
        state = self.index.participant(parse_did(did)[1])
        return 0 if state is None else state.key_version

    def state(self, consent: ConsentId, level: str = "seen") -> ChainState:
        """Whether a consent is active on chain, at the head or at the last ``final`` block."""
        return self.index.state(consent, level)

    def controllers(self) -> set[Address]:
        """Every controller that was ever used on this registry."""
        return self.index.controllers_seen()

    def epoch_of(self, controller: Address) -> int:
        """A controller's ``revokeAll`` counter at the last final block (0 before the first)."""
        final = self.index.finalized
        return 0 if final is None else self.index.epoch_of(controller, final.number)

    def require_standing(self, did: Did, role: Role) -> None:
        """Return if the directory admits the user's own account, `did`, with a role.

        Raises:
            NotAdmitted: not admitted, suspended, or without the role.
        """
        try:
            self._admitted(did, role)
        except NotAdmitted as exc:
            fix = _LIFT if exc.reason == "suspended" else _APPLY.format(role.words[0])
            raise NotAdmitted(f"your account is {exc.message}", reason=exc.reason, fix=fix) from exc

    def _admitted(self, did: Did, role: Role) -> ParticipantState:
        chain_id, account = parse_did(did)
        state = self.index.participant(account) if chain_id == self.deployment.chain_id else None
        if state is None:
            raise NotAdmitted("not in the participant directory", fix=_SEE)
        if state.suspended:
            raise NotAdmitted("suspended in the participant directory", reason="suspended", fix=_SEE)
        if not role & state.roles:
            raise NotAdmitted(
                f"not admitted as {' or '.join(role.words)} in the participant directory",
                reason="role_missing",
                fix=_SEE,
            )
        return state


def _vouched(text: str | None, did: Did, state: ParticipantState, directory: Address) -> Profile | None:
    try:
        parsed = None if text is None else parse_profile(text)
        if parsed is None or parsed.participant != did or parsed.digest != state.profile:
            return None
        parsed.verify(directory)
    except LedgerError:
        return None
    return parsed
