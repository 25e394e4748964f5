"""Participants: what the directory on chain says of them, and the profiles that it vouches for."""

from dataclasses import dataclass

from sqlalchemy import Connection

from ledger.chain.index import ParticipantState
from ledger.errors import Conflict, NotAdmitted, NotFound
from ledger.ids import Address, Did
from ledger.parties import Profile, Role, parse_profile
from ledger.service.gateway import Gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """One participant: did, directory state, and the profile if it was brought here."""

    did: Did
    state: ParticipantState
    profile: Profile | None


def has_role(gateway: Gateway, account: Address, role: Role) -> bool:
    """Whether the account is admitted with `role` and not suspended, at the last known head."""
    state = _state(gateway, account)
    return state is not None and not state.suspended and bool(state.roles & role)


def need_role(gateway: Gateway, account: Address, role: Role) -> None:
    """`has_role`, or NotAdmitted."""
    if not has_role(gateway, account, role):
        raise NotAdmitted(
            "this account is not in the participant directory with the role that this needs, or is suspended",
            fix="Ask an accreditor: `consent participant apply`, then `consent participant admit`.",
        )


def is_suspended(gateway: Gateway, account: Address) -> bool:
    """Whether the directory has suspended the account, at the last known head."""
    state = _state(gateway, account)
    return state is not None and state.suspended


def refuse_suspended(gateway: Gateway, account: Address, connection: Connection | None = None) -> None:
    """NotAdmitted (``suspended``) for a suspended participant, unless the account is a patient's too.

    `connection`: the caller's transaction, if there is one.
    """
    if is_suspended(gateway, account) and not _is_patients(gateway, account, connection):
        raise NotAdmitted(
            "this participant is suspended", reason="suspended", fix="Ask the accreditor who suspended it."
        )


def _is_patients(gateway: Gateway, account: Address, connection: Connection | None) -> bool:
    if connection is None:
        return gateway.states.find(account) is not None
    return bool(gateway.stores.patients.versions(connection, [gateway.look_up(account)]))


def admitted(gateway: Gateway, account: Address, role: Role) -> Profile:
    """The profile of an admitted participant with `role`.

    Raises:
        NotAdmitted: not admitted, suspended, without the role, or without a profile here.
    """
    need_role(gateway, account, role)
    profile = find(gateway, account).profile
    if profile is None:
        raise NotAdmitted(
            "the participant's profile has not been brought to this gateway",
            reason="no_profile",
            fix="The accreditor brings it with `consent participant admit`.",
        )
    return profile


def bring(gateway: Gateway, text: str) -> Profile:
    """Store a profile if the directory vouches for exactly this text. Anyone may bring it.

    Raises:
        Conflict: the directory names another profile, or none.
    """
    profile = parse_profile(text)
    state = _state(gateway, profile.account)
    if state is None or state.profile != profile.digest:
        raise Conflict(
            "the directory does not vouch for this profile",
            reason="profile_unknown",
            fix="Wait until the admission is on chain, then bring it again.",
        )
    with gateway.db.write() as connection:
        gateway.stores.profiles.put(connection, _raw(profile.account), text.encode())
    return profile


def find(gateway: Gateway, account: Address) -> Participant:
    """One participant, or NotFound."""
    state = _state(gateway, account)
    if state is None:
        raise NotFound("no such participant", fix="`consent participant list` shows all.")
    with gateway.db.read() as connection:
        text = gateway.stores.profiles.get(connection, _raw(account))
    profile = None if text is None else parse_profile(text.decode())
    if profile is not None and profile.digest != state.profile:
        profile = None
    return Participant(did=gateway.did(account), state=state, profile=profile)


def everyone(gateway: Gateway) -> list[Participant]:
    """All participants, suspended ones too."""
    head = gateway.last_head()
    accounts = [] if head is None else sorted(gateway.follower.index.participants(head.number))
    return [find(gateway, account) for account in accounts]


def _state(gateway: Gateway, account: Address) -> ParticipantState | None:
    head = gateway.last_head()
    return None if head is None else gateway.follower.index.participant(account, head.number)


def _raw(account: Address) -> bytes:
    return bytes.fromhex(account[2:])
