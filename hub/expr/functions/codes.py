"""Functions that write values in other forms, and read them."""

import base64
import csv
import html
import io
import re
import sys
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from hub.errors import ExpressionError, InvalidError
from hub.expr.functions.lists import check_room
from hub.expr.functions.parameters import Items, Text
from hub.expr.functions.registry import function
from hub.expr.kinds import fits, json_of, text_of
from hub.expr.limits import MAX_TEXT_CHARS, over
from hub.model.json import loads

_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
_URL_SAFE = str.maketrans("-_", "+/")
_UNESCAPED = "!~*'()"
"""What encodeURIComponent leaves as it is, beside letters, digits and ``-_.``"""
_LONGEST_ENTITY = 6
_BYTE_ORDER_MARK = "\ufeff"


@function("json_encode")
def json_encode(value: Any) -> str:
    """The value as compact JSON.

    json_encode({a: [1, null]}) → '{"a":[1,null]}'
    """
    return json_of(value)


@function("json_decode")
def json_decode(text: Text) -> Any:
    """The value that a JSON text stands for; of nothing ``null``.

    json_decode('{"a": [1]}') → {a: [1]}
    json_decode(null) → null
    """
    if not text.strip():
        return None
    try:
        return loads(text)
    except InvalidError as error:
        raise ExpressionError("This text is not valid JSON.", code="expression_type") from error


@function("base64_encode")
def base64_encode(text: Text) -> str:
    """The text's UTF-8 bytes in Base64.

    base64_encode('user:pass') → 'dXNlcjpwYXNz'
    """
    return base64.b64encode(text.encode()).decode()


@function("base64_decode")
def base64_decode(text: Text) -> str:
    """The text in a Base64 form, with or without padding, the URL-safe alphabet too.

    base64_decode('dXNlcjpwYXNz') → 'user:pass'
    base64_decode('w7w') → 'ü'
    """
    plain = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    try:
        if _NOT_BASE64.search(plain):
            raise ValueError("a foreign character")
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode()
    except ValueError as error:
        raise ExpressionError(
            "This is not Base64 of a UTF-8 text.", code="expression_type"
        ) from error


@function("url_encode")
def url_encode(text: Text) -> str:
    """Safe as a part of a URL, as encodeURIComponent does.

    url_encode('a b&c/ü') → 'a%20b%26c%2F%C3%BC'
    """
    return quote(text, safe=_UNESCAPED)


@function("url_decode")
def url_decode(text: Text) -> str:
    """The text that a part of a URL stands for; ``+`` is a space, as forms write it.

    url_decode('a%20b%26c%2F%C3%BC') → 'a b&c/ü'
    url_decode('a+b') → 'a b'
    """
    try:
        return unquote(text.replace("+", " "), errors="strict")
    except UnicodeDecodeError as error:
        raise ExpressionError("These escapes are no UTF-8 text.", code="expression_type") from error


@function("querystring_parse")
def querystring_parse(text: Text) -> dict[str, Any]:
    """The names and values of a query string or a form; a name that comes again has a list.

    querystring_parse('?a=1&b=x%20y') → {a: '1', b: 'x y'}
    querystring_parse('tag=a&tag=b') → {tag: ['a', 'b']}
    """
    check_room(text.count("&"))
    pairs = parse_qsl(text.removeprefix("?"), keep_blank_values=True)
    values: dict[str, Any] = {}
    repeated: set[str] = set()
    for name, value in pairs:
        if name not in values:
            values[name] = value
        elif name in repeated:
            values[name].append(value)
        else:
            repeated.add(name)
            values[name] = [values[name], value]
    return values


@function("csv_parse")
def csv_parse(text: Text, separator: Text = ",", quote_sign: Text = '"') -> list[dict[str, str]]:
    """Rows of a table as objects; the first line names the columns.

    A column without a name gets its place, from 1. Where a row is shorter, its last keys are
    missing.

    csv_parse('id,name\\n1,"Lovelace, Ada"') → [{id: '1', name: 'Lovelace, Ada'}]
    csv_parse('a;b\\n1;2', ';') → [{a: '1', b: '2'}]
    """
    check_room(text.count("\n") + text.count("\r"))
    _check_signs(separator, quote_sign, "csv_parse(text, ';')")
    csv.field_size_limit(sys.maxsize)  # no value is longer than the text, which is bounded
    try:
        rows = csv.reader(
            io.StringIO(text.removeprefix(_BYTE_ORDER_MARK), newline=""),
            delimiter=separator,
            quotechar=quote_sign,
            strict=True,
        )
        heads = [name.strip() or str(place) for place, name in enumerate(next(rows, []), 1)]
        return [
            {
                heads[place] if place < len(heads) else str(place + 1): value
                for place, value in enumerate(row)
            }
            for row in rows
            if row
        ]
    except csv.Error as error:
        raise ExpressionError(
            "This text is no table: check that each quote is closed, and followed by the separator "
            "or the end of the line.",
            code="expression_type",
        ) from error


@function("csv_encode")
def csv_encode(rows: Items, separator: Text = ",", quote_sign: Text = '"') -> str:
    """Objects as the text of a table; the first line names all fields that one of them has.

    A field that is missing or ``null`` is empty; lists and objects are JSON.

    csv_encode([{id: 1, name: 'Lovelace, Ada'}]) → 'id,name\\r\\n1,"Lovelace, Ada"\\r\\n'
    csv_encode([{a: 1}, {b: true}], ';') → 'a;b\\r\\n1;\\r\\n;true\\r\\n'
    """
    _check_signs(separator, quote_sign, "csv_encode(rows, ';')")
    if not all(isinstance(row, dict) for row in rows):
        raise ExpressionError(
            "csv_encode takes a list of objects: [{id: 1}, {id: 2}].", code="expression_type"
        )
    heads = list(dict.fromkeys(name for row in rows for name in row))
    check_room(len(heads) * len(rows))
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quotechar=quote_sign, lineterminator="\r\n")
    if heads:
        writer.writerow(heads)
    for row in rows:
        writer.writerow([text_of(row.get(name)) for name in heads])
        if text.tell() > MAX_TEXT_CHARS:
            raise over("characters of a text", MAX_TEXT_CHARS, "work on fewer rows at a time")
    return text.getvalue()


def _check_signs(separator: str, quote_sign: str, shown: str) -> None:
    signs = {separator, quote_sign}
    if len(signs) != 2 or any(len(sign) != 1 or sign in "\r\n" for sign in signs):
        raise ExpressionError(
            f"The separator and the quote sign are two different characters: {shown}.",
            code="expression_type",
        )


@function("escape")
def escape(text: Text) -> str:
    """The text as it stands between the quotes of a JSON text.

    escape('say "hi"\\tnow') → 'say \\\\"hi\\\\"\\\\tnow'
    """
    return json_of(text)[1:-1]


@function("escape_html")
def escape_html(text: Text) -> str:
    """The text with ``& < > " '`` written so that HTML shows them.

    escape_html('<b>Ada & Bob</b>') → '&lt;b&gt;Ada &amp; Bob&lt;/b&gt;'
    """
    fits(len(text) + _LONGEST_ENTITY * sum(map(text.count, "&<>\"'")))
    return html.escape(text)
