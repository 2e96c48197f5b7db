"""Keys: those that secrets are encrypted with."""

import typer

from hub.cli.common import OPERATE, quiet_settings, run_to_end
from hub.errors import SettingsError
from hub.settings import Settings

commands = typer.Typer()


keys_app = typer.Typer(
    help="The keys that secrets in the ledger are encrypted with.", no_args_is_help=True
)
commands.add_typer(keys_app, name="keys", rich_help_panel=OPERATE)


@keys_app.command("reencrypt")
def keys_reencrypt() -> None:
    """Encrypt every secret in the ledger with the first key of HUB_SECRET_KEY, plain ones too."""
    run_to_end(_reencrypt(quiet_settings()))


async def _reencrypt(settings: Settings) -> None:
    from hub.bootstrap import ledger_of
    from hub.store.migrate import require_current
    from hub.store.objects import RESEAL

    if not settings.secret_keys:
        raise SettingsError("There is no key to encrypt with: set HUB_SECRET_KEY.")
    await require_current(settings.database_url, settings.data)
    ledger = await ledger_of(settings)
    try:
        changed = await ledger.write(RESEAL, None)
    finally:
        await ledger.close()
    typer.echo(f"{changed} objects were encrypted anew. Older keys are not needed any more.")
