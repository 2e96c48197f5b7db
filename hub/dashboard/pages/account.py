"""Your account: who is signed in, and a password of one's own."""

from starlette.responses import Response

from hub.dashboard.view import Page, View
from hub.errors import HubError

_PATH = "/dashboard/account"


async def _show(view: View) -> Response:
    account = await view.ask("GET", "/v1/account")
    return view.page("account.html", account=account, problem=None)


async def _change_password(view: View) -> Response:
    account = await view.ask("GET", "/v1/account")
    wish = {name: view.form.get(name, "") for name in ("present", "password")}
    try:
        await view.ask("POST", "/v1/account/password", body={**wish})
    except HubError as error:
        return view.refused(error, "account.html", account=account)
    # a new password ends every session of theirs: this one begins anew
    token = await view.sessions.open_for(user_id=account["id"])
    said = "Your password is changed, and you are signed out everywhere else."
    response = view.go(_PATH, said)
    view.sessions.keep(view.request, response, token)
    return response


PAGES = (Page("GET", _PATH, _show), Page("POST", f"{_PATH}/password", _change_password))
