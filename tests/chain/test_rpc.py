"""The RPC refuses what is no answer and turns to another node only when one is silent."""

import contextlib
import json
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from ledger.chain.events import decode
from ledger.chain.rpc import Rpc, shown
from ledger.errors import ChainUnreachable, InvalidInput
from tests.chain.conftest import Chain, account

Reply = Callable[[list[dict[str, Any]]], Any]
BLOCK = {"number": "0x1", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x5"}


@dataclass(frozen=True)
class Sent:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def serving() -> Iterator[Callable[[Callable[[Any], Sent]], str]]:
    """A server that answers each JSON body as told."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[Any], Sent]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(sent.status)
                for name, value in {**sent.headers, "content-length": str(len(sent.body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent.body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def node(serving: Callable[[Callable[[Any], Sent]], str]) -> Callable[[Reply], str]:
    """A node that answers as told; what was asked is in the reply's hands."""

    def start(reply: Reply) -> str:
        def answer(body: Any) -> Sent:  # noqa: ANN401
            found = reply(body)
            return Sent(200, {}, found if isinstance(found, bytes) else json.dumps(found).encode())

        return serving(answer)

    return start


@pytest.fixture
def refusing(
    serving: Callable[[Callable[[Any], Sent]], str],
) -> Callable[[int, dict[str, str], int], str]:
    """A node that refuses so many requests with an HTTP status, and then answers 0x7."""

    def start(status: int, headers: dict[str, str], times: int) -> str:
        turns = count()

        def answer(body: Any) -> Sent:  # noqa: ANN401
            if next(turns) < times:
                return Sent(status, headers, b"")
            return Sent(200, headers, json.dumps(results("0x7")(body)).encode())

        return serving(answer)

    return start


@pytest.mark.parametrize(
    ("given", "waited"), [("2", 2), ("0", 0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1), ("", 1)]
)
def test_a_node_that_is_asked_too_often_gets_its_pause(
    refusing: Callable[[int, dict[str, str], int], str], given: str, waited: int
) -> None:
    pauses: list[float] = []
    rpc = Rpc(refusing(429, {"retry-after": given}, 2), pause=pauses.append)
    assert rpc.chain_id() == 7
    assert pauses == [waited, waited]
    rpc.close()


@pytest.mark.parametrize(("given", "times", "pauses"), [("1", 99, 2), ("6", 1, 0), ("3600", 1, 0)])
def test_a_pause_has_an_end(
    refusing: Callable[[int, dict[str, str], int], str], given: str, times: int, pauses: int
) -> None:
    taken: list[float] = []
    rpc = Rpc(refusing(429, {"retry-after": given}, times), pause=taken.append)
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert refused.value.reason == "rate_limited"
    assert len(taken) == pauses
    rpc.close()


def test_another_node_is_asked_before_anyone_waits(
    refusing: Callable[[int, dict[str, str], int], str], node: Callable[[Reply], str]
) -> None:
    taken: list[float] = []
    rpc = Rpc([refusing(429, {"retry-after": "1"}, 99), node(results("0x7"))], pause=taken.append)
    assert rpc.chain_id() == 7
    assert taken == []
    rpc.close()


@pytest.mark.parametrize(("status", "reason"), [(413, "too_large"), (503, "no_answer"), (401, "no_answer")])
def test_http_errors_are_told_apart(
    refusing: Callable[[int, dict[str, str], int], str], status: int, reason: str
) -> None:
    rpc = Rpc(refusing(status, {}, 9))
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert refused.value.reason == reason
    rpc.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_node_sends_us_elsewhere(
    serving: Callable[[Callable[[Any], Sent]], str], node: Callable[[Reply], str], status: int
) -> None:
    elsewhere = node(results("0x7"))
    rpc = Rpc(serving(lambda _: Sent(status, {"location": elsewhere}, b"")))
    with pytest.raises(ChainUnreachable):
        rpc.chain_id()
    rpc.close()


def test_a_text_names_several_nodes_with_commas(node: Callable[[Reply], str]) -> None:
    silent, answering = "http://127.0.0.1:9", node(results("0x7"))
    rpc = Rpc(f"{silent}, {answering}")
    assert rpc.urls == (silent, answering)
    assert rpc.chain_id() == 7
    rpc.close()


def test_an_answer_that_breaks_off_is_silence(node: Callable[[Reply], str]) -> None:
    rpc = Rpc(node(lambda _: b'[{"jsonrpc": "2.0", "id": 0, "resu'))
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert refused.value.reason == "cut_short"
    rpc.close()


@pytest.mark.parametrize("value", ['"0x' + "f" * 65 + '"', "[" * 100_000 + "]" * 100_000, "1e999"])
def test_no_number_and_no_depth_is_too_much_to_be_refused(node: Callable[[Reply], str], value: str) -> None:
    rpc = Rpc(
        node(lambda asked: f'[{{"jsonrpc": "2.0", "id": {asked[0]["id"]}, "result": {value}}}]'.encode())
    )
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert refused.value.reason == "bad_answer"
    rpc.close()


def results(*values: Any) -> Reply:  # noqa: ANN401
    return lambda asked: [
        {"jsonrpc": "2.0", "id": call["id"], "result": value}
        for call, value in zip(asked, values, strict=True)
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        b"{}",
        b"[]",
        b"[1]",
        b'[{"jsonrpc": "2.0", "id": 0, "result": "0x1"}, {"jsonrpc": "2.0", "id": 1, "result": "0x1"}]',
        b'[{"jsonrpc": "2.0", "id": 0}]',
        b'{"jsonrpc": "2.0", "id": null, "result": "0x1"}',
    ],
)
def test_what_is_not_json_rpc_is_no_answer(node: Callable[[Reply], str], answer: bytes) -> None:
    rpc = Rpc(node(lambda _: answer))
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert refused.value.reason == "bad_answer"
    rpc.close()


