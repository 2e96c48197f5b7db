"""What people set by forms: made, changed and removed in one way, whatever it is."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from starlette.responses import Response

from hub.dashboard.forms.field import Doc, Field, Filled
from hub.dashboard.forms.filling import filled, has_secret, typed
from hub.dashboard.forms.reading import beside, read
from hub.dashboard.forms.shape import form_of
from hub.dashboard.view import View
from hub.errors import ConflictError, HubError, InvalidError, NotFoundError
from hub.model.json import loads
from hub.model.masking import MASK

NEW: Final = "+new"
"""Where a new one is made: no slug has such a sign."""
_GAP: Final = "…"
_SHOWN: Final = re.compile(r"`(\{\"connector\": .*\})`")
Known: TypeAlias = Callable[[View], Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a page shows it."""

    form: Field
    filled: Filled
    problems: Mapping[str, Sequence[str]] = field(default_factory=dict)
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What may stand in a field, by its pointer; anything else may too."""

    def wrong(self, each: Field) -> Sequence[str]:
        """What is wrong with a field."""
        return self.problems.get(each.name, ())

    def is_open(self, each: Field) -> bool:
        """Whether there is something to see in a field, or below it."""
        below = (each.name + "/", each.name + ":")
        is_wrong = any(name == each.name or name.startswith(below) for name in self.problems)
        return is_wrong or self.filled.says(each)


@dataclass(frozen=True)
class Setting:
    """How one kind of thing is set by pages."""

    kind: str
    form: Field
    first: tuple[str, ...]
    """The fields that are shown at once; the others are a click away."""
    known: Known

    @property
    def pages(self) -> str:
        """Where its pages are."""
        return f"/dashboard/{self.kind}s"

    @property
    def operation(self) -> str:
        """The path of its operations."""
        return f"/v1/{self.kind}s/{{slug}}"

    def page_of(self, slug: str) -> str:
        """Where the page of one is."""
        return f"{self.pages}/{slug}"

    async def one(self, view: View) -> Doc:
        """The one that the path names.

        Raises:
            NotFoundError
        """
        found: Doc = await view.ask("GET", self.operation, {"slug": view.part("slug")})
        return found

    def blank(self, view: View, start: Mapping[str, Any], **context: Any) -> Response:
        """The page to make a new one, which begins as ``start``."""
        return self._page(view, None, filled(self.form, start), **context)

    async def make(
        self,
        view: View,
        ready: Callable[[Doc], tuple[Doc, list[str]]] = lambda document: (document, []),
        **context: Any,
    ) -> Response:
        """Make what was typed; ``ready`` adds what need not be, and gives the secrets in it."""
        slug = view.form.get("slug", "").strip()
        try:
            await self._refuse_second(view, slug)
            document, fresh = ready(read(self.form, view.form))
            made = await view.ask("PUT", self.operation, {"slug": slug}, body=document)
        except HubError as error:
            return self._wrong(view, error, None, {}, **context)
        return self._done(view, made, "made", fresh)

    async def edit(self, view: View, **context: Any) -> Response:
        """The page to change one."""
        shown = await self.one(view)
        if shown["managed_by"] == "file":
            said = "A file sets it: change it there, and apply the file."
            return view.go(self.page_of(shown["slug"]), said, is_bad=True)
        return self._page(view, shown, filled(self.form, shown), **context)

    async def change(self, view: View, **context: Any) -> Response:
        """Keep what was typed."""
        shown = await self.one(view)
        try:
            document = read(self.form, view.form, shown)
            kept = await view.ask("PUT", self.operation, {"slug": shown["slug"]}, body=document)
        except HubError as error:
            return self._wrong(view, error, shown, shown, **context)
        return self._done(view, kept, "kept")

    async def remove(self, view: View) -> Response:
        """Remove one, and go on to the list."""
        slug = view.part("slug")
        try:
            await view.ask("DELETE", self.operation, {"slug": slug})
        except HubError as error:
            return view.go(self.page_of(slug), error.message, is_bad=True)
        return view.go(self.pages, f"The {self.kind} {slug} is removed.")

    async def rotate(self, view: View) -> Response:
        """Replace a secret, and show the new one this once."""
        slug, given = view.part("slug"), view.form.get("secret", "")
        wish: Doc = {"secret": given} if given else {}
        hours = view.form.get("overlap_h", "").strip()
        try:
            if hours:
                wish["overlap_s"] = seconds(hours, 3600)
            done = await view.ask("POST", f"{self.operation}/rotate", {"slug": slug}, body=wish)
        except HubError as error:
            return view.go(self.page_of(slug), error.message, is_bad=True)
        if given:
            return view.go(self.page_of(slug), "The secret is replaced.")
        return self._secret(view, done, [done["secret"]], "Its secret is replaced.")

    async def _refuse_second(self, view: View, slug: str) -> None:
        if not slug:
            raise InvalidError("Give it a name.", code="slug_invalid")
        try:
            await view.ask("GET", self.operation, {"slug": slug})
        except NotFoundError:
            return
        raise ConflictError(f"There is a {self.kind} {slug!r} already: choose another name.")

    def _done(self, view: View, kept: Doc, how: str, fresh: Sequence[str] = ()) -> Response:
        secrets = [*fresh, *(each for each in _texts(kept, "secrets") if each != MASK)]
        said = " ".join([f"The {self.kind} is {how}.", *kept["warnings"]])
        if secrets:
            return self._secret(view, kept, list(dict.fromkeys(secrets)), said)
        return view.go(self.page_of(kept["slug"]), said)

    def _secret(self, view: View, shown: Doc, secrets: Sequence[str], said: str) -> Response:
        where = self.page_of(shown["slug"])
        told = {"kind": self.kind, "shown": shown, "secrets": secrets, "done": said}
        return view.page("secret.html", where=where, **told)

    def _wrong(
        self, view: View, error: HubError, shown: Doc | None, before: Doc, **context: Any
    ) -> Response:
        inside = typed(self.form, view.form, before)
        problems = beside(self.form, view.form, error)
        return self._page(view, shown, inside, error, problems, **context)

    def _page(
        self,
        view: View,
        shown: Doc | None,
        inside: Filled,
        error: HubError | None = None,
        problems: Mapping[str, Sequence[str]] | None = None,
        **context: Any,
    ) -> Response:
        """The form, of a new one where none is shown."""
        told = {
            "kind": self.kind,
            "pages": self.pages,
            "shown": shown,
            "first": self.first,
            "form": Form(self.form, inside, problems or {}, self.known(view)),
            "clicks": (),
            "is_secret_lost": has_secret(self.form, view.form),
            **context,
        }
        if error is not None:
            return view.refused(error, "setting.html", **told)
        return view.page("setting.html", problem=None, **told)


def setting_of(
    kind: str, shape: Any, first: tuple[str, ...], known: Known, without: tuple[str, ...] = ()
) -> Setting:
    """How a kind of thing is set, whose documents have a shape."""
    return Setting(kind, form_of(shape, without), first, known)


def start_of(clicks: Sequence[Mapping[str, Any]], way: str, connector: str) -> Doc:
    """What a connector's clicks say that a new one should be, without what is to be filled in."""
    for each in clicks:
        for step in each["steps"] if each["way"] == way else ():
            shown = _SHOWN.search(step)
            if shown is not None:
                found = _without_gaps(loads(shown.group(1)))
                return found if isinstance(found, dict) else {}
    return {"connector": connector}


def _without_gaps(value: Any) -> Any:
    """Without texts that only show where one has to stand."""
    if isinstance(value, dict):
        found = {name: _without_gaps(each) for name, each in value.items()}
        return {name: each for name, each in found.items() if each not in (None, [])}
    if isinstance(value, list):
        return [each for each in map(_without_gaps, value) if each is not None]
    is_gap = isinstance(value, str) and (_GAP in value or "example.com" in value)
    return None if is_gap else value


def _texts(value: Any, name: str) -> Iterator[str]:
    """The texts of the lists of that name, however deep."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == name and isinstance(each, list):
                yield from map(str, each)
            elif key != "retired":
                yield from _texts(each, name)


def seconds(text: str, unit_s: int) -> int:
    """A duration that was typed in hours or minutes.

    Raises:
        InvalidError: it is no number.
    """
    try:
        return round(float(text) * unit_s)
    except (ValueError, OverflowError) as error:
        raise InvalidError(f"{text[:40]!r} is no number.") from error
