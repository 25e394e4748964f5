"""How an error reads: one block on stderr that says what, where, and what to do next; or the same as JSON."""

import re
import sys
import traceback

from cli.exits import Exit, exit_of
from cli.output import encode, tell
from cli.shapes import Failure, FailureDetail
from ledger import errors

_WORD = re.compile(r"[a-z]+[,:;]?")

GATEWAY_AT_FAULT = "Do not rely on what this gateway says; keep the files and tell its operator."

NEXT: dict[type[errors.LedgerError], str] = {
    errors.SignInRequired: "Run the command again; it signs in anew.",
    errors.SignInRefused: "Check this machine's clock, and that --gateway is the gateway's own address.",
    errors.KeyLocked: "Check the passphrase. It can be typed, or named with --passphrase-file.",
    errors.NotAdmitted: "See who is admitted, and for what: consent participant list",
    errors.AccessDenied: "Ask the patient: consent request send PATIENT --class CLASS --purpose PURPOSE",
    errors.BlockCorrupt: "A copy of a record is damaged where it is kept. See which: consent record verify",
    errors.SignatureInvalid: GATEWAY_AT_FAULT,
    errors.CommitmentMismatch: GATEWAY_AT_FAULT,
    errors.CapsuleInvalid: GATEWAY_AT_FAULT,
    errors.RecordCorrupt: GATEWAY_AT_FAULT,
    errors.ProofInvalid: GATEWAY_AT_FAULT,
    errors.EvidenceError: "Do not rely on it. Keep the files, and show them to an auditor.",
    errors.GatewayUnreachable: "Is it running? Start one with 'consent up', or name another with --gateway.",
    errors.ChainUnreachable: "Is the node running, and on the right chain? Name another with --rpc.",
    errors.BlockMissing: "Try again when the store that has it is back: consent record verify",
    errors.StoreUnavailable: "Check the disk and its permissions, then try again.",
    errors.StopKept: "The stop counts. Run the same command again, later, for its receipt.",
    errors.Undecidable: "Try again when the chain has moved on.",
    errors.ToolMissing: "Install it, then try again.",
    errors.DocumentRejected: "Mend the element that is named, then look again: consent policy validate FILE",
    errors.BundleRejected: "Give FHIR R4 in JSON. A bundle to publish has exactly one Patient.",
    errors.CallerError: "See the command's --help.",
    errors.EnvironmentFault: "Try again in a moment.",
    errors.LedgerError: "This is a fault of the program. Run again with -v and report what it says.",
}
"""What to do next where the error itself does not say it; a class not here counts as its nearest parent."""


def failure_of(error: BaseException, where: str) -> tuple[Failure, Exit]:
    """Any exception as data, with its exit code. `where` is the command."""
    if isinstance(error, errors.LedgerError):
        detail = FailureDetail(
            code=error.code,
            reason=error.reason,
            message=error.message,
            fix=error.fix or next(NEXT[parent] for parent in type(error).__mro__ if parent in NEXT),
            where=", ".join([where, *(f"{name} {value}" for name, value in error.fields.items() if value)]),
        )
        return Failure(error=detail), exit_of(type(error))
    name = type(error).__name__
    detail = FailureDetail(
        code="unexpected",
        reason=name,
        message=f"something went wrong that should not ({name})",
        fix=NEXT[errors.LedgerError],
        where=where,
    )
    return Failure(error=detail), Exit.UNEXPECTED


def usage_failure(message: str, where: str) -> Failure:
    """What the argument parser refused."""
    detail = FailureDetail(
        code="usage", reason="usage", message=message, fix=f"See: {where} --help", where=where
    )
    return Failure(error=detail)


def report(failure: Failure, *, json: bool, trace: BaseException | None = None) -> None:
    """Print a failure, after the trace of the exception if one is given."""
    tell(failure)
    if trace is not None:
        traceback.print_exception(trace, file=sys.stderr)
    if json:
        print(encode(failure))
    else:
        print(text_of(failure), file=sys.stderr, flush=True)


def text_of(failure: Failure) -> str:
    """The block for people."""
    error = failure.error
    message = _sentence(error.message)
    return f"Error: {message}\n  where: {error.where}\n  next:  {error.fix}\n  code:  {_code(error)}"


def _sentence(message: str) -> str:
    """A message with a capital at its start, unless it starts with a name, which stays as it is written."""
    first = message.partition(" ")[0]
    return message[:1].upper() + message[1:] if _WORD.fullmatch(first) else message


def _code(error: FailureDetail) -> str:
    return error.code if error.reason in {"", error.code} else f"{error.code} ({error.reason})"
