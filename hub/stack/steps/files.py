"""Steps about files: keep one that came in, or that the stack has made."""

import base64
import binascii
import re
from typing import Literal

from pydantic import Field

from hub.errors import StepError
from hub.model.file import MAX_KEEP_S
from hub.model.json import Json
from hub.stack.datasets import Kept
from hub.stack.step import OptionalValue, Value, WorldStep, text_of, whole_of
from hub.stack.turn import Turn

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*;base64,")
_URL_SAFE = str.maketrans("-_", "+/")
_TEXT = "text/plain; charset=utf-8"
_BYTES = "application/octet-stream"


class KeepFile(WorldStep):
    """Keeps a content as a file: `{file, name, size, sha256, content_type}`.

    The content is a file as a webhook's form brings it, a text, or bytes as base64. The result is
    `kept`, or what `as` says; `process_data_in_chunks` and `upload_results` take it.
    """

    function: Literal["keep_file"]
    content: Value = Field(
        description="A text, base64, or a file of a form: `{filename, content_type, base64}`."
    )
    encoding: OptionalValue = Field(
        None, description="What a text is: `text`, without it, or `base64`, also as a `data:` URL."
    )
    name: OptionalValue = Field(
        None, description="Its name; without it the form's `filename`, or `file`."
    )
    content_type: OptionalValue = Field(
        None, description="Without it what the content says, else plain text or any bytes."
    )
    keep_s: OptionalValue = Field(
        None, description="Seconds that it is kept; without it as long as files are kept usually."
    )

    @property
    def binds(self) -> str:
        return self.as_ or "kept"

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        content, told = _content_of(self.content.evaluate(scope), self._text(turn, "encoding"))
        keep_s = None if self.keep_s is None else self.keep_s.evaluate(scope)
        if keep_s is not None:
            keep_s = whole_of(keep_s, "keep_s", least=1, most=MAX_KEEP_S)
        name = self._text(turn, "name") or told.get("filename") or "file"
        kind = self._text(turn, "content_type") or told["content_type"]
        await turn.commit()
        datasets = turn.world.datasets
        key = turn.key(path)
        kept = await datasets.keep(content, name, kind, turn.run.id, key, keep_s=keep_s)
        return kept.shown()

    def _text(self, turn: Turn, field: str) -> str | None:
        value = getattr(self, field)
        given = None if value is None else value.evaluate(turn.scope)
        return None if given is None else text_of(given, field)


def files_of(given: Json) -> list[Kept]:
    """What a stack shows of files, as files again.

    Raises:
        StepError: ``field_invalid``.
    """
    listed = given.get("files", given) if isinstance(given, dict) else given
    shown = listed if isinstance(listed, list) else [listed]
    names = ("name", "size", "sha256", "content_type")
    if shown and all(
        isinstance(each, dict) and isinstance(each.get("file"), str) for each in shown
    ):
        return [Kept(each["file"], *(each.get(name) for name in names)) for each in shown]
    raise StepError(
        "There are no files: 'files' takes what download_dataset, keep_file or "
        "generate_analysis_report gave.",
        code="field_invalid",
    )


def _content_of(given: Json, encoding: str | None) -> tuple[bytes, dict[str, str]]:
    """The bytes, and what they say of themselves: ``content_type``, perhaps ``filename``."""
    if encoding not in (None, "text", "base64"):
        raise StepError("'encoding' is text or base64.", code="field_invalid")
    if isinstance(given, dict) and isinstance(given.get("base64"), str):
        told = {
            name: given[name]
            for name in ("filename", "content_type")
            if isinstance(given.get(name), str)
        }
        return _decoded(given["base64"]), {"content_type": _BYTES} | told
    if not isinstance(given, str):
        raise StepError(
            "'content' is a text or a file of a form: write other values with json_encode(…) or "
            "csv_encode(…).",
            code="field_invalid",
        )
    if encoding == "base64":
        found = _DATA_URL.match(given)
        kind = found[1] if found is not None and found[1] else _BYTES
        return _decoded(given[found.end() :] if found is not None else given), {
            "content_type": kind
        }
    return given.encode(errors="replace"), {"content_type": _TEXT}


def _decoded(text: str) -> bytes:
    plain = "".join(text.split()).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StepError("'content' is not base64.", code="field_invalid") from error
