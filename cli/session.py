"""One command's surroundings: what was said for every command, the profile it is for, and its voice."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import typer

from cli import prompts
from cli.options import Globals
from cli.output import Output

if TYPE_CHECKING:
    from ledger.client.config import Config
    from ledger.client.home import Home, ProfileDir
    from ledger.client.opening import Desk, People
    from ledger.crypto.identity import Identity

VARIABLES = {
    "gateway": "CONSENT_GATEWAY",
    "rpc": "CONSENT_RPC",
    "blocks": "CONSENT_BLOCKS",
    "blocks_factor": "CONSENT_BLOCKS_FACTOR",
    "blocks_token_file": "CONSENT_BLOCKS_TOKEN_FILE",
}


@dataclass(slots=True)
class Session:
    """Made by the root command, handed to every other as the context's object."""

    given: Globals
    output: Output
    _identity: "Identity | None" = field(default=None, repr=False)

    @property
    def home(self) -> "Home":
        """Where the profiles are."""
        from ledger.client.home import Home

        return Home.of(os.environ, self.given.home)

    @property
    def profile(self) -> "ProfileDir":
        """The profile this command is for."""
        return self.home.profile(self.given.profile_name(os.environ))

    @property
    def config(self) -> "Config":
        """The profile's network; flags come before the environment, and both before the file.

        A profile that has none takes the network of `consent up` in the same home.
        """
        from ledger.client import files
        from ledger.client.config import Config

        profile, network = self.profile, self.home.network
        if profile.config_file.exists() or not network.exists():
            config = profile.config()
        else:
            config = Config.parse(files.read(network))
        return config.overridden(self.overrides())

    @contextmanager
    def desk(self, *, urgent: bool = False) -> Iterator["Desk"]:
        """The profile opened for work, or to stop something (see `open_desk`); it asks for the passphrase."""
        from ledger.client.opening import open_desk

        config = self.config
        with open_desk(self.profile, config, self.identity(), urgent=urgent) as desk:
            yield desk

    @contextmanager
    def people(self) -> Iterator["People"]:
        """The people around the profile; nothing is unlocked."""
        from ledger.client.opening import open_people

        with open_people(self.profile, self.config) as people:
            yield people

    def overrides(self) -> dict[str, str]:
        """The settings that flags or the environment give."""
        found = {key: os.environ[name] for key, name in VARIABLES.items() if os.environ.get(name)}
        return {**found, **self.flags()}

    def flags(self) -> dict[str, str]:
        """The settings that flags give."""
        flags = {"gateway": self.given.gateway, "rpc": self.given.rpc}
        return {key: value for key, value in flags.items() if value}

    def identity(self) -> "Identity":
        """The profile's identity, unlocked once per command."""
        if self._identity is None:
            self.profile.account()
            question = f"Passphrase of {self.profile.name}"
            self._identity = self.profile.unlock(prompts.passphrase(self.given, question))
        return self._identity

    def confirm(self, question: str) -> None:
        """Return if the user says yes; else Declined."""
        prompts.confirm(self.given, question)

    def confirm_typed(self, question: str, wanted: str) -> None:
        """Return if the user types `wanted`; else Declined."""
        prompts.confirm_typed(self.given, question, wanted)


def of(context: typer.Context) -> Session:
    """The session of a command's context."""
    return cast("Session", context.obj)


def now() -> datetime:
    """The time at this edge, aware, UTC."""
    return datetime.now(UTC)
