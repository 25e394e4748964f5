"""HTTP on the wire: what cannot be parsed is answered with a problem document too."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.problems import problem
from api.requestids import answer_headers, new_identifier


class Protocol(HttpToolsProtocol):
    """The server's own, but for its answer to what is no HTTP, or of a method that HTTP does not have."""

    def send_400_response(self, msg: str) -> None:
        """Refuse and close; whatever `msg` says of the bytes is not told."""
        identifier = new_identifier()
        refused = problem(
            400,
            "invalid_input",
            "the request could not be read as HTTP",
            reason="not_http",
            fix="Send HTTP/1.1 with a method that it names.",
            request_id=identifier,
        )
        headers = [*refused.raw_headers, *answer_headers(identifier), (b"connection", b"close")]
        lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
        self.transport.write(b"\r\n".join([*lines, b"", refused.body]))
        self.transport.close()