@pytest.mark.parametrize("value", ["12", 12, None, "0x", "0x1_0", "-0x1", {"x": 1}])
def test_only_hexadecimal_quantities_are_numbers(node: Callable[[Reply], str], value: object) -> None:
    rpc = Rpc(node(results(value)))
    with pytest.raises(ChainUnreachable):
        rpc.chain_id()
    rpc.close()


@pytest.mark.parametrize(
    "change",
    [
        *({"hash": None}, {"hash": "0x11"}, {"number": None}, {"number": "0x2"}, {"timestamp": 5}),
        *({"parentHash": "0x" + "AA" * 32}, {"timestamp": "0x" + "f" * 16}),
    ],
)
def test_a_header_that_lacks_something_is_refused(
    node: Callable[[Reply], str], change: dict[str, object]
) -> None:
    rpc = Rpc(node(results(BLOCK | change)))
    with pytest.raises(ChainUnreachable):
        rpc.block(1)
    rpc.close()


def test_a_removed_event_is_refused(node: Callable[[Reply], str]) -> None:
    log = {
        "blockNumber": "0x1",
        "blockHash": "0x" + "11" * 32,
        "logIndex": "0x0",
        "address": "0x" + "33" * 20,
        "topics": ["0x" + "44" * 32],
        "data": "0x",
        "transactionHash": "0x" + "55" * 32,
    }
    rpc = Rpc(node(results([log])))
    assert decode(rpc.logs(1, 1, [])[0]) is None
    rpc = Rpc(node(results([log | {"removed": True}])))
    with pytest.raises(ChainUnreachable):
        rpc.logs(1, 1, [])
    rpc.close()


def test_an_error_of_the_node_names_its_code_and_not_its_text(node: Callable[[Reply], str]) -> None:
    rpc = Rpc(
        node(
            lambda asked: [
                {"jsonrpc": "2.0", "id": asked[0]["id"], "error": {"code": -32000, "message": "0xsecret"}}
            ]
        )
    )
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    assert (refused.value.reason, refused.value.fields["rpc_code"]) == ("rpc_error", -32000)
    assert "secret" not in str(refused.value.as_dict())
    assert rpc.block("finalized") is None
    with pytest.raises(ChainUnreachable):
        rpc.block(7)
    rpc.close()


def test_answers_are_matched_by_id_not_by_place(node: Callable[[Reply], str]) -> None:
    in_order = results("0x1", "0x2")
    rpc = Rpc(node(lambda asked: list(reversed(in_order(asked)))))
    assert [answer.value() for answer in rpc.batch([("a", ()), ("b", ())])] == ["0x1", "0x2"]
    rpc.close()


def test_answers_to_other_calls_are_refused(node: Callable[[Reply], str]) -> None:
    def twice(asked: list[dict[str, Any]]) -> object:
        return [{"jsonrpc": "2.0", "id": asked[0]["id"], "result": "0x1"}] * 2

    rpc = Rpc(node(twice))
    with pytest.raises(ChainUnreachable):
        rpc.batch([("a", ()), ("b", ())])
    rpc.close()


def test_many_calls_are_asked_in_few_requests(node: Callable[[Reply], str]) -> None:
    sizes: list[int] = []

    def count(asked: list[dict[str, Any]]) -> object:
        sizes.append(len(asked))
        return results(*(["0x1"] * len(asked)))(asked)

    rpc = Rpc(node(count))
    assert len(rpc.batch([("a", ())] * 250)) == 250
    assert sizes == [100, 100, 50]
    rpc.close()


