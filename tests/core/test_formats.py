"""FORMATS.md names what the code signs, logs and derives."""

import re
from importlib.resources import files

import ledger
from ledger.crypto import typed
from ledger.crypto.eip712 import Struct
from ledger.log.entry import EntryKind

TEXT = files(ledger).joinpath("FORMATS.md").read_text()


def section(title: str) -> str:
    start = TEXT.index(f"\n## {title}\n")
    end = TEXT.find("\n## ", start + 1)
    return TEXT[start : None if end < 0 else end]


def test_every_signed_struct_stands_there_as_it_is_typed() -> None:
    types = {struct.TYPE for struct in Struct.__subclasses__() if struct.__module__ == typed.__name__}
    shown = section("Signed structs")
    assert len(types) >= 12
    for text in types - {typed.Consent.TYPE}:
        assert text in shown, text
    assert typed.Consent.TYPE in shown


def test_every_kind_of_entry_is_named() -> None:
    named = set(re.findall(r"`([a-z]+(?:\.[a-z]+)?)`", section("Log entry")))
    assert {str(kind) for kind in EntryKind} <= named


def test_the_table_of_contents_names_every_section() -> None:
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    links = re.findall(r"\]\(#([a-z-]+)\)", TEXT)
    assert {title.lower().replace(" ", "-") for title in titles} == set(links)
