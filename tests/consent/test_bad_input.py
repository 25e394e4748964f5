"""Bytes that are no consent document: refused with a reason, in bounded work, and without repeating them.

Work is counted in calls and in memory, not in time. Random changes are the same for the same seed.
"""

import copy
import json
import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from ledger.canonical import MAX_DEPTH, MAX_DOCUMENT
from ledger.consent.document import ConsentDocument, parse_document
from ledger.consent.provisions import MAX_NESTING
from ledger.errors import DocumentRejected, InvalidInput, TooLarge
from tests.consent.documents import A, actor, changed, document, label, plain, reference
from tests.policy import corpus

SEED = 20_260_301
MUTATIONS = 10_000
DEEP = 10_000
MEMORY = 64 << 20
LONGEST = 500
SECRET = "Quetzalcoatl"

Path = tuple[str | int, ...]


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    assert tuple(capfd.readouterr()) == ("", "")


def judged(raw: bytes | dict[str, Any]) -> ConsentDocument | InvalidInput | TooLarge:
    """The document, which reads the same from its canonical bytes, or a refusal that is fit to be shown."""
    found = answer(raw)
    if isinstance(found, ConsentDocument):
        assert parse_document(found.canonical) == found
    else:
        assert found.reason
        assert len(found.message) <= LONGEST
        assert found.message.isascii()
        assert found.message.isprintable()
        assert SECRET not in str(found.as_dict())
    return found


def answer(raw: bytes | dict[str, Any]) -> ConsentDocument | InvalidInput | TooLarge:
    """What judging comes to; any other error is a fault of ours."""
    try:
        return parse_document(raw)
    except (InvalidInput, TooLarge) as refused:
        return refused


def refusal(raw: bytes | dict[str, Any]) -> InvalidInput | TooLarge:
    found = judged(raw)
    assert not isinstance(found, ConsentDocument)
    return found


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def filled(before: bytes, unit: bytes, after: bytes) -> Callable[[int], bytes]:
    """A text of the size that is asked for: `unit` as often as it fits, blanks for the rest."""

    def of(size: int) -> bytes:
        times, rest = divmod(size - len(before) - len(after), len(unit))
        return before + unit * times + after + b" " * rest

    return of


def with_provisions(size: int) -> bytes:
    inner = [{"type": "deny", "securityLabel": [label("PSY")]}] * 255
    return filled(encoded(document({"type": "permit", "provision": inner}))[:-1] + b',"id":"', b"x", b'"}')(
        size
    )


