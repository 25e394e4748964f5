"""Where a log comes from: a journal, an export in a directory, and sources that misbehave."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.audit import Gap, LogSource, Row, Step
from ledger.audit.exports import ENTRIES, ExportSource, save_export
from ledger.audit.sources import walk
from ledger.audit.tally import Tally
from ledger.audit.verify import verify
from ledger.errors import InvalidInput, NotFound, ProofInvalid
from ledger.log.journal import Journal
from ledger.store.database import Database
from ledger.store.vault import MemoryDataKeys, Vault
from tests.audit.acts import KEY, NOW
from tests.audit.findings import caught, passed
from tests.audit.world import Line, ListSource, World
from tests.databases import made_at


@dataclass
class JournalSource:
    """What a journal has in its database."""

    journal: Journal

    def checkpoint(self) -> str:
        return self.journal.checkpoint()

    def entries(self, start: int, end: int) -> list[Row]:
        return [
            Row(index=one.index, tag=one.tag, inner=one.inner, leaf=one.leaf, salt=one.salt, entry=one.entry)
            for one in self.journal.entries(start, end)
        ]


class TestJournal:
    def test_what_the_journal_writes_is_verified(self, world: World, tmp_path: Path) -> None:
        """The clean story, sequenced, stamped, sealed and signed by the journal itself."""
        url = made_at(tmp_path / "log.sqlite")
        database, keys = Database(url), MemoryDataKeys()
        moments = [line.entry["time"] for line in world.lines]
        clock = iter(datetime.fromtimestamp(moment / 1000, UTC) for moment in moments)
        journal = Journal(database, Vault(keys, b"l" * 32), KEY, clock=lambda: next(clock))
        written = World(events=world.events, anchors=world.anchors)
        for line in world.lines:
            if any(line.tag) and keys.key(line.tag) is None:
                keys.create(line.tag)
            body = {name: value for name, value in line.entry.items() if name != "time"}
            appended = journal.append(line.tag, body)
            written.lines.append(Line(tag=line.tag, entry=line.entry, salt=appended.salt))
        report = verify(
            JournalSource(journal),
            written.chain(),
            verifier=journal.verifier,
            now=NOW,
            receipts=[journal.receipt(index) for index in range(journal.size)],
        )
        database.close()
        passed(report)
        assert report.result(Step.ANCHOR).checked == 3


class TestExport:
    def test_an_export_is_audited_without_its_gateway(self, world: World, tmp_path: Path) -> None:
        seen: list[int] = []
        count = save_export(world.source(), tmp_path / "log", lambda done, total: seen.append(done))
        assert count == seen[-1] == len(world.lines)
        export = ExportSource(tmp_path / "log")
        for _ in range(2):
            passed(verify(export, world.chain(), verifier=KEY.verifier, now=NOW))

    def test_an_erased_entry_stays_closed_in_an_export(self, world: World, tmp_path: Path) -> None:
        world.lines[3].erased = True
        save_export(world.source(), tmp_path)
        report = verify(ExportSource(tmp_path), world.chain(), verifier=KEY.verifier, now=NOW)
        caught(report, Step.ENTRY, 3)

    def test_a_line_dropped_from_an_export(self, world: World, tmp_path: Path) -> None:
        save_export(world.source(), tmp_path)
        lines = (tmp_path / ENTRIES).read_bytes().splitlines(keepends=True)
        del lines[5]
        (tmp_path / ENTRIES).write_bytes(b"".join(lines))
        report = verify(ExportSource(tmp_path), world.chain(), verifier=KEY.verifier, now=NOW)
        caught(report, Step.TREE)
        caught(report, Step.COMPLETE, 5, first=False)

    def test_the_lines_of_an_export_turned_round(self, world: World, tmp_path: Path) -> None:
        save_export(world.source(), tmp_path)
        lines = (tmp_path / ENTRIES).read_bytes().splitlines(keepends=True)
        (tmp_path / ENTRIES).write_bytes(b"".join(reversed(lines)))
        report = verify(ExportSource(tmp_path), world.chain(), verifier=KEY.verifier, now=NOW)
        caught(report, Step.COMPLETE, first=False)

    @pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"not json\n", b'{"index":-1}\n', b'{"index":"1"}\n'])
    def test_a_line_that_is_no_row(self, world: World, tmp_path: Path, line: bytes) -> None:
        save_export(world.source(), tmp_path)
        path = tmp_path / ENTRIES
        path.write_bytes(path.read_bytes() + line)
        world.lines.append(world.lines[-1])
        with pytest.raises(InvalidInput, match=f"line {len(world.lines)} "):
            verify(_longer(tmp_path, world), world.chain(), verifier=KEY.verifier, now=NOW)

    @pytest.mark.parametrize(
        "row", ['{"index":0}', '{"index":0,"tag":7,"leaf":"0xzz","salt":"","entry":"\\ud800"}']
    )
    def test_a_row_without_its_parts_is_a_finding(self, world: World, tmp_path: Path, row: str) -> None:
        save_export(world.source(), tmp_path)
        lines = (tmp_path / ENTRIES).read_text().splitlines()
        (tmp_path / ENTRIES).write_text("\n".join([row, *lines[1:]]))
        report = verify(ExportSource(tmp_path), world.chain(), verifier=KEY.verifier, now=NOW)
        caught(report, Step.ENTRY, 0, first=False)

    def test_a_directory_without_an_export(self, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            ExportSource(tmp_path)

    def test_a_source_without_a_checkpoint_is_not_saved(self, world: World, tmp_path: Path) -> None:
        source = world.source()
        source.note = "nothing"
        with pytest.raises(ProofInvalid):
            save_export(source, tmp_path / "log")
        assert not (tmp_path / "log").exists()


def _longer(directory: Path, world: World) -> LogSource:
    """An export with the note of a log that is one entry longer."""
    (directory / "checkpoint").write_text(world.source().note)
    return ExportSource(directory)


@dataclass
class Scripted:
    """A source that answers by a script: indices, whatever was asked."""

    answers: list[list[int]]
    asked: list[tuple[int, int]] = field(default_factory=list)

    def checkpoint(self) -> str:
        return ""

    def entries(self, start: int, end: int) -> list[Row]:
        self.asked.append((start, end))
        indices = self.answers[len(self.asked) - 1] if len(self.asked) <= len(self.answers) else []
        return [Row(index=index, tag=b"", inner=b"", leaf=b"") for index in indices]


class TestWalk:
    @pytest.mark.parametrize(
        ("size", "answers", "walked", "findings"),
        [
            (0, [], [], 0),
            (3, [[0, 1, 2]], [0, 1, 2], 0),
            (3, [[0], [1], [2]], [0, 1, 2], 0),
            (3, [[0, 2]], [0, (1, 2), 2], 1),
            (3, [[0, 1]], [0, 1, (2, 3)], 1),
            (3, [[]], [(0, 3)], 1),
            (3, [[2, 1, 0]], [(0, 2), 2], 3),
            (3, [[0, 0, 1, 2]], [0, 1, 2], 1),
            (3, [[7, 8], []], [(0, 3)], 3),
            (3, [[0], [0], [1]], [0, (1, 3)], 2),
            (20_000, [], [*((start, start + 512) for start in range(0, 8192, 512)), (8192, 20_000)], 17),
            (600, [[], list(range(512, 600))], [(0, 512), *range(512, 600)], 1),
        ],
    )
    def test_every_index_comes_once_as_a_row_or_in_a_gap(
        self, size: int, answers: list[list[int]], walked: list[int | tuple[int, int]], findings: int
    ) -> None:
        tally, source = Tally(), Scripted(answers)
        found = [
            (item.start, item.end) if isinstance(item, Gap) else item.index
            for item in walk(source, size, tally)
        ]
        assert found == walked
        result = next(result for result in tally.results if result.step is Step.COMPLETE)
        assert result.findings == findings
        assert result.checked == sum(isinstance(item, int) for item in walked)

    def test_a_source_that_answers_nonsense_does_not_hold_the_auditor(self) -> None:
        source = Scripted([[5]] * 10_000)
        list(walk(source, 2000, Tally()))
        assert len(source.asked) < 20

    def test_the_in_memory_source_is_a_source(self) -> None:
        source: LogSource = ListSource(note="", rows=[])
        assert source.entries(0, 1) == []
