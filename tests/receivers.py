"""Receivers of webhooks, as strangers build them: with a library for RFC 9421, and where the key is."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, MappingKeyResolver, VerifyResult
from http_message_signatures.algorithms import ED25519

from ledger.service.hooksigning import Message


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Answer = Callable[[Received], int]


@dataclass
class Receiver:
    """Listens on loopback, keeps what it gets, and answers as it is told."""

    tls: ssl.SSLContext | None = None
    answer: Answer = lambda _: 204
    received: list[Received] = field(default_factory=list)
    authority: str = ""

    @property
    def url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://{self.authority}/hooks?of=clinic"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [one.event for one in list(self.received)]

    @property
    def kinds(self) -> list[str]:
        return [str(event["type"]) for event in self.events]

    @contextmanager
    def listening(self) -> Iterator["Receiver"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        if self.tls is not None:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True)
        self.authority = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            scheme = "http" if receiver.tls is None else "https"
            url = f"{scheme}://{self.headers['Host']}{self.path}"
            got = Received(method="POST", url=url, headers=dict(self.headers.items()), body=body)
            receiver.received.append(got)
            status = receiver.answer(got)
            if status:
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def verified(got: Received, jwks: dict[str, Any]) -> VerifyResult:
    """What the signature of a request covers; raises unless a key of the set has made it."""
    keys = {key["kid"]: Ed25519PublicKey.from_public_bytes(_unb64url(key["x"])) for key in jwks["keys"]}
    verifier = HTTPMessageVerifier(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys=cast(Any, keys), private_keys={}),
    )
    message = Message(got.method, got.url, dict(got.headers))
    (result,) = verifier.verify(message, body=got.body)
    return result


def _unb64url(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def certificate(directory: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a server with a certificate of its own for `host`, and of a client that trusts it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "receiver.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))
