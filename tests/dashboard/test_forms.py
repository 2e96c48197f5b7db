"""Forms made from shapes: what stands in them is read back as it was, and nothing is made up."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from hub.dashboard.forms.field import Field
from hub.dashboard.forms.filling import filled, typed
from hub.dashboard.forms.reading import REMOVED, beside, read
from hub.dashboard.forms.shape import form_of
from hub.errors import InvalidError
from hub.model.alert import Alert
from hub.model.destination import Destination
from hub.model.json import loads
from hub.model.masking import MASK, masked
from hub.model.secrets import secret_paths
from hub.model.source import Source
from hub.model.subscription import Subscription
from hub.web.api.body import validated

SHAPES: dict[str, type[BaseModel]] = {
    "source": Source,
    "destination": Destination,
    "subscription": Subscription,
}
FORMS = {kind: form_of(shape) for kind, shape in SHAPES.items()}
CONNECTORS = Path(__file__).parents[2] / "connectors"

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=5,
)


def documents(each: Field) -> st.SearchStrategy[Any]:
    """Whatever a field may hold beside its default."""
    match each.kind:
        case "group":
            return _objects(each.fields, {}).filter(bool)
        case "union":
            return st.one_of(
                st.just(one.word)
                if one.is_word
                else _objects(one.fields, {each.tag: one.word} if each.tag else {})
                for one in each.choices
            ).filter(lambda value: value != each.default)
        case "number":
            found: st.SearchStrategy[Any] = st.integers(-(10**9), 10**9) | st.floats(
                allow_nan=False, allow_infinity=False
            )
        case "check":
            return st.just(True)
        case "truth":
            found = st.booleans()
        case "choice":
            found = st.sampled_from(each.words)
        case "lines":
            items = st.integers(0, 10**6) if each.is_of_numbers else _texts
            found = st.lists(items, max_size=3) | (_texts if each.may_be_one else st.nothing())
        case "pairs":
            found = st.dictionaries(_texts, _texts, min_size=1, max_size=3)
        case "json":
            found = _json
        case _:
            found = _texts
    return found.filter(lambda value: value is not None and value != each.default)


def _objects(fields: tuple[Field, ...], told: dict[str, Any]) -> st.SearchStrategy[Any]:
    shown = {each.key: documents(each) for each in fields if not each.is_secret}
    return st.fixed_dictionaries({}, optional=shown).map(lambda found: told | found)


@pytest.mark.parametrize("kind", SHAPES)
@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_whatever_stands_in_a_form_is_read_back_as_it_was(kind: str, data: st.DataObject) -> None:
    form = FORMS[kind]
    document = data.draw(_objects(form.fields, {}))
    assert read(form, filled(form, document).texts) == document


def _told() -> list[tuple[str, dict[str, Any]]]:
    """The documents that the connectors' pages show."""
    shown = re.compile(r"`(\{\"connector\": .*\})`")
    return [
        (page.parent.name, loads(text))
        for page in sorted(CONNECTORS.glob("*/README.md"))
        for text in shown.findall(page.read_text("utf-8"))
    ]


@pytest.mark.parametrize(("connector", "document"), _told())
def test_what_the_pages_of_connectors_show_goes_through_the_form(
    connector: str, document: dict[str, Any]
) -> None:
    kind = "destination" if "url" in document else "source"
    shape, form = SHAPES[kind], FORMS[kind]
    shown = validated(shape, _with_secrets(kind, document)).model_dump(mode="json")
    secrets = secret_paths(kind, document)
    given_back = read(form, filled(form, masked(shown, secrets)).texts)
    whole = validated(shape, _with_secrets(kind, given_back, document))
    assert whole.model_dump(mode="json") == shown, connector


def _with_secrets(
    kind: str, document: dict[str, Any], like: dict[str, Any] | None = None
) -> dict[str, Any]:
    """With secrets that do, where there are any in a document, or in one like it."""
    made = {name: dict(each) if isinstance(each, dict) else each for name, each in document.items()}
    for path in secret_paths(kind, document):
        there = (like or document).get(path[0])
        if len(path) == 2 and isinstance(there, dict) and path[1] in there:
            given = ["whsec_" + "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2g="]
            made[path[0]][path[1]] = given if isinstance(there[path[1]], list) else given[0]
    return made


def test_the_alert_has_a_form_too() -> None:
    assert {each.key for each in form_of(Alert).fields} == set(Alert.model_fields)


def test_defaults_stay_where_they_are() -> None:
    shown = validated(Destination, {"url": "https://a.example"}).model_dump(mode="json")
    form = FORMS["destination"]
    assert read(form, filled(form, shown).texts) == {"url": "https://a.example"}


def test_secrets_are_not_shown_and_stay_unless_given_or_removed() -> None:
    form = FORMS["destination"]
    shown = {
        "url": "https://a.example",
        "headers": {"x-api-key": MASK, "cookie": MASK, "x-plain": "1"},
        "tls": {"ca": None, "client_cert": "cert", "client_key": MASK},
    }
    inside = filled(form, shown)
    assert inside.kept == {"/tls/client_key"}
    assert "/tls/client_key" not in inside.texts
    assert read(form, inside.texts, shown) == {
        "url": "https://a.example",
        "headers": {"x-plain": "1"},
        "tls": {"client_cert": "cert"},
    }
    changed = {**inside.texts, "/headers": f"x-api-key: new\nx-plain: {MASK}"}
    changed |= {"/tls/client_cert": "", "/tls/client_key" + REMOVED: "on"}
    assert read(form, changed, shown) == {
        "url": "https://a.example",
        "headers": {"x-api-key": "new", "x-plain": MASK, "cookie": None},
        "tls": None,
    }
    again = typed(form, {**inside.texts, "/tls/client_key": "typed"}, shown)
    assert "typed" not in again.texts.values()


def test_only_the_choice_that_is_made_counts() -> None:
    texts = {
        "/verify": "header",
        "/verify:header/header": "x-token",
        "/verify:header/secrets": "one-secret\n\n another \n",
        "/verify:basic/user": "ada",
        "/respond": "fixed answer",
        "/respond:fixed answer/status": "204",
    }
    assert read(FORMS["source"], texts) == {
        "verify": {"mode": "header", "header": "x-token", "secrets": ["one-secret", "another"]},
        "respond": {"status": 204},
    }
    assert read(FORMS["source"], {"/verify": "<b>"}) == {"verify": {"mode": "<b>"}}


def test_keys_in_pem_are_one_item_each() -> None:
    key = "-----BEGIN PUBLIC KEY-----\nabc\ndef\n-----END PUBLIC KEY-----"
    texts = {"/verify": "jwt", "/verify:jwt/public_keys": f"{key}\n{key}\n"}
    assert read(FORMS["source"], texts)["verify"]["public_keys"] == [key, key]


def test_what_cannot_be_read_is_said_beside_its_field() -> None:
    form = FORMS["destination"]
    texts = {"/headers": "no colon", "/transform": "{broken", "/timeout_s": "soon"}
    with pytest.raises(InvalidError) as caught:
        read(form, texts)
    assert set(beside(form, texts, caught.value)) == {"/headers", "/transform"}
    texts = {"/url": "https://a.example", "/timeout_s": "soon", "/auth": "header"}
    document = read(form, texts)
    assert document["timeout_s"] == "soon", "no number is made of it"
    with pytest.raises(InvalidError) as caught:
        validated(Destination, document)
    said = beside(form, texts, caught.value)
    assert set(said) == {"/timeout_s", "/auth:header/name", "/auth:header/value"}
