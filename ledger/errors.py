"""Every error that the ledger raises, by fault.

::

    LedgerError
    ├── CallerError          the request is wrong; the caller can mend it
    │   ├── InvalidInput         a value does not parse or contradicts another
    │   │   ├── DocumentRejected     a consent document with an element that cannot be enforced
    │   │   ├── BundleRejected       not a FHIR R4 bundle with exactly one Patient
    │   │   └── UnknownCode          a class, purpose or label that no code table has
    │   ├── NotFound             no such thing, or none that this caller may know of
    │   ├── Conflict             it is there already, in another form
    │   └── TooLarge             more than a stated limit
    ├── AuthenticationError  the caller is not who it must be
    │   ├── SignInRequired       no session, or an expired one
    │   ├── SignInRefused        a sign-in message or signature that does not hold
    │   └── KeyLocked            a keystore that this passphrase does not open
    ├── Refusal              understood and refused
    │   ├── Forbidden            this caller may never do that
    │   ├── NotAdmitted          not in the participant directory, or suspended, or without the role
    │   ├── AccessDenied         no consent covers it
    │   ├── EmergencyQuota       more emergencies than one account may declare in a day
    │   └── Declined             the user said no
    ├── EvidenceError        something does not prove what it claims
    │   ├── SignatureInvalid     a signature by another account, or over something else
    │   ├── CommitmentMismatch   text, document and commitment are not one
    │   ├── BlockCorrupt         bytes that do not hash to their CID
    │   ├── CapsuleInvalid       a capsule that does not open, or belongs elsewhere
    │   ├── RecordCorrupt        a record that fails authentication or its own header
    │   ├── ProofInvalid         a Merkle proof, checkpoint or receipt that does not verify
    │   └── VerificationFailed   findings of an audit
    ├── EnvironmentFault     something outside is missing or slow; retrying is safe
    │   ├── GatewayUnreachable
    │   ├── ChainUnreachable
    │   ├── BlockMissing         no store has this block
    │   ├── StoreUnavailable     the database or the disk
    │   ├── StopKept             a gateway took a stop, and gives no receipt before its database answers
    │   ├── Undecidable          the facts for a decision are not fresh or not final (fail closed)
    │   ├── RelayQuota           so much may not be spent on the chain in so short a time
    │   └── ToolMissing          a program that must be installed
    └── Bug                  an invariant of ours is broken

Each leaf class carries a stable ``code``. An instance carries a sentence for people, what to do next
(``fix``) and structured ``fields``; none of them may hold health data, names, keys, tokens or a
patient's address.
"""

from typing import ClassVar


