"""Documents looked at without filing them: accepted or not, which profiles, and what may not be meant."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli.evidence import DOCUMENT_LIMIT
from cli.inputs import read_source
from cli.session import Session
from cli.shapes.policy import (
    DocumentPart,
    DocumentsValidated,
    DoubtPart,
    ProfilePart,
    RefusalPart,
    RemarkPart,
)
from ledger.errors import CallerError, DocumentRejected

if TYPE_CHECKING:
    from ledger.consent.constraints import Remark
    from ledger.consent.document import ConsentDocument


def validate(
    session: Session, paths: Sequence[Path], *, chain_id: int | None, statement: bool
) -> DocumentsValidated:
    """Each document by itself. Whether it can be filed is told for `chain_id`, else for the profile's chain.

    Only with `chain_id` a document that cannot be filed there counts as a fault.

    Raises:
        NotFound, InvalidInput, TooLarge: a file that cannot be read; what is in it never raises.
    """
    known = chain_id if chain_id is not None else _own_chain(session)
    documents = [_examined(path, known, statement=statement) for path in paths]
    ok = all(one.accepted and (chain_id is None or one.filable is True) for one in documents)
    return DocumentsValidated(ok=ok, chain_id=known, documents=documents)


def _own_chain(session: Session) -> int | None:
    """The chain of the profile, or of `consent up` in the same home; None if there is neither."""
    if not (session.profile.config_file.exists() or session.home.network.exists()):
        return None
    return session.config.deployment.chain_id


def _examined(path: Path, chain_id: int | None, *, statement: bool) -> DocumentPart:
    from ledger.consent.document import parse_document

    raw = read_source(path, limit=DOCUMENT_LIMIT)
    try:
        document = parse_document(raw)
    except CallerError as exc:
        return DocumentPart(file=str(path), accepted=False, error=_refusal(exc), profiles=_profiles_of(raw))
    return _accepted(path, document, chain_id, statement=statement)


def _accepted(
    path: Path, document: "ConsentDocument", chain_id: int | None, *, statement: bool
) -> DocumentPart:
    from ledger.consent.moments import span
    from ledger.consent.profiles import beyond_pcf
    from ledger.consent.sense import doubts
    from ledger.consent.statement import statement as text_of

    unfilable = None if chain_id is None else _unfilable(document, chain_id)
    found = doubts(document.root, span(document.written, document.zone))
    return DocumentPart(
        file=str(path),
        accepted=True,
        permits=document.permits,
        digest=f"0x{document.digest.hex()}",
        profiles=_profiles(document.json),
        beyond=[_remark(one) for one in beyond_pcf(document.json)],
        doubts=[DoubtPart(path=one.path, reason=one.reason, why=one.why) for one in found],
        filable=None if chain_id is None else unfilable is None,
        unfilable=unfilable,
        statement=text_of(document) if statement else None,
    )


def _unfilable(document: "ConsentDocument", chain_id: int) -> RefusalPart | None:
    from ledger.consent.document import require_filable

    try:
        require_filable(document, chain_id)
    except DocumentRejected as exc:
        return _refusal(exc)
    return None


def _profiles_of(raw: bytes) -> list[ProfilePart]:
    """How a document that is refused stands to the profiles, if it is a Consent at all."""
    from ledger.canonical import parse_object

    try:
        value = parse_object(raw)
    except CallerError:
        return []
    return _profiles(value) if value.get("resourceType") == "Consent" else []


def _profiles(consent: dict[str, object]) -> list[ProfilePart]:
    from ledger.consent.profiles import Profile, conformance

    return [
        ProfilePart(
            name=profile,
            met=found.is_met,
            deviations=[_remark(one) for one in found.deviations],
            notes=[_remark(one) for one in found.notes],
        )
        for profile in Profile
        for found in [conformance(consent, profile)]
    ]


def _remark(remark: "Remark") -> RemarkPart:
    return RemarkPart(path=remark.path, why=remark.why)


def _refusal(error: CallerError) -> RefusalPart:
    path = error.fields.get("path")
    return RefusalPart(
        code=error.code,
        reason=error.reason,
        message=error.message,
        path=None if path is None else str(path),
        fix=error.fix or None,
    )
