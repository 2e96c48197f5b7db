"""Keys: those that the API is used with, and those that secrets are encrypted with."""

from typing import Annotated

import typer

from hub.cli.common import OPERATE, AsJson, quiet_settings, ran, run_to_end, tell
from hub.errors import SettingsError
from hub.settings import Settings

commands = typer.Typer()


key_app = typer.Typer(help="The keys that the API is used with.", no_args_is_help=True)
commands.add_typer(key_app, name="key", rich_help_panel=OPERATE)


@key_app.command("list")
def key_list(json: AsJson = False) -> None:
    """List the keys: who uses them, what they may do, when they end and were used last."""
    from hub.commands.keeping_keys import list_keys

    run_to_end(list_keys(quiet_settings(), as_json=json))


@key_app.command("new")
def key_new(
    name: Annotated[str, typer.Argument(help="Who uses it, or what for.")],
    scope: Annotated[
        list[str], typer.Option(help="admin, write, read, ingest, run, publish; may be repeated.")
    ],
    expires_at: Annotated[
        str | None, typer.Option(help="When it ends, such as 2027-01-31T00:00:00Z; never if none.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Make a key, and show it this once."""
    from hub.commands.keeping_keys import make_key

    run_to_end(make_key(quiet_settings(), name, scope, expires_at, as_json=json))


@key_app.command("revoke")
def key_revoke(
    id: Annotated[str, typer.Argument(help="Its id, as list shows it.")],  # noqa: A002 - shown
    json: AsJson = False,
) -> None:
    """Revoke a key; the last one that can make others stays."""
    from hub.commands.keeping_keys import revoke_key

    run_to_end(revoke_key(quiet_settings(), id, as_json=json))


secret_app = typer.Typer(
    help="Secrets in the ledger: what they are encrypted with.", no_args_is_help=True
)
commands.add_typer(secret_app, name="secret", rich_help_panel=OPERATE)


@secret_app.command("reencrypt")
def secret_reencrypt(json: AsJson = False) -> None:
    """Encrypt every secret with the first key.

    That of HUB_SECRET_KEY; plain secrets too.
    """
    changed = ran(_reencrypt(quiet_settings()))
    said = f"{changed} objects were encrypted anew. Older keys are not needed any more."
    tell(said, {"changed": changed}, json)


async def _reencrypt(settings: Settings) -> int:
    from hub.bootstrap import current_ledger
    from hub.store.objects import RESEAL

    if not settings.secret_keys:
        raise SettingsError("There is no key to encrypt with: set HUB_SECRET_KEY.")
    async with current_ledger(settings) as ledger:
        return await ledger.write(RESEAL, None)
