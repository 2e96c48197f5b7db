"""``/v1/language``: what stacks can say, for programs that complete or check them."""

from functools import cache

from starlette.responses import Response

from hub.expr import FUNCTIONS
from hub.model.json import Json
from hub.model.key import Scope
from hub.stack.schema import stack_schema
from hub.web.api.call import Call, Operation, answer
from hub.web.shown.stacks import LanguageShown


async def _get(call: Call) -> Response:
    return answer(_language())


@cache
def _language() -> dict[str, Json]:
    functions: list[Json] = [
        {
            "name": each.name,
            "aliases": [*each.aliases],
            "signature": each.signature,
            "summary": each.summary,
        }
        for each in FUNCTIONS.values()
        if each.name == each.canonical
    ]
    return {"schema": stack_schema(), "functions": functions}


OPERATIONS = (
    Operation(
        *("GET", "/v1/language", Scope.READ, _get, "Read what stacks can say"),
        gives={200: LanguageShown},
    ),
)
