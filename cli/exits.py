"""Exit codes: what a script may rely on.

Codes 13 to 21 say in which step of ``consent audit verify`` the first finding lies.
"""

from enum import IntEnum

from ledger import errors


class Exit(IntEnum):
    """How a command ended."""

    OK = 0  # done, permitted, verified
    UNEXPECTED = 1  # a bug of ours
    USAGE = 2  # the request is wrong; nothing was changed
    RETRY = 3  # something outside is missing or slow; safe to try again
    KEY = 4  # a passphrase, key or sign-in is needed
    DECLINED = 5  # the user said no, or could not be asked
    FAILED = 10  # a proof does not hold
    DENIED = 11  # no consent, revoked, expired, not admitted
    UNDECIDED = 12  # not final, data missing, stale head
    AUDIT_CHECKPOINT = 13
    AUDIT_TREE = 14
    AUDIT_ANCHOR = 15
    AUDIT_ENTRY = 16
    AUDIT_TIME = 17
    AUDIT_CONSENT = 18
    AUDIT_REPLAY = 19
    AUDIT_RELEASE = 20
    AUDIT_COMPLETE = 21
    INTERRUPTED = 130  # Ctrl-C


EXITS: dict[type[errors.LedgerError], Exit] = {
    errors.LedgerError: Exit.UNEXPECTED,
    errors.CallerError: Exit.USAGE,
    errors.InvalidInput: Exit.USAGE,
    errors.DocumentRejected: Exit.USAGE,
    errors.BundleRejected: Exit.USAGE,
    errors.UnknownCode: Exit.USAGE,
    errors.NotFound: Exit.USAGE,
    errors.Conflict: Exit.USAGE,
    errors.TooLarge: Exit.USAGE,
    errors.AuthenticationError: Exit.KEY,
    errors.SignInRequired: Exit.KEY,
    errors.SignInRefused: Exit.KEY,
    errors.KeyLocked: Exit.KEY,
    errors.Refusal: Exit.DENIED,
    errors.Forbidden: Exit.DENIED,
    errors.NotAdmitted: Exit.DENIED,
    errors.AccessDenied: Exit.DENIED,
    errors.EmergencyQuota: Exit.DENIED,
    errors.Declined: Exit.DECLINED,
    errors.EvidenceError: Exit.FAILED,
    errors.SignatureInvalid: Exit.FAILED,
    errors.CommitmentMismatch: Exit.FAILED,
    errors.BlockCorrupt: Exit.FAILED,
    errors.CapsuleInvalid: Exit.FAILED,
    errors.RecordCorrupt: Exit.FAILED,
    errors.ProofInvalid: Exit.FAILED,
    errors.VerificationFailed: Exit.FAILED,
    errors.EnvironmentFault: Exit.RETRY,
    errors.GatewayUnreachable: Exit.RETRY,
    errors.ChainUnreachable: Exit.RETRY,
    errors.BlockMissing: Exit.UNDECIDED,
    errors.StoreUnavailable: Exit.RETRY,
    errors.StopKept: Exit.RETRY,
    errors.Undecidable: Exit.UNDECIDED,
    errors.RelayQuota: Exit.RETRY,
    errors.ToolMissing: Exit.RETRY,
    errors.Bug: Exit.UNEXPECTED,
}
"""Every error class of `ledger.errors`; a subclass defined elsewhere counts as its nearest parent."""


def exit_of(error: type[errors.LedgerError]) -> Exit:
    """The exit code of an error class."""
    return next(EXITS[parent] for parent in error.__mro__ if parent in EXITS)
