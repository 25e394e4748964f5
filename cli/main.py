"""The `consent` command: parse, run one command, turn every error into an exit code and one clear block."""

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from cli import errors
from cli.commands import (
    audit,
    config,
    consents,
    contact,
    contracts,
    demo,
    doctor,
    emergency,
    gateway,
    identity,
    inbox,
    ipfs,
    network,
    participant,
    patient,
    policy,
    reading,
    record,
    relayer,
    request,
    stack,
    webhook,
)
from cli.exits import Exit
from cli.groups import PLAIN, command
from cli.options import VALUED, Globals, hoist
from cli.output import Output
from cli.session import Session
from ledger import __version__

app = typer.Typer(
    name="consent",
    help="""Decide who may read which of your health records, and prove it.

    \b
    A first look:        consent demo
    A network to stay:   consent up
    As a patient:        consent identity create, consent record add, consent grant
    As a provider:       consent identity create, consent participant apply, consent read
    As an auditor:       consent audit verify
    With files alone:    consent policy validate, consent policy evaluate

    The options below may stand before or after any command. Exit codes: 0 done, 2 wrong request, 3 try again,
    4 key needed, 5 you said no, 10 a proof fails, 11 denied, 12 cannot decide yet, 13-21 audit findings.
    """,
    **PLAIN,
)
command(app)(consents.grant)
command(app, "list")(consents.list_)
command(app)(consents.show)
command(app)(consents.revoke)
command(app)(reading.read)
command(app)(inbox.inbox)
command(app)(stack.up)
command(app)(stack.serve)
command(app)(demo.demo)
command(app)(doctor.doctor)
for group in (
    identity,
    contact,
    participant,
    record,
    request,
    webhook,
    emergency,
    audit,
    policy,
    patient,
    gateway,
    relayer,
    config,
    contracts,
    network,
    ipfs,
):
    app.add_typer(group.app)


@app.callback()
def root(
    context: typer.Context,
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", metavar="NAME", help="Who you are [env: CONSENT_PROFILE]."),
    ] = None,
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where profiles are kept [env: CONSENT_HOME].")
    ] = None,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the passphrase here [env: CONSENT_PASSPHRASE_FILE]."),
    ] = None,
    gateway_url: Annotated[
        str | None,
        typer.Option("--gateway", metavar="URL", help="The gateway to use [env: CONSENT_GATEWAY]."),
    ] = None,
    rpc: Annotated[
        str | None, typer.Option(metavar="URL", help="The chain node to read [env: CONSENT_RPC].")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the answer.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show where an error comes from.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="You have read it and agree.")] = False,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Read the options that every command has."""
    given = Globals(
        profile=profile,
        home=home,
        passphrase_file=passphrase_file,
        gateway=gateway_url,
        rpc=rpc,
        json=json,
        quiet=quiet,
        verbose=verbose,
        no_input=no_input,
        yes=yes,
    )
    context.obj = Session(given, Output(json=json, quiet=quiet))
    if show_version:
        typer.echo(f"consent-ledger {__version__}")
        raise typer.Exit(Exit.OK)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(Exit.OK)


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code; nothing is raised."""
    arguments = hoist(sys.argv[1:] if argv is None else argv)
    where, json, verbose = where_in(arguments), "--json" in arguments, {"-v", "--verbose"} & {*arguments}
    try:
        return int(tree().main(args=arguments, prog_name="consent", standalone_mode=False) or 0)
    except TyperException as exc:
        errors.report(errors.usage_failure(exc.format_message(), where), json=json)
        return Exit.USAGE
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else Exit.UNEXPECTED
    except Exception as exc:
        failure, code = errors.failure_of(exc, where)
        errors.report(failure, json=json, trace=exc if verbose else None)
        return code


def run() -> None:
    """The entry point of the installed command."""
    sys.exit(main())


@cache
def tree() -> Any:  # noqa: ANN401 - typer does not export the class of its commands
    """The tree of commands, built once."""
    return typer.main.get_command(app)


def where_in(arguments: list[str]) -> str:
    """The command that these arguments name, such as ``consent record add``."""
    place, words, value = tree(), ["consent"], False
    for argument in arguments:
        if not value and argument in getattr(place, "commands", {}):
            place = place.commands[argument]
            words.append(argument)
        value = argument in VALUED
    return " ".join(words)
