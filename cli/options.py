"""The options that every command takes, before or after its name.

`hoist` moves them to the front, where the one root command reads them; so no command repeats them, and none
may have an option of the same name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FLAGS = frozenset({"--json", "--quiet", "-q", "--verbose", "-v", "--no-input", "--yes", "-y"})
VALUED = frozenset({"--profile", "-p", "--home", "--passphrase-file", "--gateway", "--rpc"})

DEFAULT_PROFILE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Globals:
    """What was said on the command line for every command; None means not said."""

    profile: str | None = None
    home: Path | None = None
    passphrase_file: Path | None = None
    gateway: str | None = None
    rpc: str | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    no_input: bool = False
    yes: bool = False

    def profile_name(self, environment: Mapping[str, str]) -> str:
        """The profile's name: flag, else ``CONSENT_PROFILE``, else ``default``."""
        return self.profile or environment.get("CONSENT_PROFILE") or DEFAULT_PROFILE

    def passphrase_source(self, environment: Mapping[str, str]) -> Path | None:
        """The file with the passphrase: flag, else ``CONSENT_PASSPHRASE_FILE``, else None."""
        named = environment.get("CONSENT_PASSPHRASE_FILE")
        return self.passphrase_file or (Path(named) if named else None)


def hoist(arguments: Sequence[str]) -> list[str]:
    """The same arguments with the global options first; what follows ``--`` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    pending = list(arguments)
    while pending:
        argument = pending.pop(0)
        if argument == "--":
            return [*front, *rest, argument, *pending]
        if argument in FLAGS or argument.partition("=")[0] in VALUED - {argument}:
            front.append(argument)
        elif argument in VALUED:
            front += [argument, *pending[:1]]
            del pending[:1]
        else:
            rest.append(argument)
    return [*front, *rest]
