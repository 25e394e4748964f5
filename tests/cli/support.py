"""What a command did, as tests look at it."""

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.main import main
from cli.schemas import all_shapes
from cli.shapes import Shape, schema_name

SHAPES = {schema_name(kind): kind for kind in all_shapes()}
VARIABLES = tuple(
    f"CONSENT_{name}" for name in ("HOME", "PASSPHRASE_FILE", "PROFILE", "GATEWAY", "RPC", "BLOCKS")
)
CONTRACTS = {
    "registry": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "directory": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    "anchor": "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The one JSON object on stdout, which obeys the schema that it names."""
        value = msgspec.json.decode(self.out)
        assert isinstance(value, dict)
        msgspec.convert(value, SHAPES[value["schema"]], strict=True)
        assert self.out.count("\n") == 1
        return value

    def shape(self, kind: type[Shape]) -> Any:  # noqa: ANN401
        """The JSON object as a shape of that kind."""
        return msgspec.json.decode(self.out, type=kind)


Consent = Callable[..., Ran]


def made(consent: Consent, name: str, directory: Path, *more: str | Path) -> Ran:
    """A new identity, its words in a file of that name in a directory."""
    given = ["--work-factor", "14", "--words-to", directory / f"{name}.words", *more]
    ran = consent("-p", name, "identity", "create", *given)
    assert ran.code == 0, ran.err
    return ran


def commands(place: object, path: str = "consent") -> Iterator[tuple[str, Any]]:
    """Every command and group below one, with its name in full."""
    for name, child in getattr(place, "commands", {}).items():
        yield f"{path} {name}", child
        yield from commands(child, f"{path} {name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A running stack, and people with profiles on it."""

    home: Path
    database: Path

    def run(self, *arguments: str | Path) -> Ran:
        """Run one command; nobody can be asked."""
        out, err = io.StringIO(), io.StringIO()
        given = ["--home", str(self.home), "--passphrase-file", str(self.home / "passphrase")]
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            for name in VARIABLES:
                patch.delenv(name, raising=False)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
            code = main([*given, *map(str, arguments)])
        return Ran(code=code, out=out.getvalue(), err=err.getvalue())

    def ok(self, *arguments: str | Path) -> dict[str, Any]:
        """The answer of a command that ends well, as data."""
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, (arguments, ran.out, ran.err)
        return ran.answer

    def failed(self, code: int, *arguments: str | Path) -> dict[str, Any]:
        """The error of a command that ends with this code."""
        ran = self.run(*arguments, "--json")
        assert ran.code == code, (arguments, ran.out, ran.err)
        error = ran.answer["error"]
        assert isinstance(error, dict)
        return error

    def newcomer(self, name: str) -> str:
        """A person with an identity; their did."""
        words = self.home / f"{name}.words"
        made = self.ok("-p", name, "identity", "create", "--work-factor", "14", "--words-to", words)
        return str(made["did"])

    def admitted(self, name: str, shown: str, role: str = "provider") -> str:
        """A participant of the directory; their did."""
        did = self.newcomer(name)
        path = self.home / f"{name}.application"
        applied = self.ok("-p", name, "participant", "apply", "--name", shown, "--role", role)
        path.write_text(applied["application"])
        self.ok("participant", "admit", path, "--yes")
        return did

    def introduced(self, name: str, *to: str) -> None:
        """Hand somebody's card to others."""
        path = self.home / f"{name}.card"
        path.write_text(self.ok("-p", name, "identity", "show", "--card", "--name", name.title())["card"])
        for other in to:
            self.ok("-p", other, "contact", "add", name, path)

    def consents(self, name: str) -> list[dict[str, Any]]:
        """Somebody's consents as `consent list` shows them."""
        found = self.ok("-p", name, "list")["consents"]
        assert isinstance(found, list)
        return found
