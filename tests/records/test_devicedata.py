"""A device's file is cut by day; no byte of a row is changed, and the days together are the file."""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import InvalidInput, LedgerError, NotFound, UnknownCode
from ledger.ids import Did
from ledger.records.devicedata import day_records
from ledger.records.prepared import Prepared

PATIENT = Did("did:pkh:eip155:31337:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
HEAD = b"timestamp,bpm,note\n"


def cut(path: Path, raw: bytes, **more: object) -> dict[str, bytes]:
    path.write_bytes(raw)
    return contents(day_records(path, patient=PATIENT, record_class="vitals", **more))  # type: ignore[arg-type]


def contents(records: Sequence[Prepared]) -> dict[str, bytes]:
    found = {str(one.header.date): b"".join(one.plaintext()) for one in records}
    assert [len(raw) for raw in found.values()] == [one.header.size for one in records]
    assert list(found) == sorted(found)
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heart.csv"


def test_each_day_has_the_header_line_and_its_rows(path: Path) -> None:
    raw = HEAD + b"2026-05-03T08:00:00Z,61,\n2026-05-03T09:00:00Z,62,\r\n2026-05-04T08:00:00Z,63,x"
    assert cut(path, raw) == {
        "2026-05-03": HEAD + b"2026-05-03T08:00:00Z,61,\n2026-05-03T09:00:00Z,62,\r\n",
        "2026-05-04": HEAD + b"2026-05-04T08:00:00Z,63,x",
    }


def test_the_header_of_a_day_says_which_and_nothing_of_the_rows(path: Path) -> None:
    path.write_bytes(HEAD + b"2026-05-03,61,\n")
    (one,) = day_records(path, patient=PATIENT, record_class="vitals", labels=["PSY"])
    header = one.header
    assert (header.kind, header.name, header.date) == ("file", "heart.2026-05-03.csv", "2026-05-03")
    assert (header.record_class, header.media_type, header.compression) == ("8716-3", "text/csv", "zstd")
    assert (header.labels, header.confidentiality) == (("PSY",), "R")


def test_rows_out_of_order_go_to_their_days_in_the_order_of_the_source(path: Path) -> None:
    raw = HEAD + b"2026-05-04,1,\n2026-05-03,2,\n2026-05-04,3,\n"
    assert cut(path, raw) == {
        "2026-05-03": HEAD + b"2026-05-03,2,\n",
        "2026-05-04": HEAD + b"2026-05-04,1,\n2026-05-04,3,\n",
    }


def test_a_mark_breaks_blank_lines_and_quoted_breaks_stay_as_they_are(path: Path) -> None:
    head = b"\xef\xbb\xbf\r\n" + HEAD + b"\r\n"
    first = b'2026-05-03,61,"a ""quoted""\nnote, 2026-05-09"\r\n\r\n'
    second = b"2026-05-04,62,\n\n"
    assert cut(path, head + first + second) == {"2026-05-03": head + first, "2026-05-04": head + second}


@pytest.mark.parametrize(
    ("head", "row", "media_type"),
    [
        (b"Date;Time;Value\n", b"2026-05-03;08:15;1,5\n", "text/csv"),
        (b"value\tRecorded At\n", b"1,5\t2026-05-03 08:15\n", "text/tab-separated-values"),
        (b'"Start Time","x"\n', b'"2026-05-03 08:15","1"\n', "text/csv"),
    ],
)
def test_common_tables_are_understood(path: Path, head: bytes, row: bytes, media_type: str) -> None:
    path.write_bytes(head + row)
    (one,) = day_records(path, patient=PATIENT, record_class="devices")
    assert (one.header.date, one.header.media_type) == ("2026-05-03", media_type)


def test_lines_of_json_are_cut_too(tmp_path: Path) -> None:
    lines = [b'{"t":{"at":1777807800},"v":170.0}\n', b'\n {"t": {"at": "2026-05-04T01:00:00Z"}}\r\n']
    assert cut(tmp_path / "a.ndjson", b"".join(lines), time_field="t.at") == {
        "2026-05-03": lines[0] + b"\n",
        "2026-05-04": lines[1][1:],
    }
    assert list(cut(tmp_path / "b.jsonl", b'{"Time.Stamp":"2026-05-03"}')) == ["2026-05-03"]


def test_times_of_nowhere_are_in_the_zone(path: Path) -> None:
    raw = HEAD + b"2026-05-03T22:30:00Z,1,\n"
    assert list(cut(path, raw)) == ["2026-05-03"]
    assert list(cut(path, raw, zone=ZoneInfo("Europe/Berlin"))) == ["2026-05-04"]


def test_names_of_columns_are_labelled(path: Path) -> None:
    path.write_bytes(b"date,HIV_viral_load\n2026-05-03,0\n")
    (one,) = day_records(path, patient=PATIENT, record_class="vitals")
    assert (one.header.labels, one.header.confidentiality) == (("HIV",), "R")


@pytest.mark.parametrize(
    ("raw", "reason", "line"),
    [
        (b"", "no_rows", None),
        (b"\xef\xbb\xbf\n\n", "no_rows", None),
        (HEAD, "no_rows", None),
        (b"when,bpm\n2026-05-03,1\n", "no_time_field", None),
        (HEAD + b"2026-05-03,1,\n\nsoon,2,\n", "bad_row", 4),
        (HEAD + b'2026-05-03,1,"a\nb"\n05/03/2026,1,\n', "bad_row", 4),
        (HEAD + b'2026-05-03,1,\n2026-05-03,"1,\n', "bad_row", 3),
        (HEAD + b"2026-05-03,1\n", "bad_row", 2),
        (HEAD + b"2026-05-03,1," + b"x" * (1 << 20) + b"\n", "bad_row", 2),
        (b'{"time":"2026-05-03"}\n{"time":null}\n', "bad_row", 2),
        (b'{"time":"2026-05-03"}\n[1]\n', "bad_row", 2),
        (b'{"time":"2026-05-03"\n', "bad_row", 1),
        (b'{"time":true}\n', "bad_row", 1),
    ],
)
def test_what_cannot_be_cut_is_refused_with_its_line(
    path: Path, raw: bytes, reason: str, line: int | None
) -> None:
    with pytest.raises(InvalidInput) as caught:
        cut(path, raw)
    assert (caught.value.reason, caught.value.fields.get("line")) == (reason, line)
    assert "soon" not in caught.value.message


def test_a_field_that_is_named_must_be_there(path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        cut(path, HEAD + b"2026-05-03,1,\n", time_field="Timestamp")
    assert caught.value.reason == "no_time_field"
    with pytest.raises(UnknownCode):
        cut(path, HEAD + b"2026-05-03,1,\n", labels=["SECRET"])
    with pytest.raises(NotFound):
        day_records(path.with_name("nope"), patient=PATIENT, record_class="vitals")


def test_a_file_that_became_shorter_gives_too_few_bytes(path: Path) -> None:
    path.write_bytes(HEAD + b"2026-05-03,61,\n")
    (one,) = day_records(path, patient=PATIENT, record_class="vitals")
    path.write_bytes(HEAD)
    assert len(b"".join(one.plaintext())) < one.header.size


NOTE = st.text(st.sampled_from('a,;"\n\r é'), max_size=6).map(
    lambda text: '"' + text.replace('"', '""') + '"'
)
ROW = st.tuples(st.integers(1, 4), NOTE, st.sampled_from(["\n", "\r\n", "\n\n", "\r\n \r\n"]))


@given(found=st.lists(ROW, min_size=1, max_size=12), ordered=st.booleans())
def test_every_row_is_in_exactly_one_day_and_days_in_order_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, str, str]], ordered: bool
) -> None:
    path = tmp_path_factory.mktemp("days") / "a.csv"
    listed = sorted(found, key=lambda row: row[0]) if ordered else found
    rows = [
        (f"2026-05-0{day}", f"2026-05-0{day}T08:00:00,1,{note}{end}".encode()) for day, note, end in listed
    ]
    days = cut(path, HEAD + b"".join(raw for _, raw in rows))
    assert days == {
        day: HEAD + b"".join(raw for own, raw in rows if own == day)
        for day in sorted({own for own, _ in rows})
    }
    together = HEAD + b"".join(raw.removeprefix(HEAD) for raw in days.values())
    assert len(together) == path.stat().st_size
    if ordered:
        assert together == path.read_bytes()


@given(raw=st.binary(max_size=200))
def test_no_bytes_make_it_fail_in_another_way(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("days") / "a.csv"
    for text in (raw, HEAD + raw, b'{"time":"2026-05-03"}\n' + raw):
        try:
            days = cut(path, text)
        except LedgerError:
            continue
        assert sum(map(len, days.values())) >= len(text)
