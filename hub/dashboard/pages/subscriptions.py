"""Subscriptions: which events start a task, or go to a destination."""

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from hub.dashboard.setting import NEW, setting_of
from hub.dashboard.view import Page, View
from hub.errors import HubError
from hub.model.key import Scope
from hub.model.subscription import Subscription


def _known(view: View) -> Mapping[str, Sequence[str]]:
    now = view.hub.catalog.now
    tasks = sorted(each.full_name for one in now.stacks.values() for each in one.tasks.values())
    return {
        "/source": [*sorted(now.sources), "hub"],
        "/task": tasks,
        "/destination": sorted(now.destinations),
    }


_FIRST = ("source", "event_type", "filter", "task", "destination")
SUBSCRIPTIONS = setting_of("subscription", Subscription, _FIRST, _known)
_LIST, _ONE = SUBSCRIPTIONS.pages, f"{SUBSCRIPTIONS.pages}/{{slug}}"


async def _list(view: View) -> Response:
    found = await view.page_of("/v1/subscriptions")
    return view.page("subscriptions.html", subscriptions=found["items"], more=found["more"])


async def _blank(view: View) -> Response:
    fields = {each.key for each in SUBSCRIPTIONS.form.fields}
    start = {name: value for name, value in view.given.items() if name in fields}
    return SUBSCRIPTIONS.blank(view, start)


async def _show(view: View) -> Response:
    return view.page("subscription.html", subscription=await SUBSCRIPTIONS.one(view))


async def _ping(view: View) -> Response:
    slug = view.part("slug")
    try:
        told = await view.ask("POST", "/v1/subscriptions/{slug}/ping", {"slug": slug})
    except HubError as error:
        return view.go(SUBSCRIPTIONS.page_of(slug), error.message, is_bad=True)
    return view.go(f"/dashboard/deliveries/{told['delivery_id']}", "The ping is on its way.")


PAGES = (
    Page("GET", _LIST, _list),
    Page("GET", f"{_LIST}/{NEW}", _blank, Scope.WRITE),
    Page("POST", f"{_LIST}/{NEW}", SUBSCRIPTIONS.make, Scope.WRITE),
    Page("GET", _ONE, _show),
    Page("GET", f"{_ONE}/edit", SUBSCRIPTIONS.edit, Scope.WRITE),
    Page("POST", f"{_ONE}/edit", SUBSCRIPTIONS.change, Scope.WRITE),
    Page("POST", f"{_ONE}/ping", _ping, Scope.WRITE),
    Page("POST", f"{_ONE}/remove", SUBSCRIPTIONS.remove, Scope.WRITE),
)
