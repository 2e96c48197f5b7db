"""Requests as raw bytes, however wrong, and the answers to them."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECRET = "a secret that signs, of some length"
TOKEN = "the-right-token"


@dataclass(frozen=True)
class Answer:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The body of a refusal, which has the shape that all of them have."""
        assert self.headers["content-type"] == "application/problem+json"
        body: dict[str, Any] = self.json
        assert body["status"] == self.status
        assert "error" not in body
        assert len(body["message"]) > 10
        assert body["message"] == body["detail"]
        return body


class Wire:
    """One connection to a hub, used as a context."""

    def __init__(self, base: str) -> None:
        self._port = urlsplit(base).port

    async def __aenter__(self) -> "Wire":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, *parts: bytes) -> None:
        """Send bytes; whoever closed the connection meanwhile has probably answered."""
        try:
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()
        except ConnectionError:
            pass

    async def answer(self, method: str = "POST", timeout_s: float = 10) -> Answer | None:
        """The next answer, or None if the connection ends without one."""
        async with asyncio.timeout(timeout_s):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            first, *lines = head.decode("latin-1").strip().split("\r\n")
            headers = {
                name.lower(): value for name, value in (each.split(": ", 1) for each in lines)
            }
            length = 0 if method == "HEAD" else int(headers["content-length"])
            return Answer(int(first.split(" ")[1]), headers, await self.reader.readexactly(length))

    async def is_closed(self, timeout_s: float = 10) -> bool:
        """Wait for the end of the connection; nothing may come before it."""
        async with asyncio.timeout(timeout_s):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


async def ask(base: str, *parts: bytes, method: str = "POST", end: bool = False) -> Answer | None:
    """The answer to one request on a connection of its own."""
    async with Wire(base) as wire:
        await wire.send(*parts)
        if end:
            wire.writer.write_eof()
        return await wire.answer(method)


def post(path: str, body: bytes, *fields: str) -> bytes:
    """A request that is well made."""
    head = [f"POST {path} HTTP/1.1", "Host: hub", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def request_of(case: Mapping[str, Any]) -> bytes:
    """The bytes of a case of ``bad_requests.json``."""
    if "raw" in case:
        return bytes_of(case["raw"])
    source, body = case.get("source", "open"), bytes_of(case.get("body", []))
    target = bytes_of(case.get("target", f"/in/{source}"))
    fields = [b"Host: hub"]
    content_type = case.get("content_type", "application/json")
    if content_type is not None:
        fields.append(b"Content-Type: " + bytes_of(content_type))
    fields += [bytes_of(each) for each in case.get("headers", [])]
    if "sign" in case:
        fields += _signature(body, **case["sign"])
    framing = case.get("framing", "length")
    if framing == "chunked":
        fields.append(b"Transfer-Encoding: chunked")
        chunks = [*(bytes_of(each) for each in case["chunks"]), b""]
        body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks)
    elif framing != "none":
        length = len(body) if framing == "length" else framing["length"]
        fields.append(f"Content-Length: {length}".encode())
    first = case.get("method", "POST").encode() + b" " + target + b" HTTP/1.1"
    return b"\r\n".join([first, *fields, b"", b""]) + body


def bytes_of(parts: str | Iterable[Any]) -> bytes:
    """Texts, one character for each byte; ``["x", 5]`` stands for five of them."""
    if isinstance(parts, str):
        return parts.encode("latin-1")
    return b"".join(
        part.encode("latin-1") if isinstance(part, str) else part[0].encode("latin-1") * part[1]
        for part in parts
    )


def _signature(
    body: bytes,
    secret: str = SECRET,
    age_s: int = 0,
    without: str = "",
    before: str = "",
    **other: str,
) -> list[bytes]:
    """The fields of Standard Webhooks, made here by hand."""
    message_id, timestamp = f"m{time.monotonic_ns()}", str(int(time.time()) - age_s)
    signed = other["over"].encode() if "over" in other else body
    text = f"{message_id}.{timestamp}.".encode() + signed
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    right = other.get("instead") or "v1," + base64.b64encode(digest).decode()
    fields = {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{before} {right}".strip(),
    }
    return [f"{name}: {value}".encode() for name, value in fields.items() if name != without]
