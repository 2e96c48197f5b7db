"""A request as a person likes to read it."""

import time

import orjson

MAX_SHOWN_BYTES = 4096


def shown(method: str, path: str, content_type: str, body: bytes, size: int) -> str:
    """Method, path, content type and body; ``size`` is the body's, which may have been cut."""
    now = time.strftime("%H:%M:%S")
    kind = content_type or "no content type"
    lines = [f"\n{now}  {method} {_plain(path)}", f"  {_plain(kind)}, {size} bytes"]
    text = _text(body)
    if text:
        cut = _plain(text[:MAX_SHOWN_BYTES])
        lines += [f"  {line}" for line in cut.splitlines()]
        if len(text) > MAX_SHOWN_BYTES or len(body) < size:
            lines.append("  …")
    return "\n".join(lines) + "\n"


def _text(body: bytes) -> str:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[: MAX_SHOWN_BYTES * 4].decode(errors="replace")
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _plain(text: str) -> str:
    """Without what a terminal would obey: a sender's bytes are shown, never carried out."""
    return "".join(char if char.isprintable() or char == "\n" else "·" for char in text)
