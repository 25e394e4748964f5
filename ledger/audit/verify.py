"""The whole procedure (DESIGN §8): one pass over the log, every named step, nothing believed."""

from collections.abc import Sequence
from datetime import datetime

from ledger.audit.checkpoints import check_note, check_opening, check_sender, origin_in, refused
from ledger.audit.departures import Departures
from ledger.audit.emergencies import Emergencies
from ledger.audit.filings import Filings
from ledger.audit.finality import say
from ledger.audit.ground import Ground, Limits
from ledger.audit.heads import Heads
from ledger.audit.opening import Opening
from ledger.audit.patients import Patients
from ledger.audit.publications import Publications
from ledger.audit.receipts import Receipts
from ledger.audit.releases import Releases
from ledger.audit.replay import Replay
from ledger.audit.report import Report, Step
from ledger.audit.shapes import (
    AnyEntry,
    ConsentFiled,
    ConsentRevoked,
    Decision,
    EmergencyDeclared,
    EmergencyReviewed,
    LogOpened,
    OfPatient,
    PatientMoved,
    PatientSucceeded,
    RecordPublished,
    RecordRefiled,
    Release,
)
from ledger.audit.sources import Gap, LogSource, Progress, Row, walk
from ledger.audit.stops import Stops
from ledger.audit.times import Times
from ledger.audit.trees import Growth, check_anchors, check_tree
from ledger.canonical import hexed
from ledger.chain.events import Anchored
from ledger.chain.index import ChainIndex
from ledger.errors import EvidenceError
from ledger.log.checkpoint import Checkpoint
from ledger.log.receipt import Receipt


def verify(
    source: LogSource,
    chain: ChainIndex,
    *,
    verifier: str,
    now: datetime,
    receipts: Sequence[Receipt] = (),
    progress: Progress | None = None,
    limits: Limits | None = None,
    saved: bool = False,
) -> Report:
    """Audit a log.

    Args:
        source: the log as somebody shows it.
        chain: the chain, read by the auditor before this call.
        verifier: the log's origin and key, from where the auditor trusts it.
        now: the auditor's time, aware.
        receipts: to be found in the log.
        progress: called with entries read and their number.
        limits: what is accepted; `Limits()` if absent.
        saved: the source is a copy made earlier: later anchors are counted as not checked, not as findings.

    Raises:
        InvalidInput: `verifier` is malformed.
        GatewayUnreachable, ChainUnreachable: the log or the chain could not be read to the end.
        LedgerError: what else the source raises.
    """
    ground = Ground(
        chain=chain,
        now=int(now.timestamp() * 1000),
        origin=origin_in(verifier),
        limits=limits or Limits(),
        saved=saved,
    )
    sender = check_sender(ground, ground.origin)
    anchors = [] if sender is None else chain.anchors(sender)
    try:
        checkpoint = check_note(ground, source.checkpoint(), verifier)
    except EvidenceError as exc:
        refused(ground, exc)
        checkpoint = None
    if checkpoint is not None:
        _Audit(ground, checkpoint, anchors, verifier, receipts).run(source, progress)
    return _report(ground, checkpoint)


class _Audit:
    """The steps of one audit, and which of them each entry concerns."""

    def __init__(
        self,
        ground: Ground,
        checkpoint: Checkpoint,
        anchors: Sequence[Anchored],
        verifier: str,
        receipts: Sequence[Receipt],
    ) -> None:
        self._ground = ground
        self._checkpoint = checkpoint
        self._anchors = anchors
        self._verifier = verifier
        patients = Patients()
        self._receipts = Receipts(ground, receipts, verifier)
        anchored = {anchor.new_size for anchor in anchors}
        self._growth = Growth({checkpoint.size} | anchored | self._receipts.sizes)
        self._opening = Opening(ground)
        self._times = Times(ground, Heads(ground), anchors)
        self._filings = Filings(ground, patients)
        self._publications = Publications(ground, patients)
        self._emergencies = Emergencies(ground)
        self._replay = Replay(ground, patients, self._emergencies)
        self._releases = Releases(ground, patients, self._replay, self._emergencies)
        self._stops = Stops(ground, patients)
        self._departures = Departures(ground, patients)
        self._gap = False

    def run(self, source: LogSource, progress: Progress | None) -> None:
        """Every entry once, then what can only be said at the end."""
        size = self._checkpoint.size
        for row in walk(source, size, self._ground.tally, progress):
            if isinstance(row, Gap):
                self._gap = True
                self._growth.end()
            else:
                self._see(row)
        check_tree(self._ground, self._checkpoint, self._growth)
        check_anchors(self._ground, self._checkpoint, self._anchors, self._growth)
        self._opening.settle()
        self._emergencies.settle()
        self._departures.settle()
        self._receipts.settle(size, self._growth)
        say(self._ground, size, self._anchors, self._filings.relied)

    def _see(self, row: Row) -> None:
        self._growth.add(row.leaf)
        self._receipts.pass_by(row.index, row.leaf)
        entry = self._opening.read(row)
        self._check_first(row.index, entry)
        if entry is None:
            return
        view = self._times.check(row.index, entry)
        blocks = () if view is None else view.blocks
        complete = not self._gap and not self._opening.withheld(row.tag)
        if isinstance(entry, OfPatient):
            self._check(row.index, entry, blocks, complete=complete)

    def _check_first(self, index: int, entry: AnyEntry | None) -> None:
        if isinstance(entry, LogOpened):
            check_opening(self._ground, index, entry, self._verifier)
            if index == 0:
                self._times.max_head_age = entry.max_head_age
        elif index == 0:
            self._ground.tally.find(
                Step.CHECKPOINT,
                0,
                expected="the entry that opens this log",
                found="none" if entry is None else "another entry",
                meaning="The log does not say which log it is, nor by which limits its gateway decides.",
            )

    def _check(self, index: int, entry: OfPatient, blocks: tuple[int, ...], *, complete: bool) -> None:
        self._departures.act(index, entry)
        match entry:
            case ConsentFiled():
                self._filings.file(index, entry)
            case ConsentRevoked():
                self._stops.stop(index, entry, complete=complete)
            case RecordPublished():
                self._publications.publish(index, entry, complete=complete)
            case RecordRefiled():
                self._publications.refile(index, entry, complete=complete)
            case Decision():
                self._filings.rely(index, entry, blocks, complete=complete)
                self._replay.check(index, entry, blocks, complete=complete)
                self._publications.decided(index, entry)
                self._releases.permit(index, entry, blocks, self._times.max_head_age)
            case EmergencyDeclared():
                self._emergencies.declare(index, entry)
            case EmergencyReviewed():
                self._emergencies.review(index, entry, blocks, complete=complete)
            case PatientSucceeded():
                self._departures.succeed(index, entry, blocks)
            case PatientMoved():
                self._departures.move(index, entry)
            case Release():
                self._releases.release(index, entry, complete=complete)


def _report(ground: Ground, checkpoint: Checkpoint | None) -> Report:
    tip, final = ground.chain.tip, ground.chain.finalized
    return Report(
        origin=ground.origin,
        size=None if checkpoint is None else checkpoint.size,
        root=None if checkpoint is None else hexed(checkpoint.root),
        chain_id=ground.chain_id,
        number=None if tip is None else tip.number,
        block=None if tip is None else tip.hash,
        final=None if final is None else final.number,
        at=ground.now,
        steps=ground.tally.results,
        findings=ground.tally.findings,
        notes=ground.tally.notes,
    )
