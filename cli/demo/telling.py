"""Setting the scene and clearing it away: a stack, a home and a directory that exist only for one story."""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.demo.sources import Sources
from cli.demo.stage import Run, Say, Stage, StoryFailed
from cli.demo.story import Story
from cli.shapes.demo import DemoReport
from cli.views.text import table
from ledger.client.config import Config

if TYPE_CHECKING:
    from api.stack import Stack

PASSPHRASE = "for the demo only"  # noqa: S105 - everything that it protects is gone a minute later
UNLOCKED_BY = "passphrase"
ANCHOR_SECONDS = 2
NAMES = ("CONSENT_PROFILE", "CONSENT_GATEWAY", "CONSENT_RPC", "CONSENT_BLOCKS")


def tell(run: Run, say: Say, bundle: Path | None) -> DemoReport:
    """The whole story; nothing of it is left afterwards.

    Args:
        run: runs one command line.
        say: shows text.
        bundle: any FHIR R4 bundle with exactly one Patient; the one that ships with the project if None.

    Raises:
        BundleRejected, NotFound: the bundle cannot be used.
        ToolMissing, StoreUnavailable: the local chain does not start.
    """
    from api.stack import Stack

    began = time.monotonic()
    sources = Sources.of(bundle)
    stage, failure = Stage(run=run, say=say), None
    with (
        _scene() as home,
        Stack(home / "stack", anchor_interval=ANCHOR_SECONDS, admit_gateway=False) as stack,
    ):
        say(_opening(home, stack))
        try:
            Story(stage=stage, sources=sources, database=stack.database).tell()
        except StoryFailed as exc:
            failure = str(exc)
    return DemoReport(
        ok=failure is None,
        bundle="the one that ships with the project" if bundle is None else str(bundle),
        seconds=round(time.monotonic() - began, 1),
        commands=stage.commands,
        facts=stage.facts,
        steps=stage.steps,
        failure=failure,
    )


@contextmanager
def _scene() -> Iterator[Path]:
    """A temporary home, made the working directory and named in the environment."""
    with tempfile.TemporaryDirectory(prefix="consent-demo-") as name:
        home = Path(name)
        passphrase = home / UNLOCKED_BY
        passphrase.touch(mode=0o600)
        passphrase.write_text(f"{PASSPHRASE}\n", "ascii")
        named = {"CONSENT_HOME": str(home), "CONSENT_PASSPHRASE_FILE": str(passphrase)}
        with _environment(named), chdir(home):
            yield home


@contextmanager
def _environment(named: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in NAMES:
        os.environ.pop(name, None)
    os.environ.update(named)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _opening(home: Path, stack: "Stack") -> str:
    network = Config.parse(stack.network.read_bytes()).deployment
    rows = [
        ("chain", f"{network.chain_id} at {stack.rpc_url}"),
        ("gateway", stack.url),
        ("ConsentRegistry", network.registry),
        ("ParticipantDirectory", network.directory),
        ("CheckpointAnchor", network.anchor),
    ]
    return (
        "Consent Ledger from end to end: a local chain, its contracts and a gateway, all on this machine.\n"
        f"{table(rows, indent='  ')}\n"
        "Every command below is real, and every [ok] is checked. All of it is gone when the story ends.\n"
        f"\n$ export CONSENT_HOME={home} CONSENT_PASSPHRASE_FILE={home / UNLOCKED_BY}\n$ cd {home}"
    )
