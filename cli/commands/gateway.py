"""`consent gateway`: what an operator prepares and looks after."""

from pathlib import Path
from typing import Annotated

import typer

from cli import erasing, operating
from cli.exits import Exit
from cli.groups import command, make_group
from cli.params import BackupDirectory, KeysDirectory, SettingsFile, State
from cli.session import of
from cli.shapes.consents import ApplicationMade
from cli.shapes.operating import GatewaySettingsExample
from cli.shapes.stack import GatewayKeysMade
from cli.views import erasing as erasing_view
from cli.views import operating as operating_view
from cli.views import stack as view

app = make_group(
    "gateway", "Look after a gateway. Run it with 'consent serve', or with a chain: 'consent up'."
)


@command(app)
def init(context: typer.Context, state: State = None) -> None:
    """Make the gateway's four secret files. Those that are there stay as they are.

    Back up log.key and relayer.key. Never keep data.key in one place with the database.

    Examples:
      consent gateway init
      consent gateway init --state /var/lib/consent
    """
    from ledger.service.keys import NAMES, GatewayKeys

    session = of(context)
    directory = (state or session.home.stack) / "keys"
    keys = GatewayKeys.create(directory)
    shape = GatewayKeysMade(
        directory=str(directory),
        account=keys.relayer.address,
        files=[str(directory / name) for name in NAMES],
    )
    session.output.result(shape, view.gateway_keys_text(shape))


@command(app)
def settings(
    context: typer.Context,
    settings_file: SettingsFile = None,
    state: State = None,
    check: Annotated[bool, typer.Option("--check", help="Say only whether all can be used.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Write a file with all, explained.")] = False,
) -> None:
    """Show every setting of a gateway with its value and where that is from; all errors at once.

    Flags come before variables CONSENT_<NAME>, those before the file, that before the defaults. The file is
    settings.toml in the state directory unless another is named.

    Examples:
      consent gateway settings --example > settings.toml
      consent gateway settings --check --settings settings.toml
      consent gateway settings
    """
    from api.settingstext import example as example_text
    from cli.serving import operated

    session = of(context)
    if example:
        session.output.result(GatewaySettingsExample(text=example_text()), example_text().rstrip("\n"))
        return
    shape = operating.shown(operated(session, state=state, file=settings_file))
    session.output.result(shape, operating_view.settings_text(shape, check=check))


@command(app)
def backup(
    context: typer.Context,
    directory: BackupDirectory,
    keys: KeysDirectory = None,
    settings_file: SettingsFile = None,
    state: State = None,
) -> None:
    """Back up a gateway's database, also while it runs, and with --keys its keys into a place apart.

    Both directories are made; who has both reads everything. Delete copies of the keys after the days that
    patients are told of (key_backup_days, at most 30): until then an erasure is not whole. Blocks are not
    in it.

    Example:
      consent gateway backup /backup/consent-monday --keys /safe/consent-keys-monday
    """
    from cli.serving import operated

    session = of(context)
    settings = operated(session, state=state, file=settings_file).settings
    shape = operating.back_up(settings, directory, keys)
    session.output.result(shape, operating_view.backed_up_text(shape))


@command(app)
def restore(
    context: typer.Context,
    directory: BackupDirectory,
    keys: KeysDirectory = None,
    settings_file: SettingsFile = None,
    state: State = None,
) -> None:
    """Put a backup back where there is nothing, and look at it as the gateway will before it serves.

    Nothing is overwritten. Without --keys the keys that are there stay, which is right if only the database
    was lost: they know who was erased since. With an older log than the chain's anchor the exit code is 10.

    Example:
      consent gateway restore /backup/consent-monday --state /var/lib/consent
    """
    from api.restoring import restore as put_back
    from cli.serving import operated

    session = of(context)
    found = put_back(operated(session, state=state, file=settings_file).settings, directory, keys)
    shape = operating.restored(found, drill=False)
    session.output.result(shape, operating_view.restored_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)


@command(app)
def drill(
    context: typer.Context,
    directory: BackupDirectory,
    keys: Annotated[Path, typer.Option("--keys", metavar="DIR", help="The backup of the keys.")],
    scratch: Annotated[
        str | None, typer.Option("--scratch-database", metavar="URL", help="An empty one, for PostgreSQL.")
    ] = None,
    settings_file: SettingsFile = None,
    state: State = None,
) -> None:
    """Restore a backup into a scratch directory, look at it as the gateway would, and throw it away.

    The gateway that runs is left alone. The exit code is 10 if the backup is not what one could go on with.

    Example:
      consent gateway drill /backup/consent-monday --keys /safe/consent-keys-monday
    """
    from api.restoring import drill as tried
    from cli.serving import operated

    session = of(context)
    settings = operated(session, state=state, file=settings_file).settings
    shape = operating.restored(tried(settings, directory, keys, database_url=scratch), drill=True)
    session.output.result(shape, operating_view.restored_text(shape))
    if not shape.ok:
        raise typer.Exit(Exit.FAILED)


@command(app)
def apply(
    context: typer.Context,
    name: Annotated[str, typer.Option(metavar="TEXT", help="The gateway's public name.")],
    state: State = None,
) -> None:
    """Write the gateway's signed application to the directory, for an accreditor.

    Auditors accept a log only of a gateway that is admitted.

    Example:
      consent gateway apply --name "City gateway" > gateway.application
    """
    from ledger.client.applying import apply_as_gateway
    from ledger.service.keys import GatewayKeys

    session = of(context)
    keys = GatewayKeys.load((state or session.home.stack) / "keys")
    made = apply_as_gateway(keys.relayer, session.config, name=name)
    shape = ApplicationMade(
        did=made.profile.participant, name=name, roles=made.roles.words, application=made.text.decode()
    )
    session.output.result(shape, shape.application)


@command(app)
def erase(
    context: typer.Context,
    patient: Annotated[str, typer.Argument(metavar="DID", help="Whom, in full.")],
    order: Annotated[str, typer.Option(metavar="TEXT", help="The legal order by name: court and number.")],
    confirm: Annotated[
        str | None, typer.Option(metavar="DID", help="The same, where nobody can type it.")
    ] = None,
    settings_file: SettingsFile = None,
    state: State = None,
    deployment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Chain and contracts [env: CONSENT_DEPLOYMENT].")
    ] = None,
) -> None:
    """Erase a patient because a legal order says so, while the gateway is stopped.

    The order's name goes into the log, where auditors count such erasures apart; so it should name nobody.
    What is on chain stays: only the patient could end it there.

    Example:
      consent gateway erase did:pkh:eip155:1:0x4fd8... --order "Court of Appeal 12/2026"
    """
    from cli.serving import operated

    session = of(context)
    settings = operated(session, state=state, file=settings_file, deployment=deployment).settings
    shape = erasing.by_order(session, settings, patient, order=order, confirmed=confirm)
    session.output.result(shape, erasing_view.ordered_text(shape))
