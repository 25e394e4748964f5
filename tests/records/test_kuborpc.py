"""Whatever answers in Kubo's place: each wrong answer is one clear error, in time, in bounded memory."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from ledger.errors import BlockCorrupt, BlockMissing, InvalidInput, LedgerError, StoreUnavailable, TooLarge
from ledger.records import manifest
from ledger.records.blocks import MemoryBlockStore
from ledger.records.cid import Codec, cid_of
from ledger.records.kubo import KuboBlockStore
from ledger.records.kuborpc import NEEDED, multiaddr_of, supported

DATA = b"a block"
CID = cid_of(Codec.RAW, DATA)
SOURCE = MemoryBlockStore()
ROOT = manifest.store([DATA], SOURCE)
KUBO = b'{"Version":"0.43.0"}'

Answer = Callable[[BaseHTTPRequestHandler], None]


def said(status: int, body: bytes, kind: str = "application/json", **headers: str) -> Answer:
    """A whole answer."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def error(message: str) -> Answer:
    """An error as Kubo words it."""
    return said(500, f'{{"Message":"{message}","Code":0,"Type":"error"}}'.encode())


def cut(handler: BaseHTTPRequestHandler) -> None:
    """Half an answer, and the end of the connection."""
    said(200, DATA, **{"Content-Length": "100"})(handler)
    handler.close_connection = True


def cut_in_chunks(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"5\r\na blo\r\n")
    handler.close_connection = True