class LedgerError(Exception):
    """The root. ``code`` is stable and names the class; ``reason`` refines it within the class."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, reason: str = "", fix: str = "", **fields: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.code
        self.fix = fix
        self.fields = fields

    def as_dict(self) -> dict[str, object]:
        """The error as data: ``code``, ``reason``, ``message``, ``fix`` and the structured fields."""
        return {
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
            "fix": self.fix,
            **self.fields,
        }


class CallerError(LedgerError):
    """The request is wrong; the caller can mend it."""

    code = "caller_error"


class InvalidInput(CallerError):
    """A value does not parse, or contradicts another."""

    code = "invalid_input"


class DocumentRejected(InvalidInput):
    """A consent document with an element that cannot be enforced; ``path`` names the element (FHIRPath)."""

    code = "document_rejected"

    def __init__(self, path: str, why: str, *, reason: str = "", fix: str = "") -> None:
        super().__init__(f"{path}: {why}", reason=reason, fix=fix, path=path)
        self.path = path


class BundleRejected(InvalidInput):
    """Not a FHIR R4 bundle with exactly one Patient, or one of another patient."""

    code = "bundle_rejected"


class UnknownCode(InvalidInput):
    """A class, purpose, action, confidentiality or label that no code table has."""

    code = "unknown_code"


class NotFound(CallerError):
    """No such thing, or none that this caller may know of: the two look alike."""

    code = "not_found"


class Conflict(CallerError):
    """It is there already, in another form."""

    code = "conflict"


class TooLarge(CallerError):
    """More than a stated limit."""

    code = "too_large"


class AuthenticationError(LedgerError):
    """The caller is not who it must be."""

    code = "authentication"


class SignInRequired(AuthenticationError):
    """No session, or an expired one."""

    code = "sign_in_required"


class SignInRefused(AuthenticationError):
    """A sign-in message or signature that does not hold."""

    code = "sign_in_refused"


class KeyLocked(AuthenticationError):
    """A keystore that this passphrase does not open, or none given."""

    code = "key_locked"


class Refusal(LedgerError):
    """Understood and refused."""

    code = "refused"


class Forbidden(Refusal):
    """This caller may not do that."""

    code = "forbidden"


class NotAdmitted(Refusal):
    """Not in the participant directory, suspended, or without the role."""

    code = "not_admitted"


class AccessDenied(Refusal):
    """No consent covers it: none given, revoked, expired, or an exception applies."""

    code = "access_denied"


class EmergencyQuota(Refusal):
    """More emergencies than one may declare in a day; in ``retry_after`` seconds there is room again."""

    code = "emergency_quota"


class Declined(Refusal):
    """The user said no."""

    code = "declined"


class EvidenceError(LedgerError):
    """Something does not prove what it claims."""

    code = "evidence"


class SignatureInvalid(EvidenceError):
    """A signature that is malformed, by another account, or over something else."""

    code = "signature_invalid"


class CommitmentMismatch(EvidenceError):
    """Statement, document and commitment are not derived one from the other."""

    code = "commitment_mismatch"


class BlockCorrupt(EvidenceError):
    """Bytes that do not hash to their CID."""

    code = "block_corrupt"


class CapsuleInvalid(EvidenceError):
    """A capsule that does not open, or belongs elsewhere."""

    code = "capsule_invalid"


class RecordCorrupt(EvidenceError):
    """A record that fails authentication, its framing or its own header."""

    code = "record_corrupt"


class ProofInvalid(EvidenceError):
    """A Merkle proof, checkpoint or receipt that does not verify."""

    code = "proof_invalid"


class VerificationFailed(EvidenceError):
    """An audit ended with findings."""

    code = "verification_failed"


class EnvironmentFault(LedgerError):
    """Something outside is missing or slow; trying again is safe."""

    code = "environment"


class GatewayUnreachable(EnvironmentFault):
    """No gateway answers at the configured URL."""

    code = "gateway_unreachable"


class ChainUnreachable(EnvironmentFault):
    """No RPC endpoint answers, or it is on another chain."""

    code = "chain_unreachable"


class BlockMissing(EnvironmentFault):
    """No configured store has this block."""

    code = "block_missing"


class StoreUnavailable(EnvironmentFault):
    """The database or the disk does not answer."""

    code = "store_unavailable"


class StopKept(EnvironmentFault):
    """A gateway took a stop and gives no receipt yet: the stop counts; trying again gets the receipt."""

    code = "stop_kept"


class Undecidable(EnvironmentFault):
    """The facts for a decision are not fresh or not final: refused, fail closed."""

    code = "undecidable"


class RelayQuota(EnvironmentFault):
    """More than may be spent on the chain in a time; in ``retry_after`` seconds there is room again."""

    code = "relay_quota"


class ToolMissing(EnvironmentFault):
    """A program that must be installed first."""

    code = "tool_missing"


class Bug(LedgerError):
    """An invariant of ours is broken."""

    code = "bug"


def leaves(root: type[LedgerError] = LedgerError) -> list[type[LedgerError]]:
    """Every error class below `root` (and `root`), for the total maps to API status and exit code."""
    found = [root]
    for child in root.__subclasses__():
        found.extend(leaves(child))
    return found
