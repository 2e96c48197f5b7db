"""An authorization server under the test's hand."""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from tests.outbound.servers import Exchange


@dataclass
class Authorization:
    """Gives ``token-1``, ``token-2``, … and keeps what it was asked."""

    lasts: Any = 3600
    status: str = "200 OK"
    said: dict[str, Any] | None = None
    """Said instead of a token."""
    delay_s: float = 0.0
    forms: list[dict[str, str]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    @property
    def asked(self) -> int:
        """How often."""
        return len(self.forms)

    async def __call__(self, exchange: Exchange) -> None:
        while True:
            body = await exchange.request()
            self.heads.append(exchange.heads[-1])
            self.forms.append({name: value for name, (value,) in parse_qs(body.decode()).items()})
            await asyncio.sleep(self.delay_s)
            token = {"access_token": f"token-{self.asked}", "token_type": "bearer"}
            if self.lasts is not None:
                token["expires_in"] = self.lasts
            answer = json.dumps(token if self.said is None else self.said).encode()
            await exchange.answer(answer, "Content-Type: application/json", status=self.status)


def basic_of(head: bytes) -> tuple[str, str] | None:
    """Id and secret in a request's ``Authorization``, decoded as RFC 6749, 2.3.1 says."""
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(": ")
        if name.lower() == "authorization":
            user, _, password = (
                base64.b64decode(value.removeprefix("Basic ")).decode().partition(":")
            )
            return unquote_plus(user), unquote_plus(password)
    return None
