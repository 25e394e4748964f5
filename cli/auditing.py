"""An audit from the command line: where log, chain, key and receipts come from."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cli.inputs import read_source
from cli.output import Output
from cli.session import now
from cli.shapes.audit import AuditReport, LogExported

if TYPE_CHECKING:
    from ledger.audit.sources import LogSource
    from ledger.client.opening import Desk
    from ledger.log.receipt import Receipt

RECEIPT_LIMIT = 4 << 20
LOG_KEY = "log.pub"


def audit(
    desk: "Desk", output: Output, *, export: Path | None, verifier: str | None, receipts: Sequence[Path]
) -> AuditReport:
    """Run the whole procedure. A log key seen for the first time is kept once the audit has found no fault.

    Args:
        desk: an auditor's profile; its RPC is the chain that counts.
        output: for progress.
        export: a directory with a saved log, instead of the gateway.
        verifier: the log's origin and key; the one that this profile saw first, if not given.
        receipts: files, or directories of ``*.receipt.json``, that must be found in the log.

    Raises:
        NotFound, InvalidInput: a file that is missing, or is no receipt.
        Forbidden: the account is not an admitted auditor.
        GatewayUnreachable, ChainUnreachable: log or chain could not be read to the end.
    """
    from ledger.audit.verify import verify

    held = read_receipts(receipts)
    key = verifier or log_key(desk, output)
    with output.progress("Auditing") as progress:
        report = verify(
            source(desk, export),
            desk.directory.refresh(),
            verifier=key,
            now=now(),
            receipts=held,
            progress=progress,
            saved=export is not None,
        )
    if report.ok and desk.state.log_key is None and verifier is None:
        output.talk(f"First audit: from now on this profile trusts the log key {key}")
        desk.state.log_key = key
        desk.state.save()
    return msgspec.convert(report.to_json(), AuditReport)


def source(desk: "Desk", export: Path | None) -> "LogSource":
    """The log: a saved one, or the gateway's.

    Raises:
        NotFound: nothing is saved in that directory.
        NotAdmitted: the gateway shows the whole log only to admitted auditors.
    """
    from ledger.audit.exports import ExportSource
    from ledger.audit.remote import GatewaySource
    from ledger.errors import NotAdmitted
    from ledger.parties import Role

    if export is not None:
        return ExportSource(export)
    if not desk.has_role(Role.AUDITOR):
        raise NotAdmitted(
            "only an admitted auditor is shown the whole log",
            reason="no_auditor",
            fix="Apply with 'consent participant apply --role auditor', or name a saved log with --export.",
        )
    return GatewaySource(desk.gateway)


def save(desk: "Desk", output: Output, directory: Path) -> LogExported:
    """Save the log and the key that this profile checks it with, to be audited later.

    Raises:
        NotAdmitted, GatewayUnreachable: see `source`.
        ProofInvalid: the gateway shows no checkpoint.
        StoreUnavailable: the directory cannot be written.
    """
    from ledger.audit.exports import save_export
    from ledger.client import files

    log = source(desk, None)
    key = log_key(desk, output)
    files.make_private(directory)
    with output.progress("Saving") as progress:
        count = save_export(log, directory, progress)
    path = directory / LOG_KEY
    files.replace(path, f"{key}\n".encode())
    return LogExported(directory=str(directory), entries=count, log_key=str(path))


def log_key(desk: "Desk", output: Output) -> str:
    """The log key that this profile trusts; if it knows none yet, the one that the gateway names, said so.

    Raises:
        InvalidInput: the gateway serves other contracts than this profile is for.
        GatewayUnreachable: it does not answer.
    """
    from ledger.client.receipts import require_network

    if desk.state.log_key is not None:
        return desk.state.log_key
    info = desk.gateway.info()
    require_network(info, desk.deployment)
    output.talk("This profile knows no log key yet, so it takes the one that the gateway names.")
    return info.log_key


def read_receipts(paths: Sequence[Path]) -> "list[Receipt]":
    """The receipts in files and directories."""
    from ledger.canonical import parse_object
    from ledger.log.receipt import Receipt

    files = [
        file for path in paths for file in (sorted(path.glob("*.receipt.json")) if path.is_dir() else [path])
    ]
    return [Receipt.from_json(parse_object(read_source(file, limit=RECEIPT_LIMIT))) for file in files]