def with_actors(size: int) -> bytes:
    """As many actors as fit, each another one."""
    one = len(encoded(actor("Practitioner/000000"))) + 1
    empty = len(encoded(document({"type": "permit", "actor": []})))
    actors = [actor(f"Practitioner/{index:06}") for index in range((size - empty) // one)]
    return encoded(document({"type": "permit", "actor": actors})).ljust(size)


def with_keys(size: int) -> bytes:
    count = (size - 2) // 11
    return (b"{" + b",".join(b'"%06x":1' % index for index in range(count)) + b"}").ljust(size)


CONSENT = b'{"resourceType":"Consent",'
SHAPES: dict[str, Callable[[int], bytes]] = {
    "a string": filled(CONSENT + b'"id":"', b"x", b'"}'),
    "a string of escapes": filled(CONSENT + b'"id":"', b"\\u0041", b'"}'),
    "a string of quotation marks": filled(CONSENT + b'"id":"', b'\\"', b'"}'),
    "a string that does not end": filled(CONSENT + b'"id":"', b"x", b""),
    "quotation marks that do not end": filled(CONSENT + b'"id":"', b'\\"', b""),
    "quotation marks": filled(b"", b'"', b""),
    "backslashes": filled(CONSENT + b'"id":"', b"\\", b""),
    "numbers": filled(CONSENT + b'"category":[', b"1,", b"1]}"),
    "empty texts": filled(CONSENT + b'"category":[', b'"",', b'""]}'),
    "empty lists": filled(CONSENT + b'"category":[', b"[],", b"[]]}"),
    "empty objects": filled(CONSENT + b'"category":[', b"{},", b"{}]}"),
    "objects of carried codings": filled(CONSENT + b'"category":[', b'{"text":"x"},', b'{"text":"x"}]}'),
    "keys": with_keys,
    "an integer": filled(CONSENT + b'"id":', b"9", b"}"),
    "a fraction": filled(CONSENT + b'"id":0.', b"9", b"}"),
    "an exponent": filled(CONSENT + b'"id":1e', b"9", b"}"),
    "blanks": filled(b"{}", b" ", b""),
    "lists that open": filled(b"", b"[", b""),
    "lists that close": filled(b"", b"]", b""),
    "objects that open": filled(b"", b'{"a":', b""),
    "provisions": with_provisions,
    "actors": with_actors,
    "bytes that are not UTF-8": filled(b'{"id":"', b"\xff", b'"}'),
}


def calls(raw: bytes) -> int:
    """How many functions, of Python or of C, judging this calls."""
    count = 0

    def seen(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        answer(raw)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mebibyte_is_judged_in_bounded_work(shape: str) -> None:
    raw = SHAPES[shape](MAX_DOCUMENT)
    assert len(raw) == MAX_DOCUMENT
    assert "bytes; at most" not in getattr(judged(raw), "message", "")
    assert calls(raw) <= 4 * len(raw)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_mebibyte_is_judged_in_bounded_memory(shape: str) -> None:
    raw = SHAPES[shape](MAX_DOCUMENT)
    tracemalloc.start()
    try:
        answer(raw)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", SHAPES)
def test_one_byte_more_is_not_even_read(shape: str) -> None:
    raw = SHAPES[shape](MAX_DOCUMENT + 1)
    assert isinstance(refusal(raw), TooLarge)
    assert calls(raw) < 20


NESTED: dict[str, Callable[[int], bytes]] = {
    "lists": lambda depth: b"[" * depth + b"]" * depth,
    "objects": lambda depth: b'{"a":' * depth + b"1" + b"}" * depth,
    "provisions": lambda depth: b'{"provision":[' * (depth // 2) + b"{}" + b"]}" * (depth // 2),
    "lists that do not close": lambda depth: b"[" * depth,
    "in something carried": lambda depth: CONSENT + b'"text":' + b"[" * depth + b"]" * depth + b"}",
    "behind a string": lambda depth: b'{"a":"]]]\\"]]","b":' + b"[" * depth + b"]" * depth + b"}",
}


@pytest.mark.parametrize("shape", NESTED)
def test_ten_thousand_levels_are_refused(shape: str) -> None:
    assert refusal(NESTED[shape](DEEP)).reason == "json_too_deep"


def test_brackets_in_a_text_are_not_levels() -> None:
    found = judged(encoded(plain() | {"id": '["{' * DEEP}))
    assert isinstance(found, ConsentDocument)


def test_the_deepest_json_that_is_read() -> None:
    inside = {"lists": MAX_DEPTH, "objects": MAX_DEPTH}
    for shape, depth in inside.items():
        assert refusal(NESTED[shape](depth)).reason != "json_too_deep"
        assert refusal(NESTED[shape](depth + 1)).reason == "json_too_deep"


@pytest.mark.parametrize("depth", [MAX_NESTING, MAX_NESTING + 1, DEEP])
def test_an_object_of_nested_provisions(depth: int) -> None:
    provision: dict[str, Any] = {"type": "deny", "securityLabel": [label("PSY")]}
    for _ in range(depth):
        provision = {"type": "permit", "actor": [actor(A)], "provision": [provision]}
    assert isinstance(judged(document(provision)), TooLarge if depth > MAX_NESTING else ConsentDocument)


NOT_UTF_8 = {
    "a lone continuation": b"\x80",
    "a cut sequence": b"\xc3",
    "a cut sequence of three": b"\xe2\x82",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xc0\x80",
    "an overlong letter of three": b"\xe0\x81\x81",
    "a surrogate": b"\xed\xa0\x80",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
    "beyond Unicode": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "no lead byte": b"\xfe",
    "Latin-1": "é".encode("latin-1"),
}


@pytest.mark.parametrize("kind", NOT_UTF_8)
def test_what_is_not_utf_8_is_refused(kind: str) -> None:
    raw = encoded(plain() | {"id": "here"})
    for bad in (raw.replace(b"here", NOT_UTF_8[kind]), raw + NOT_UTF_8[kind], NOT_UTF_8[kind] + raw):
        assert refusal(bad).reason == "not_utf8"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_refused(encoding: str) -> None:
    text = json.dumps(plain() | {"id": "naïve"}, ensure_ascii=False)
    assert refusal(text.encode(encoding)).reason in {"not_utf8", "not_json"}


WHOLE = plain() | {
    "meta": {"profile": ["https://example.org/p"], "security": [{"system": "s", "code": "c"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "identifier": [{"system": "https://example.org/ids", "value": "7"}],
    "organization": [reference("Organization/1")],
}


def places(value: object, at: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every value of a document and where it stands."""
    yield at, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from places(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*at, index))


OBJECTS = [at for at, value in places(WHOLE) if isinstance(value, dict)]
TEXTS = [at for at, value in places(WHOLE) if isinstance(value, str)]
MARK = "@twice"


@pytest.mark.parametrize("spelling", ["the same", "an escaped"])
def test_a_key_that_is_there_twice_is_refused_at_every_level(spelling: str) -> None:
    for at in OBJECTS:
        found = copy.deepcopy(WHOLE)
        inner: Any = found
        for step in at:
            inner = inner[step]
        first = next(iter(inner))
        inner[MARK] = inner[first]
        key = first if spelling == "the same" else f"\\u{ord(first[0]):04x}{first[1:]}"
        raw = json.dumps(found).replace(f'"{MARK}"', f'"{key}"').encode()
        assert refusal(raw).reason == "duplicate_key"


NUMBERS = (
    "0",
    "-0",
    "-0.0",
    "1e999",
    "-1E+400",
    "1e-999",
    "9" * 400,
    "9" * 5000,
    "0.1",
    "9007199254740993",
    "true",
)
NOT_NUMBERS = ("NaN", "Infinity", "-Infinity", "+1", "01", "1.", ".5", "0x1F", "1_000", "nan", "None", "'x'")


@pytest.mark.parametrize("token", [*NUMBERS, *NOT_NUMBERS])
def test_a_number_is_refused_wherever_it_stands(token: str) -> None:
    for at in TEXTS:
        raw = json.dumps(changed(WHOLE, at, MARK)).replace(f'"{MARK}"', token).encode()
        if token in NOT_NUMBERS or len(token) > 4300:
            assert refusal(raw).reason == "not_json"
        else:
            assert refusal(raw).reason in {"wrong_type", "not_allowed"}


IMPOSSIBLE = (
    "0000",
    "0000-01-01",
    "10000",
    "99999-01-01",
    "-2026",
    "2026-00",
    "2026-13",
    "2026-01-32",
    "2026-02-29T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-12-31T23:59:60Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T00:00:00+99:99",
    "2026-01-01T00:00:00+14:01",
    "2026-01-01T00:00:00+00:60",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00:00." + "1" * 400 + "Z",
    "2026-01-01T00:00:00.Z",
    "9" * 400,
    "2026-01-01T00:00:00Z" + "0" * 400,
    "٢٠٢٦",
    "2026\u2010" + "01",
    "1.7e9",
    "P90D",
    "now",
)
DATES: dict[str, Path] = {
    "Consent.dateTime": ("dateTime",),
    "Consent.provision.period.start": ("provision", "period", "start"),
    "Consent.provision.period.end": ("provision", "period", "end"),
    "Consent.provision.dataPeriod.start": ("provision", "dataPeriod", "start"),
    "Consent.provision.dataPeriod.end": ("provision", "dataPeriod", "end"),
}


@pytest.mark.parametrize("date", IMPOSSIBLE)
def test_an_impossible_date_is_refused_wherever_it_stands(date: str) -> None:
    for path, at in DATES.items():
        found = refusal(encoded(changed(WHOLE, at, date)))
        assert isinstance(found, DocumentRejected)
        assert (found.path, found.reason) == (path, "bad_date")


ODD_TEXTS = {
    "NFD": "Jose\u0301",
    "right to left": "Dr. \u202ereversed\u202c",
    "isolates": "Dr. \u2066X\u2069",
    "a NUL": "Dr.\u0000X",
    "an escape of terminals": "\u001b[2J\u001b]0;x\u0007",
    "line breaks": "a\r\nb\u2028c\u2029d\u0085e",
    "a lone high surrogate": "\ud800",
    "a lone low surrogate": "x\udfffy",
    "surrogates the wrong way round": "\udc00\ud800",
    "a byte order mark": "\ufeffX",
    "a noncharacter": "\uffff",
    "beyond the first plane": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "marks upon marks": "Z" + "\u0351" * 200,
    "blanks of other kinds": "\u00a0\u2003\u3000",
    "invisible": "\u200b\u200d\u2060",
    "an object's key": '{"resourceType":"Consent"}',
}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_texts_are_refused_or_kept_as_they_are(kind: str) -> None:
    for at in TEXTS:
        judged(encoded(changed(WHOLE, at, ODD_TEXTS[kind])))


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_odd_keys_are_refused_at_every_level(kind: str) -> None:
    for at in OBJECTS:
        assert refusal(encoded(changed(WHOLE, (*at, ODD_TEXTS[kind]), "x"))).reason in {
            "unsupported",
            "wrong_type",
        }


@pytest.mark.parametrize("key", [f"{SECRET} is ill", f"{SECRET}.is.ill", SECRET * 50_000])
def test_a_key_that_no_element_could_have_is_not_repeated(key: str) -> None:
    for at in OBJECTS:
        refusal(encoded(changed(WHOLE, (*at, key), "x")))


def test_a_text_is_not_repeated() -> None:
    for at in TEXTS:
        judged(encoded(changed(WHOLE, at, f"{SECRET}\u202e")))
        judged(encoded(changed(WHOLE, at, SECRET)))


def mutated(rng: random.Random, raw: bytes) -> bytes:
    """One to three bytes flipped, put in, taken out, repeated, or the end cut off."""
    found = bytearray(raw)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(found))
        match rng.randrange(6):
            case 0:
                found[at] ^= 1 << rng.randrange(8)
            case 1:
                found[at] = rng.choice(b'0129:{}[],"\\ntf \x00\xff')
            case 2:
                found.insert(at, rng.choice(b'0129:{}[],"\\ntf \x00\xff'))
            case 3:
                del found[at : at + rng.randint(1, 20)]
            case 4:
                found[at:at] = found[at : at + rng.randint(1, 200)]
            case _:
                del found[at:]
        if not found:
            return b""
    return bytes(found)


def test_random_damage_to_every_document_of_the_corpus() -> None:
    rng = random.Random(SEED)  # noqa: S311
    sources = [encoded(found) for _, found in corpus.documents()]
    met: Counter[str] = Counter()
    for index in range(MUTATIONS):
        found = judged(mutated(rng, sources[index % len(sources)]))
        met["accepted" if isinstance(found, ConsentDocument) else found.reason] += 1
    often = {"accepted", "not_json", "not_utf8", "unsupported", "required", "not_allowed", "unknown_code"}
    assert {reason: met[reason] for reason in often if met[reason] < 10} == {}
