"""CHECKPOINT: the note is signed by this log's key, and the log is that of an admitted gateway."""

from ledger.audit.ground import Ground
from ledger.audit.report import Step
from ledger.audit.shapes import LogOpened
from ledger.canonical import unb64
from ledger.errors import EvidenceError, InvalidInput, ProofInvalid
from ledger.ids import Address, parse_address
from ledger.log.checkpoint import Checkpoint, open_note, origin_of
from ledger.parties import Role

_STEP = Step.CHECKPOINT


def origin_in(verifier: str) -> str:
    """The origin of the log that a verifier ("origin+id+key") is for."""
    return verifier.partition("+")[0]


def claimed(note: str) -> Checkpoint:
    """What a note says, whoever signed it.

    Raises:
        ProofInvalid: not the text of a checkpoint.
    """
    lines = note.split("\n", 3)
    try:
        checkpoint = Checkpoint(origin=lines[0], size=int(lines[1]), root=unb64(lines[2]))
    except (IndexError, ValueError, InvalidInput) as exc:
        raise ProofInvalid("not a checkpoint", reason="note_malformed") from exc
    if not note.startswith(checkpoint.text()) or checkpoint.size < 0 or len(checkpoint.root) != 32:
        raise ProofInvalid("not a checkpoint", reason="note_malformed")
    return checkpoint


def check_note(ground: Ground, note: str, verifier: str) -> Checkpoint | None:
    """The checkpoint to audit: the signed one, else what the note claims; None for no checkpoint at all.

    Raises:
        InvalidInput: the auditor's own `verifier` is malformed.
    """
    ground.tally.checked(_STEP)
    try:
        return open_note(note, verifier)
    except ProofInvalid as exc:
        ground.tally.find(
            _STEP,
            None,
            expected="a checkpoint signed by the key of this log",
            found=f"{exc.message} ({exc.reason})",
            meaning="Nobody answers for this log: another key, another log, or a note that was changed.",
        )
    try:
        return claimed(note)
    except ProofInvalid:
        return None


def refused(ground: Ground, why: EvidenceError) -> None:
    """The gateway itself says that it cannot vouch for its log."""
    ground.tally.checked(_STEP)
    ground.tally.find(
        _STEP,
        None,
        expected="a signed checkpoint",
        found=f"{why.message} ({why.reason})",
        meaning="The gateway's own database no longer holds the log that it signed for.",
    )


def check_sender(ground: Ground, origin: str) -> Address | None:
    """The account that anchors this log, from its origin; None if the origin is not of these contracts."""
    ground.tally.checked(_STEP)
    sender = _sender(ground, origin)
    if sender is None:
        ground.tally.find(
            _STEP,
            None,
            expected=f"consent-ledger/{ground.chain_id}/{ground.deployment.anchor}/<account>",
            found=origin,
            meaning="The log names another chain or another anchor contract than the auditor's.",
        )
        return None
    state = ground.chain.participant(sender)
    ground.tally.require(
        state is not None and bool(state.roles & Role.GATEWAY),
        _STEP,
        None,
        expected=f"{sender} in the directory with the role of a gateway",
        found="not admitted" if state is None else f"roles {state.roles}",
        meaning="No accreditor vouches for whoever runs this log.",
    )
    if state is not None and state.suspended:
        ground.tally.note("The account that anchors this log is suspended in the directory now.")
    return sender


def check_opening(ground: Ground, index: int, opened: LogOpened, verifier: str) -> None:
    """``log.opened`` names this very log, chain and contracts, and stands at the beginning."""
    ground.tally.checked(_STEP)
    deployment = ground.deployment
    wanted = {
        "origin": origin_in(verifier),
        "log_key": verifier,
        "chain_id": deployment.chain_id,
        "registry": deployment.registry,
        "directory": deployment.directory,
        "anchor": deployment.anchor,
    }
    other = [name for name, value in wanted.items() if getattr(opened, name) != value]
    ground.tally.require(
        not other and index == 0,
        _STEP,
        index,
        expected="this log's origin, key, chain and contracts, in entry 0",
        found=f"other {', '.join(other)}" if other else f"entry {index}",
        meaning="The log was opened for something else than what it is shown as.",
    )


def _sender(ground: Ground, origin: str) -> Address | None:
    try:
        sender = parse_address(origin.rpartition("/")[2])
    except InvalidInput:
        return None
    same = origin_of(ground.chain_id, ground.deployment.anchor, sender) == origin
    return sender if same else None
