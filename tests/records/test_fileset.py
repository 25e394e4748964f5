"""Several files as one record: a deterministic archive, and nothing else is unpacked."""

import io
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.durable import appearing_directory
from ledger.errors import InvalidInput, LedgerError, NotFound, RecordCorrupt, StoreUnavailable
from ledger.ids import Did
from ledger.records.blocks import MemoryBlockStore
from ledger.records.fileset import MAX_MEMBERS, SUMS, Member, pack, packed_size, unpack
from ledger.records.header import RecordHeader
from ledger.records.opening import open_file_set
from ledger.records.publish import publish

CONTENTS = {"a": b"", "b/IM0001": b"first" * 300, "b/IM0002": b"x" * 512, "ü.dcm": b"\x00\xff"}


def members_of(folder: Path, contents: dict[str, bytes]) -> list[Member]:
    members = []
    for name, data in contents.items():
        path = folder.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        members.append(Member(name=name, path=path, size=len(data)))
    return members


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    return b"".join(pack(members_of(tmp_path / "in", CONTENTS)))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir()
    return place


def test_what_was_packed_is_unpacked_byte_for_byte(archive: bytes, out: Path) -> None:
    found = unpack([archive], out)
    assert files_in(out) == CONTENTS
    assert {one.name: one.sha256 for one in found} == {
        name: sha256(data).hexdigest() for name, data in CONTENTS.items()
    }


def test_the_same_files_give_the_same_archive_in_any_order(archive: bytes, tmp_path: Path) -> None:
    members = members_of(tmp_path / "again", CONTENTS)
    assert b"".join(pack(reversed(members))) == archive
    assert packed_size(members) == len(archive)


def test_any_tar_reads_it_and_the_last_member_has_the_sums(archive: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        assert tar.getnames() == [*CONTENTS, SUMS]
        assert {(one.mode, one.uid, one.gid, one.mtime, one.uname) for one in tar} == {(0o644, 0, 0, 0, "")}
        sums = tar.extractfile(SUMS)
        assert sums is not None
        lines = sums.read().decode().splitlines()
    assert lines == [f"{sha256(data).hexdigest()}  {name}" for name, data in CONTENTS.items()]


def as_formats_says(name: bytes, content: bytes) -> bytes:
    """A member, written from FORMATS.md alone."""
    fields = [name.ljust(100, b"\0"), b"0000644\0", b"0000000\0" * 2, b"%011o\0" % len(content)]
    fields += [b"00000000000\0", b" " * 8, b"0", bytes(100), b"ustar\x0000", bytes(247)]
    head = b"".join(fields)
    summed = head[:148] + b"%06o\0 " % sum(head) + head[156:]
    assert len(summed) == 512
    return summed + content + bytes(-len(content) % 512)


def test_an_archive_is_what_formats_says(archive: bytes) -> None:
    named = [(name.encode(), data) for name, data in CONTENTS.items()]
    sums = b"".join(b"%b  %b\n" % (sha256(data).hexdigest().encode(), name) for name, data in named)
    members = [as_formats_says(name, data) for name, data in [*named, (SUMS.encode(), sums)]]
    assert archive == b"".join(members) + bytes(1024)


def test_a_long_path_is_cut_at_a_directory(tmp_path: Path, out: Path) -> None:
    name = "/".join(["d" * 60, "e" * 60, "f" * 60])
    (member,) = members_of(tmp_path / "in", {name: b"x"})
    unpack(pack([member]), out)
    assert files_in(out) == {name: b"x"}


def test_pieces_may_be_cut_anywhere(archive: bytes, out: Path) -> None:
    unpack((archive[start : start + 7] for start in range(0, len(archive), 7)), out)
    assert files_in(out) == CONTENTS


@given(data=st.data())
def test_any_changed_byte_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("set")
    archive = bytearray(b"".join(pack(members_of(folder / "in", CONTENTS))))
    archive[data.draw(st.integers(0, len(archive) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / "out").mkdir()
    with pytest.raises(LedgerError):
        unpack([bytes(archive)], folder / "out")


def test_every_truncation_and_every_tail_is_refused(archive: bytes, tmp_path: Path) -> None:
    for index, cut in enumerate([*range(0, len(archive), 256), len(archive) - 1]):
        place = tmp_path / f"cut{index}"
        place.mkdir()
        with pytest.raises(RecordCorrupt):
            unpack([archive[:cut]], place)
    (tmp_path / "tail").mkdir()
    with pytest.raises(RecordCorrupt):
        unpack([archive, b"\x00"], tmp_path / "tail")


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", "a/../b", "a//b", "./a", "a/", "", "a\nb", SUMS + "/a", "x" * 101, "l\u202er"],
)
def test_no_name_leads_out_of_the_folder_or_deceives(tmp_path: Path, out: Path, name: str) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(InvalidInput):
        packed_size([Member(name=name, path=tmp_path / "a", size=1)])
    foreign = io.BytesIO()
    with tarfile.open(fileobj=foreign, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name[:100])
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"a"))
    with pytest.raises(RecordCorrupt):
        unpack([foreign.getvalue()], out)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(out: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("a")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(RecordCorrupt):
        unpack([entry.tobuf(tarfile.USTAR_FORMAT), bytes(1024)], out)
    assert files_in(out) == {}


def test_a_set_has_at_least_one_file_and_a_thousand_at_most(tmp_path: Path) -> None:
    members = [Member(name=f"{index:04}", path=tmp_path / "a", size=0) for index in range(MAX_MEMBERS + 1)]
    assert packed_size(members[:-1]) > 0
    for wrong in ([], members, [members[0], members[0]]):
        with pytest.raises(InvalidInput):
            pack(wrong)


@pytest.mark.parametrize("size", [4, 6])
def test_a_file_that_changed_its_size_is_named(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    with pytest.raises(InvalidInput) as caught:
        list(pack([Member(name="a", path=tmp_path / "a", size=size)]))
    assert (caught.value.reason, caught.value.fields["file"]) == ("size_changed", "a")
    with pytest.raises(NotFound):
        list(pack([Member(name="b", path=tmp_path / "b", size=0)]))


def test_a_folder_of_a_published_set_appears_whole_or_not_at_all(
    tmp_path: Path, patient: Did, secret: bytes, public_key: bytes, blocks: MemoryBlockStore
) -> None:
    members = members_of(tmp_path / "in", CONTENTS)
    header = RecordHeader(
        kind="file-set",
        patient=patient,
        record_class="18748-4",
        confidentiality="N",
        media_type="application/x-tar",
        compression="none",
        size=packed_size(members),
    )

    def opened(pieces: Iterator[bytes], folder: Path) -> None:
        made = publish(header, pieces, public_key=public_key, epoch=0, blocks=blocks)
        open_file_set(made.root, header, made.capsule, secret=secret, epoch=0, blocks=blocks, folder=folder)

    opened(pack(members), tmp_path / "set")
    assert files_in(tmp_path / "set") == CONTENTS
    with pytest.raises(StoreUnavailable):
        opened(pack(members), tmp_path / "set")
    with pytest.raises(RecordCorrupt):
        opened(iter([bytes(header.size)]), tmp_path / "wrong")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "set"]


def test_a_directory_does_not_appear_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with appearing_directory(tmp_path / "new") as place:
            (place / "file").write_text("half")
            raise InvalidInput("stop")

    with pytest.raises(InvalidInput):
        fail()
    assert list(tmp_path.iterdir()) == []
