"""Data: tables with their records, files in and out; variables."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.common import DATA, AsJson, Limit, do_one, quiet_settings, run_to_end, show_list

commands = typer.Typer()


tables_app = typer.Typer(
    help="Tables: records, declared columns, files in and out.", no_args_is_help=True
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
def table_list(json: AsJson = False) -> None:
    """List the tables."""
    from hub.transfer.command import list_tables

    run_to_end(list_tables(quiet_settings(), as_json=json))


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
def table_spec(table: Table, json: AsJson = False) -> None:
    """Show what is declared of a table, in JSON.

    As declare takes it.
    """
    from hub.transfer.command import show_spec

    run_to_end(show_spec(quiet_settings(), table))


@tables_app.command("declare")
def table_declare(table: Table, file: File, json: AsJson = False) -> None:
    """Declare a table's columns.

    The file holds {columns: {mail: {type: 'text', unique: true}}}.
    """
    from hub.transfer.command import declare

    run_to_end(declare(quiet_settings(), table, file, as_json=json))


@tables_app.command("import")
def table_import(table: Table, file: File, form: FileFormat = None, json: AsJson = False) -> None:
    """Add the rows of a file: all of them, or none."""
    from hub.transfer.command import import_file

    run_to_end(import_file(quiet_settings(), table, file, form, as_json=json))


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


variables_app = typer.Typer(help="Variables: values for env.X.", no_args_is_help=True)
commands.add_typer(variables_app, name="variable", rich_help_panel=DATA)
Name = Annotated[str, typer.Argument(help="The variable.")]


@variables_app.command("list")
def variable_list(limit: Limit = 500, json: AsJson = False) -> None:
    """List the variables; secret ones are masked."""
    show_list("/v1/variables", "name value secret managed_by updated_at", limit, json)


@variables_app.command("set")
def variable_set(
    name: Name,
    value: Annotated[str, typer.Argument(help="Its value; - reads standard input.")],
    secret: Annotated[
        bool, typer.Option("--secret", help="Never shown, and only used where it leaves the hub.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Set a variable."""
    given = sys.stdin.read().removesuffix("\n") if value == "-" else value
    body = {"value": given, "secret": secret}
    do_one("PUT", "/v1/variables/{name}", f"{name} is set.", json, body, name=name)


@variables_app.command("remove")
def variable_remove(name: Name, json: AsJson = False) -> None:
    """Remove a variable."""
    do_one("DELETE", "/v1/variables/{name}", f"{name} is removed.", json, name=name)
