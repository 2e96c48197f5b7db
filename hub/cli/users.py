"""Who signs in to the dashboard: a link that lets in once, and people with passwords."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.common import (
    OPERATE,
    AsJson,
    Limit,
    at_desk,
    give_up,
    quiet_settings,
    ran,
    show_list,
    tell,
)
from hub.errors import InvalidError, NotFoundError
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.web.desk import Desk

commands = typer.Typer()
user_app = typer.Typer(help="People who sign in to the dashboard.", no_args_is_help=True)
commands.add_typer(user_app, name="user", rich_help_panel=OPERATE)
_MOST = 10_000
User = Annotated[str, typer.Argument(metavar="USER", help="Their name, or their id.")]
Role = Annotated[str, typer.Option(help="viewer looks, operator changes, admin does all.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, a line."),
]


@commands.command(rich_help_panel=OPERATE)
def login(json: AsJson = False) -> None:
    """Print a link that signs you in to the dashboard, once.

    It is good for an hour, and lets in whoever has it, as an admin.
    """
    link, life_s = ran(_link(quiet_settings()))
    tell(link, {"link": link, "ends_in_s": life_s}, json)


async def _link(settings: Settings) -> tuple[str, int]:
    from hub.bootstrap import current_ledger
    from hub.dashboard.sessions import LINK_LIFE_S, new_link

    async with current_ledger(settings) as ledger:
        return await new_link(ledger, settings.root), LINK_LIFE_S


@user_app.command("list")
def user_list(limit: Limit = 50, json: AsJson = False) -> None:
    """List the users and their roles."""
    show_list("/v1/users", "id name role updated_at", limit, json)


@user_app.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="What they sign in with.")],
    role: Role,
    password_stdin: FromStdin = False,
    json: AsJson = False,
) -> None:
    """Let somebody sign in; their password is asked for."""
    wish = {"name": name, "role": role, "password": _password(from_stdin=password_stdin)}
    told = at_desk(lambda desk: desk.ask("POST", "/v1/users", body={**wish}))
    tell(f"{name} may sign in as {role}.", told, json)


@user_app.command("change")
def user_change(
    user: User,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    role: Annotated[str | None, typer.Option(help="viewer, operator or admin.")] = None,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a new password; it ends their sessions.")
    ] = False,
    password_stdin: FromStdin = False,
    json: AsJson = False,
) -> None:
    """Change a user's name, role or password."""
    wish: dict[str, Any] = {"name": name, "role": role}
    if password or password_stdin:
        wish["password"] = _password(from_stdin=password_stdin)
    given = {word: value for word, value in wish.items() if value is not None}

    async def change(desk: "Desk") -> Any:
        user_id = await _id_of(desk, user)
        return await desk.ask("PATCH", "/v1/users/{id}", {"id": user_id}, body=given)

    told = at_desk(change)
    tell(f"{told['name']} is changed: {told['role']}.", told, json)


@user_app.command("remove")
def user_remove(user: User, json: AsJson = False) -> None:
    """Remove a user, and sign them out everywhere."""

    async def remove(desk: "Desk") -> str:
        user_id = await _id_of(desk, user)
        await desk.ask("DELETE", "/v1/users/{id}", {"id": user_id})
        return user_id

    told = {"id": at_desk(remove), "removed": True}
    tell(f"{user} is removed.", told, json)


async def _id_of(desk: "Desk", user: str) -> str:
    known = await desk.listed("/v1/users", _MOST)
    found = next((each for each in known if user in (each["name"], each["id"])), None)
    if found is None:
        raise NotFoundError(
            f"There is no user {user[:200]!r}: `hub user list` names them.", code="user_unknown"
        )
    return str(found["id"])


def _password(*, from_stdin: bool) -> str:
    """What somebody types twice and unseen, or a line of standard input."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        give_up(
            InvalidError(
                "Nobody is there to type a password: give --password-stdin.",
                code="password_missing",
            )
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
