"""The main job as six steps. Everybody has a profile; every command is one that they would type."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cli.demo.sources import Sources, digests
from cli.demo.stage import Stage
from cli.demo.tampering import flip_byte
from cli.exits import Exit
from cli.shapes.audit import AuditReport
from cli.shapes.base import Failure
from cli.shapes.consents import (
    ConsentFiled,
    ConsentShown,
    ConsentStopped,
    HistoryShown,
    ParticipantList,
    RequestList,
    RequestSent,
    RequestShown,
)
from cli.shapes.people import IdentityShown
from cli.shapes.records import RecordsAdded, RecordsRead, RecordsVerified
from ledger.ids import Did
from ledger.records.bundle import extract_resources

EXCEPTED = "PSY"
FAST = ("--work-factor", "14")
HOSPITAL, PHARMACY, AUDITOR, GATEWAY = "City Hospital", "Corner Pharmacy", "Ada Audit", "Demo gateway"


@dataclass(slots=True)
class Story:
    """The six steps; each leaves behind what the next ones need. They run in the working directory."""

    stage: Stage
    sources: Sources
    database: Path
    alice: Did = field(default=Did(""))
    consent: str = ""
    released: int = 0

    def tell(self) -> None:
        """All of it, in order.

        Raises:
            StoryFailed: a command ended otherwise than it must, or a fact does not hold.
        """
        steps: tuple[Callable[[], None], ...] = (
            self.identities,
            self.publishing,
            self.agreeing,
            self.reading,
            self.stopping,
            self.auditing,
        )
        for step in steps:
            step()

    def identities(self) -> None:
        """Keys for everybody, and the directory on chain."""
        stage = self.stage
        stage.step(
            "Who is who",
            "A patient, two providers, an auditor and a gateway. Each has keys of their own; providers,\n"
            "auditor and gateway are admitted to the directory on chain.",
        )
        self.alice = self._identity("alice")
        words = Path("alice.words").read_text("ascii").split()
        stage.fact(len(words) == 24, "24 words were written; they alone bring this identity back")
        self._participant("clinic", "--name", HOSPITAL, "--role", "provider")
        self._participant("pharmacy", "--name", PHARMACY, "--role", "provider")
        self._participant("auditor", "--name", AUDITOR, "--role", "auditor", "--kind", "person")
        self._admit("gateway", "gateway", "apply", "--name", GATEWAY)
        listed = stage.answer(ParticipantList, "participant", "list")
        roles = {part.name: part.roles for part in listed.participants if not part.suspended}
        wanted = {HOSPITAL: ["provider"], PHARMACY: ["provider"], AUDITOR: ["auditor"], GATEWAY: ["gateway"]}
        stage.fact(roles == wanted, "the chain has all four in its directory, each with its own role")
        card = Path("alice.card")
        stage.command("-p", "alice", "identity", "show", "--card", "--name", "Alice", into=card)
        for provider in ("clinic", "pharmacy"):
            stage.command("-p", provider, "contact", "add", "alice", str(card))

    def publishing(self) -> None:
        """Bundle and supplement, encrypted and published."""
        stage = self.stage
        stage.step(
            "Alice publishes her records",
            "The bundle is split, marked, encrypted and kept as blocks by CID. A supplement adds a mental\n"
            "health, an alcohol and an HIV resource of the same patient.",
        )
        Path("bundle.json").write_bytes(self.sources.bundle)
        Path("supplement.json").write_bytes(self.sources.supplement)
        added = stage.answer(
            RecordsAdded, "-p", "alice", "record", "add", "bundle.json", "supplement.json"
        ).records
        published, total = sum(part.resources for part in added), self.sources.resources().total()
        stage.fact(published == total, f"{published} of {total} resources are published")
        stage.fact(len({part.root for part in added}) == len(added), "each record has a CID of its own")
        marks = {label for part in added for label in part.labels}
        stage.fact(marks >= {"PSY", "ETH", "HIV"}, "PSY, ETH and HIV are among the marks")
        checked = stage.answer(RecordsVerified, "-p", "alice", "record", "verify")
        stage.fact(checked.ok and len(checked.records) == len(added), "every block is there and whole")

    def agreeing(self) -> None:
        """Refused, asked, previewed, signed, on chain."""
        stage = self.stage
        stage.step(
            f"{HOSPITAL} asks, Alice agrees",
            "Without a consent the hospital is refused. It asks; Alice sees who would see what, reads the\n"
            f"text and signs it, except for what is marked {EXCEPTED}.",
        )
        self._refused("-p", "clinic", "read", "alice", "--purpose", "TREAT")
        asking = ("--purpose", "TREAT", "--until", "90d", "--note", "For your visit on Monday")
        sent = stage.answer(RequestSent, "-p", "clinic", "request", "send", "alice", *asking)
        inbox = stage.answer(RequestList, "-p", "alice", "request", "list")
        stage.fact([part.request for part in inbox.requests] == [sent.request], "it is in Alice's inbox")
        request = sent.request[:9]
        shown = stage.answer(RequestShown, "-p", "alice", "request", "show", request)
        stage.fact(
            HOSPITAL in (shown.statement or ""), "the text has the name that the directory vouches for"
        )
        answer = ("--except", EXCEPTED, "--yes", "--wait", "seen")
        filed = stage.answer(ConsentFiled, "-p", "alice", "request", "approve", request, *answer)
        self.consent = filed.consent
        stage.fact(bool(filed.chain.transaction), f"the gateway relayed it for {filed.chain.gas_used:,} gas")
        state = stage.answer(ConsentShown, "-p", "alice", "show", filed.consent[:10])
        stage.fact(state.consent.on_chain == "active", "the registry on chain says: active")
        stage.fact(state.statement == filed.statement, "the text on file is the text that was signed")

    def reading(self) -> None:
        """What is shared arrives byte for byte, what is excepted does not, and nobody else gets in."""
        stage = self.stage
        stage.step(
            f"{HOSPITAL} reads",
            "A signed request, a decision, a release, and every byte verified. Others, and other purposes,\n"
            "are refused.",
        )
        read = stage.answer(
            RecordsRead, "-p", "clinic", "read", "alice", "--purpose", "TREAT", "--to", "hospital"
        )
        self.released = read.receipts[-1]
        resources = extract_resources(Path(str(read.saved)).read_bytes())
        found, closed = digests(resources), self.sources.marked(self.alice, EXCEPTED)
        expected = self.sources.resources() - closed
        same, wanted = (found & expected).total(), expected.total()
        stage.fact(found == expected, f"{same} of {wanted} resources have the SHA-256 of the original")
        whole = all(self.sources.holds(raw) for _, raw in resources)
        stage.fact(whole, "each stands byte for byte in the source")
        kept = closed.total() > 0 and not found & closed
        stage.fact(kept, f"none of the {closed.total()} resources marked {EXCEPTED} is among them")
        self._refused("-p", "pharmacy", "read", "alice", "--purpose", "TREAT")
        self._refused("-p", "clinic", "read", "alice", "--purpose", "HMARKT")

    def stopping(self) -> None:
        """At once at the gateway, then on chain; and who saw what."""
        stage = self.stage
        stage.step(
            "Alice stops it",
            "It counts at once, before the chain has heard of it. Then the chain says so too.",
        )
        stopped = stage.answer(ConsentStopped, "-p", "alice", "revoke", self.consent[:10], "--yes")
        self._refused("-p", "clinic", "read", "alice", "--purpose", "TREAT")
        state = stage.answer(ConsentShown, "-p", "alice", "show", self.consent[:10], "--wait", "final")
        stop = state.consent.stop
        final = state.consent.on_chain == "ended" and stop is not None and stop.state == "final"
        stage.fact(final, "the registry on chain says: ended; and that is final")
        seen = stage.answer(HistoryShown, "-p", "alice", "patient", "history").disclosures
        given = [line.person.name for line in seen if line.kind == "release"]
        stage.fact(given == [HOSPITAL], f"{HOSPITAL} was given records, once, and nobody else was")
        refused = {line.person.name for line in seen if line.outcome != "PERMIT"}
        stage.fact(refused == {HOSPITAL, PHARMACY}, "the history also shows who was refused")
        entry = stopped.log_index or 0
        late = [line for line in seen if line.index > entry and line.outcome == "PERMIT"]
        stage.fact(not late, f"nothing was permitted after the stop, log entry {entry}")

    def auditing(self) -> None:
        """All is well; then a byte is changed, and all is not."""
        stage = self.stage
        stage.step(
            "Ada audits",
            "She trusts neither the gateway nor its database: the log is checked against itself, the chain\n"
            "and the receipts of others, and every decision is made again.",
        )
        receipts = [
            word for who in ("alice", "clinic") for word in ("--receipts", f"profiles/{who}/receipts")
        ]
        verify = ("-p", "auditor", "audit", "verify", *receipts)
        report = stage.answer(AuditReport, *verify)
        counts = {step.step: step.checked for step in report.steps}
        stage.fact(report.ok and min(counts.values()) > 0, f"all {len(counts)} steps hold, none was empty")
        place = flip_byte(self.database, self.released)
        entry = f"entry {self.released}"
        stage.remark(f"Somebody changes byte {place} of {entry}, the release, in the gateway's database.")
        failed = stage.answer(AuditReport, *verify, expect=Exit.AUDIT_ENTRY)
        places = {finding.index for finding in failed.findings if finding.step == "ENTRY"}
        stage.fact(
            places == {self.released}, f"it is caught: step ENTRY, {entry}, exit code {failed.exit_code}"
        )

    def _identity(self, who: str) -> Did:
        made = self.stage.answer(
            IdentityShown, "-p", who, "identity", "create", *FAST, "--words-to", f"{who}.words"
        )
        return Did(str(made.did))

    def _participant(self, who: str, *application: str) -> None:
        self._identity(who)
        self._admit(who, "-p", who, "participant", "apply", *application)

    def _admit(self, who: str, *application: str) -> None:
        path = Path(f"{who}.application")
        self.stage.command(*application, into=path)
        self.stage.command("participant", "admit", str(path), "--yes")

    def _refused(self, *command: str) -> None:
        failure = self.stage.answer(Failure, *command, expect=Exit.DENIED)
        self.stage.fact(failure.error.reason == "no_consent", "refused: nothing covers it")