def test_a_node_that_is_silent_or_talks_nonsense_is_passed_over(
    node: Callable[[Reply], str],
) -> None:
    silent, good, bad = "http://127.0.0.1:9", node(results("0x7")), node(lambda _: b"no")
    assert Rpc([silent, good]).chain_id() == 7
    assert Rpc([bad, good]).chain_id() == 7
    with pytest.raises(ChainUnreachable) as refused:
        Rpc([silent, bad]).chain_id()
    assert refused.value.reason == "bad_answer"
    with pytest.raises(ChainUnreachable) as unanswered:
        Rpc([silent, silent]).chain_id()
    assert unanswered.value.reason == "no_answer"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v3/hidden", "http://127.0.0.1:9:9/v3/hidden"])
def test_no_trace_of_silence_has_the_path_of_a_nodes_url(url: str) -> None:
    with pytest.raises(ChainUnreachable) as unanswered:
        Rpc(url).chain_id()
    assert "hidden" not in "".join(traceback.format_exception(unanswered.value))


@pytest.mark.parametrize("answer", [b"<html>", b"[1]", b"{}"])
def test_no_trace_of_nonsense_has_the_path_of_a_nodes_url(
    node: Callable[[Reply], str], answer: bytes
) -> None:
    rpc = Rpc(f"{node(lambda _: answer)}/v3/hidden")
    with pytest.raises(ChainUnreachable) as nonsense:
        rpc.chain_id()
    rpc.close()
    assert "hidden" not in "".join(traceback.format_exception(nonsense.value))


def test_a_transaction_is_handed_over_once_even_if_no_answer_comes(node: Callable[[Reply], str]) -> None:
    seen: list[str] = []

    def swallow(asked: list[dict[str, Any]]) -> bytes:
        seen.extend(call["params"][0] for call in asked)
        return b""

    rpc = Rpc(node(swallow))
    with pytest.raises(ChainUnreachable):
        rpc.send_raw(b"\x02\x01")
    assert seen == ["0x0201"]
    rpc.close()


class Babbler:
    """A node whose answer never ends, a byte every few milliseconds or as fast as can be."""

    def __init__(self, piece: bytes, pause: float) -> None:
        self.piece, self.pause, self.ended = piece, pause, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.babble, daemon=True).start()

    def babble(self) -> None:
        connection, _ = self.socket.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
            while not self.ended.wait(self.pause):
                connection.sendall(self.piece)

    def close(self) -> None:
        self.ended.set()
        self.socket.close()


@pytest.fixture
def babbler() -> Iterator[Callable[[bytes, float], str]]:
    started: list[Babbler] = []

    def start(piece: bytes, pause: float) -> str:
        started.append(Babbler(piece, pause))
        return started[-1].url

    yield start
    for one in started:
        one.close()


@pytest.mark.timeout(30)
def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(babbler: Callable[[bytes, float], str]) -> None:
    rpc = Rpc(babbler(b" ", 0.02), timeout=0.1)
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    rpc.close()
    assert refused.value.reason == "timeout"


@pytest.mark.timeout(30)
def test_an_answer_without_end_is_not_kept(
    babbler: Callable[[bytes, float], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.chain.provider.MOST_BYTES", 2**20)
    rpc = Rpc(babbler(bytes(2**16), 0), timeout=1000)
    with pytest.raises(ChainUnreachable) as refused:
        rpc.chain_id()
    rpc.close()
    assert refused.value.reason == "timeout"


def test_a_shown_url_has_nothing_that_may_be_a_key() -> None:
    hidden = ["https://me:hidden@node/", "https://node/hidden", "https://node?hidden", "https://node:hidden/"]
    assert {shown(url) for url in hidden} == {"https://node", "https://node/..."}


@pytest.mark.parametrize("urls", [[], "ftp://127.0.0.1", ["http://127.0.0.1", "file:///x"], ""])
def test_only_http_urls_are_nodes(urls: list[str] | str) -> None:
    with pytest.raises(InvalidInput):
        Rpc(urls)


def test_a_proxy_in_the_environment_never_sees_calls_to_this_machine(
    node: Callable[[Reply], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert Rpc(node(results("0x7"))).chain_id() == 7


def test_facts_of_a_real_node(chain: Chain) -> None:
    rpc, owner = chain.rpc, account("owner").address
    tip = rpc.block("latest")
    assert tip is not None
    assert rpc.block(tip.number) == tip
    assert rpc.block(tip.number + 1) is None
    parent = rpc.block(tip.number - 1)
    assert parent is not None
    assert parent.hash == tip.parent
    assert rpc.nonce(owner) == 3
    assert rpc.balance(owner) > 0
    assert rpc.code(chain.deployment.registry)
    assert rpc.code(owner) == b""
    assert rpc.fees().base_fee > 0
    assert [log.number for log in rpc.logs(0, tip.number, [chain.deployment.directory])]
    with pytest.raises(ChainUnreachable) as refused:
        rpc.request("eth_nothing")
    assert refused.value.reason == "rpc_error"
