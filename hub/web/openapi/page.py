"""The page ``/docs``: the document for people. Made here once, without a script or anything that
is asked for elsewhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from hub.model.json import dumps_text
from hub.web.openapi.schemas import REF, Schema

_DEEPEST = 6
_LONGEST = 60
"""Values beyond these bounds are told by the names of their shapes."""


class Page:
    """Writes one document as HTML."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]

    def html(self) -> str:
        """The page, whole."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        info = self._document["info"]
        by_tag = self._by_tag()
        yield from (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>API · {escape(info['title'])}</title>",
            '<link rel="stylesheet" href="/docs/style.css"></head><body>',
            f"<header><h1>{escape(info['title'])}</h1>",
            f'<p>{escape(info["version"])} · <a href="/openapi.json">openapi.json</a></p></header>',
            '<nav aria-label="Nouns"><ul>',
            *(f'<li><a href="#{tag}">{tag}</a></li>' for tag in by_tag),
            "</ul></nav><main>",
            f"<section>{_prose(info['description'])}</section>",
        )
        for tag in self._document["tags"]:
            name = tag["name"]
            yield f'<section id="{name}"><h2>{name}</h2>{_prose(tag["description"])}'
            for method, path, operation in by_tag.get(name, ()):
                yield from self._operation(method, path, operation)
            yield "</section>"
        yield '<section id="shapes"><h2>shapes</h2>'
        for name, schema in self._schemas.items():
            yield f'<details><summary><code>{name}</code></summary><div id="shape-{name}">'
            yield f"{_prose(schema.get('description', ''))}{self._shape(schema)}</div></details>"
        yield "</section></main></body></html>"

    def _by_tag(self) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
        found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
        for path, operations in self._document["paths"].items():
            for method, operation in operations.items():
                found.setdefault(operation["tags"][0], []).append((method, path, operation))
        return {tag["name"]: found[tag["name"]] for tag in self._document["tags"]}

    def _operation(self, method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
        name = operation["operationId"]
        yield (
            f'<details><summary><b class="{method}">{method.upper()}</b> '
            f"<code>{escape(path)}</code> <span>{escape(operation['summary'])}</span></summary>"
            f'<div id="{name}">'
        )
        yield f"{_prose(operation['description'])}<p><code>{name}</code></p>"
        if "parameters" in operation:
            yield _table(
                ("parameter", "in", "kind", "meaning"),
                [
                    (
                        _named(each),
                        each["in"],
                        self._kind(each["schema"]),
                        _told(each["description"]),
                    )
                    for each in map(self._parameter, operation["parameters"])
                ],
            )
        if "requestBody" in operation:
            body = operation["requestBody"]
            yield f"<h3>Body{'' if body['required'] else ', which may be left out'}</h3>"
            yield from self._content(body["content"])
        yield "<h3>Answers</h3>"
        for status, answer in operation["responses"].items():
            yield from self._answer(status, answer)
        yield f"<h3>By hand</h3><pre>{escape(_curl(method, path, operation))}</pre></div></details>"

    def _parameter(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        ref = told.get("$ref")
        if ref is None:
            return told
        shared: Mapping[str, Mapping[str, Any]] = self._document["components"]["parameters"]
        return shared[ref.rpartition("/")[2]]

    def _answer(self, status: str, answer: Mapping[str, Any]) -> Iterator[str]:
        if "$ref" in answer:
            answer = self._document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        is_good = status.startswith(("2", "3"))
        kind = "good" if is_good else "bad"
        yield f'<div class="{kind}"><b>{status}</b> {_told(answer["description"])}</div>'
        if is_good:
            yield from self._content(answer.get("content", {}))

    def _content(self, content: Mapping[str, Any]) -> Iterator[str]:
        for kind, each in content.items():
            yield f"<p><code>{escape(kind)}</code> {self._kind(each['schema'])}</p>"
            yield self._shape(each["schema"])

    def _shape(self, schema: Schema) -> str:
        """The fields of an object, as a table."""
        found = self._resolved(schema)
        if not found.get("properties"):
            return ""
        needed = found.get("required", ())
        rows = [
            (
                f"<b>{escape(name)}</b>" if name in needed else escape(name),
                self._kind(each),
                _told(each.get("description") or self._about(each)),
            )
            for name, each in found["properties"].items()
        ]
        return _table(("field", "kind", "meaning"), rows)

    def _about(self, schema: Schema) -> str:
        """What a value's own shape says of itself, where there is one such shape."""
        parts = [schema, *schema.get("anyOf", ())]
        told = [self._resolved(each).get("description", "") for each in parts if "$ref" in each]
        return told[0] if len(told) == 1 else ""

    def _resolved(self, schema: Schema) -> Schema:
        ref = schema.get("$ref")
        return schema if ref is None else self._schemas[ref.removeprefix(REF)]

    def _kind(self, schema: Schema, depth: int = 0) -> str:
        """What a value is, in a few words, with links to shapes."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(REF)
            return f'<a href="#shape-{name}">{name}</a>'
        if "enum" in schema or "const" in schema:
            words = schema.get("enum", [schema.get("const")])
            return " or ".join(f"<code>{escape(dumps_text(each))}</code>" for each in words)
        for union in ("anyOf", "oneOf"):
            if union in schema and depth < _DEEPEST:
                return " or ".join(self._kind(each, depth + 1) for each in schema[union])
        if schema.get("type") == "array" and depth < _DEEPEST:
            return f"list of {self._kind(schema.get('items', {}), depth + 1)}"
        return escape(f"{schema.get('type', 'any')}{_bounds(schema)}")


def _bounds(schema: Schema) -> str:
    told = [schema["format"]] if "format" in schema else []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        told.append(f"{least:,} to {most:,}")
    if len(str(schema.get("default", ""))) <= _LONGEST and "default" in schema:
        told.append(f"else {dumps_text(schema['default'])}")
    return f" ({', '.join(told)})" if told else ""


def _named(parameter: Mapping[str, Any]) -> str:
    name = f"<code>{escape(parameter['name'])}</code>"
    return f"<b>{name}</b>" if parameter.get("required") else name


def _curl(method: str, path: str, operation: Mapping[str, Any]) -> str:
    words = ["curl"]
    if method != "get":
        words += ["-X", method.upper()]
    if {"key": []} in operation["security"] and {} not in operation["security"]:
        words.append("-H 'Authorization: Bearer KEY'")
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        words.append("--json '{…}'")
    elif content:
        words.append(f"-H 'content-type: {next(iter(content))}' --data-binary @FILE")
    return " ".join([*words, f"'http://localhost:8080{path}'"])


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Cells are HTML already."""
    head = "".join(f"<th>{each}</th>" for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _prose(text: str) -> str:
    return f"<p>{_told(text)}</p>" if text else ""


def _told(text: str) -> str:
    """A text in which code stands between backticks."""
    parts = escape(" ".join(text.split())).split("`")
    return "".join(f"<code>{each}</code>" if n % 2 else each for n, each in enumerate(parts))


def page_of(document: Mapping[str, Any]) -> str:
    """The page of a document, as HTML."""
    return Page(document).html()
