"""Tables: records, and files in and out."""

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import DATA, AsJson, quiet_settings, run_to_end

commands = typer.Typer()


tables_app = typer.Typer(
    help="Tables: what is in them, what is declared of them, files in and out.",
    no_args_is_help=True,
)
commands.add_typer(tables_app, name="table", rich_help_panel=DATA)
Table = Annotated[str, typer.Argument(help="The table.")]
File = Annotated[Path, typer.Argument(help="A file, or - for standard input.")]
FileFormat = Annotated[
    str | None, typer.Option("--format", help="csv or jsonl; without it the file's ending says.")
]
Filter = Annotated[str | None, typer.Option("--filter", help='{"status": "open"}, as JSON.')]
Sort = Annotated[str | None, typer.Option("--sort", help='{"created_at": "desc"}, as JSON.')]


@tables_app.command("list")
def table_list() -> None:
    """List the tables."""
    from hub.transfer.command import list_tables

    run_to_end(list_tables(quiet_settings()))


@tables_app.command("show")
def table_show(
    table: Table,
    filter: Filter = None,  # noqa: A002 - the option's name
    sort: Sort = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many records.")] = 20,
    json: AsJson = False,
) -> None:
    """Show records."""
    from hub.transfer.command import Wanted, show

    run_to_end(show(quiet_settings(), Wanted(table, filter, sort, limit), as_json=json))


@tables_app.command("spec")
def table_spec(table: Table) -> None:
    """Show what is declared of a table, as declare takes it."""
    from hub.transfer.command import show_spec

    run_to_end(show_spec(quiet_settings(), table))


@tables_app.command("declare")
def table_declare(table: Table, file: File) -> None:
    """Declare a table's columns: {columns: {mail: {type: 'text', unique: true}}}."""
    from hub.transfer.command import declare

    run_to_end(declare(quiet_settings(), table, file))


@tables_app.command("import")
def table_import(table: Table, file: File, form: FileFormat = None) -> None:
    """Add the rows of a file: all of them, or none where one cannot be."""
    from hub.transfer.command import import_file

    run_to_end(import_file(quiet_settings(), table, file, form))


@tables_app.command("export")
def table_export(
    table: Table,
    out: Annotated[Path | None, typer.Option(help="The file; without it standard output.")] = None,
    form: FileFormat = None,
    filter: Filter = None,  # noqa: A002 - the option's name
    sort: Sort = None,
) -> None:
    """Write records as CSV or JSON lines."""
    from hub.transfer.command import Wanted, export

    run_to_end(export(quiet_settings(), Wanted(table, filter, sort), out, form))