def failed_in_a_trailer(handler: BaseHTTPRequestHandler) -> None:
    """What Kubo does when it fails in mid-stream."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.send_header("Trailer", "X-Stream-Error")
    handler.end_headers()
    handler.wfile.write(b"5\r\na blo\r\n0\r\nX-Stream-Error: broken\r\n\r\n")


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    with suppress(OSError):
        while True:
            handler.wfile.write(bytes(1 << 20))


@pytest.fixture
def halted() -> Iterator[Event]:
    """Set when the test is over, so that what stalls may end."""
    event = Event()
    yield event
    event.set()


@contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Something that answers each path of the RPC in its way; its URL, and what it was asked by whom."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked.append((self.path, self.headers["User-Agent"]))
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline(), 16):
                    self.rfile.read(size + 2)
                self.rfile.readline()
            answers[urlsplit(self.path).path.removeprefix("/api/v0/")](self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def store_of(answers: dict[str, Answer], seconds: float = 30.0) -> Iterator[KuboBlockStore]:
    with serving({"version": said(200, KUBO), **answers}) as (url, _):
        store = KuboBlockStore(url, seconds=seconds)
        try:
            yield store
        finally:
            store.close()


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (said(200, b"<html>hello</html>", "text/html"), BlockCorrupt, "block_corrupt"),
        (said(200, b""), BlockCorrupt, "block_corrupt"),
        (said(200, b"a blo"), BlockCorrupt, "block_corrupt"),
        (said(200, DATA + b"!"), BlockCorrupt, "block_corrupt"),
        (failed_in_a_trailer, BlockCorrupt, "block_corrupt"),
        (cut, StoreUnavailable, "kubo_garbled"),
        (cut_in_chunks, StoreUnavailable, "kubo_garbled"),
        (endless, StoreUnavailable, "kubo_garbled"),
        (said(500, b"<html>oops</html>", "text/html"), StoreUnavailable, "kubo_garbled"),
        (said(404, b"404 page not found", "text/plain"), StoreUnavailable, "kubo_garbled"),
        (said(302, b"", Location="http://127.0.0.1:9/"), StoreUnavailable, "kubo_garbled"),
        (said(403, b"403 - Forbidden", "text/plain"), StoreUnavailable, "kubo_forbidden"),
        (said(401, b""), StoreUnavailable, "kubo_forbidden"),
        (error("context deadline exceeded"), StoreUnavailable, "kubo_timeout"),
        (error("write: no space left on device"), StoreUnavailable, "store_full"),
        (error("something new"), StoreUnavailable, "kubo_refused"),
        (error("block was not found locally (offline): ipld: could not find"), BlockMissing, "block_missing"),
        (error("block in storage has different hash than requested"), BlockCorrupt, "block_corrupt"),
    ],
)
def test_a_wrong_answer_to_get_is_one_clear_error(
    answer: Answer, expected: type[LedgerError], reason: str
) -> None:
    with store_of({"block/get": answer}) as store, pytest.raises(expected) as refused:
        store.get(CID)
    assert type(refused.value) is expected
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "answer",
    [
        said(200, b""),
        said(200, b"<html>"),
        said(200, b"[]"),
        said(200, b"null"),
        said(200, b"{}"),
        said(200, b'{"Key":"bafy","Size":7}'),
        said(200, f'{{"Key":"{CID}","Size":6}}'.encode()),
        said(200, f'{{"Key":"{CID}"'.encode()),
        said(200, b"\xff\xfe"),
    ],
)
def test_a_wrong_answer_to_put_is_no_success(answer: Answer) -> None:
    with store_of({"block/put": answer}) as store, pytest.raises(StoreUnavailable) as refused:
        store.put(CID, DATA)
    assert refused.value.reason == "kubo_garbled"


def test_a_put_that_was_not_kept_is_no_success() -> None:
    stored = said(200, f'{{"Key":"{CID}","Size":7}}'.encode())
    lost = {"block/put": stored, "block/get": error("could not find"), "block/rm": said(200, b"")}
    with (
        store_of({**lost, "pin/rm": error("not pinned")}) as store,
        pytest.raises(StoreUnavailable) as refused,
    ):
        store.put(CID, DATA)
    assert refused.value.reason == "block_not_replaced"


def imported(root: str, pin_error: str = "") -> Answer:
    return said(200, f'{{"Root":{{"Cid":{{"/":"{root}"}},"PinErrorMsg":"{pin_error}"}}}}'.encode())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (imported(ROOT, "pin: lost"), "kubo_not_pinned"),
        (imported(CID), "kubo_garbled"),
        (said(200, b""), "kubo_garbled"),
        (said(200, b"{}"), "kubo_garbled"),
        (said(200, b'{"Root":{}}'), "kubo_garbled"),
        (error("write: no space left on device"), "store_full"),
        (said(403, b""), "kubo_forbidden"),
    ],
)
def test_a_wrong_answer_to_an_adoption_is_no_success(answer: Answer, reason: str) -> None:
    absent = {"block/stat": error("could not find")}
    with store_of({"dag/import": answer, **absent}) as store, pytest.raises(StoreUnavailable) as refused:
        store.adopt(ROOT, SOURCE)
    assert refused.value.reason == reason


def test_an_adoption_whose_blocks_cannot_be_read_back_is_no_success() -> None:
    lost = {"dag/import": imported(ROOT), "block/put": said(200, b"{}")}
    absent = {"block/stat": error("could not find"), "block/get": error("could not find")}
    with store_of({**lost, **absent}) as store, pytest.raises(StoreUnavailable):
        store.adopt(ROOT, SOURCE)


def test_a_block_that_kubo_finds_too_large_is_too_large() -> None:
    with store_of({"block/put": error("produced block is over 2MiB")}) as store, pytest.raises(TooLarge):
        store.put(CID, DATA)


@pytest.mark.parametrize("body", [b"{}", b'{"Keys":{}}'])
def test_no_pins_are_no_blocks(body: bytes) -> None:
    with store_of({"pin/ls": said(200, body)}) as store:
        assert list(store.cids()) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Keys":{"bafy', b'{"Keys":[]}', b"[]"])
def test_a_list_that_is_none_is_not_taken_for_a_short_one(body: bytes) -> None:
    with store_of({"pin/ls": said(200, body)}) as store, pytest.raises(StoreUnavailable):
        list(store.cids())


def test_what_never_answers_is_given_up(halted: Event) -> None:
    def stall(handler: BaseHTTPRequestHandler) -> None:
        halted.wait(60)
        handler.close_connection = True

    with store_of({"block/get": stall}, seconds=0.2) as store:
        with pytest.raises(StoreUnavailable) as refused:
            store.get(CID)
        halted.set()
    assert refused.value.reason == "kubo_timeout"


def test_what_never_stops_answering_is_given_up(halted: Event) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        said(200, b"", **{"Content-Length": "100000"})(handler)
        while not halted.wait(0.02):
            try:
                handler.wfile.write(b"x")
            except OSError:
                break

    with store_of({"block/get": drip}, seconds=0.3) as store:
        before = time.monotonic()
        with pytest.raises(StoreUnavailable) as refused:
            store.get(CID)
        assert time.monotonic() - before < 5
        halted.set()
    assert refused.value.reason == "kubo_timeout"


def test_where_nobody_listens_nobody_answers() -> None:
    store = KuboBlockStore("http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable) as refused:
        store.has(CID)
    assert refused.value.reason == "kubo_unreachable"
    assert "ipfs daemon" in refused.value.fix


def test_every_call_is_a_local_question_with_a_deadline_and_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving({"version": said(200, KUBO), "block/get": said(200, DATA)}) as (url, asked):
        store = KuboBlockStore(url, seconds=7)
        assert store.get(CID) == DATA
        store.close()
    assert len(asked) == 2
    for path, agent in asked:
        options = parse_qs(urlsplit(path).query)
        assert (options["offline"], options["timeout"]) == (["true"], ["7s"])
        assert agent.startswith("consent-ledger/")
        assert "/kubo/" not in agent


def test_the_version_is_asked_once_and_again_after_a_failure() -> None:
    answers = {"version": said(200, KUBO), "block/get": said(200, DATA)}
    with serving(answers) as (url, asked):
        store = KuboBlockStore(url)
        for _ in range(3):
            store.get(CID)
        assert sum("/version" in path for path, _ in asked) == 1
        answers["block/get"] = said(403, b"")
        with pytest.raises(StoreUnavailable):
            store.get(CID)
        answers.update({"version": said(200, b'{"Version":"0.20.0"}'), "block/get": said(200, DATA)})
        with pytest.raises(StoreUnavailable) as refused:
            store.get(CID)
        assert (refused.value.reason, refused.value.fix) == ("kubo_version", NEEDED)
        store.close()


@pytest.mark.parametrize("version", ["0.38.0", "0.43.0", "0.43.0-rc1", "0.44.1/abcdef", "1.0.0"])
def test_new_versions_are_supported(version: str) -> None:
    assert supported(version) == version


@pytest.mark.parametrize("version", ["0.37.0", "0.4.23", "", "master", "43", None])
def test_old_and_strange_versions_are_not(version: object) -> None:
    with pytest.raises(StoreUnavailable):
        supported(version)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:5001", "/ip4/127.0.0.1/tcp/5001/http"),
        ("http://127.0.0.1:5001/", "/ip4/127.0.0.1/tcp/5001/http"),
        ("https://[::1]:5001", "/ip6/::1/tcp/5001/https"),
        ("http://localhost:5001", "/dns/localhost/tcp/5001/http"),
    ],
)
def test_a_url_is_a_multiaddr(url: str, expected: str) -> None:
    assert multiaddr_of(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:5001",
        "ftp://a:1",
        "http://a",
        "http://a:x",
        "http://u:p@a:1",
        "http://a:1/api",
        "http://a:1?b",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        multiaddr_of(url)


def test_errors_name_no_block_but_the_one_asked_for() -> None:
    other = cid_of(Codec.RAW, b"another")
    answers = {"block/get": error(f"pinned via {other}")}
    with store_of(answers) as store, pytest.raises(StoreUnavailable) as refused:
        store.get(CID)
    assert other not in str(refused.value.as_dict())
