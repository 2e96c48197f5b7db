"""Downloads of any size: a broken one goes on where it broke, in this process or in a later one."""

import asyncio
import hashlib
import random
import time
from dataclasses import replace

from hub import fault_points
from hub.errors import OutboundError
from hub.model.destination import Tls
from hub.model.http import OutboundRequest, Pairs
from hub.outbound.client import Client
from hub.outbound.declined import check_no_page, check_no_page_type, declined
from hub.outbound.downloads import Downloaded, Into, Limits, Progress, Told
from hub.outbound.partial import Part, Partial, part_of, size_refused
from hub.outbound.redirects import following
from hub.outbound.retry import next_delay_s
from hub.outbound.streaming import Streamed, check_size

CHECKPOINT_BYTES = 8 << 20
_WRITE_BYTES = 1 << 20
_WRITE_S = 1.0
_BEGINNING = 512
"""So many bytes are looked at for a page before any is kept."""
PASSING = frozenset(
    {"connect_failed", "dns_failed", "timeout", "answer_broken", "answer_too_slow", "try_later"}
)
"""What may go well when it is tried again."""


async def download(
    client: Client,
    url: str,
    headers: Pairs,
    into: Into,
    *,
    limits: Limits,
    known: Partial | None = None,
    on_progress: Told | None = None,
    allow_private: bool = False,
    tls: Tls | None = None,
) -> Downloaded:
    """Fetch everything that is at ``url``, redirects followed, and keep it at each 8 MiB.

    ``known`` is what was kept with the bytes that are in ``into`` already: it goes on behind them
    if the server says that they are of the same version, else it begins again. What is there
    stays when this fails or is cancelled, for the next call. ``allow_private`` and ``tls`` are
    for the host of ``url`` alone.

    Raises:
        OutboundError: as :meth:`Client.stream`; ``redirect_refused``, ``status_refused``,
            ``try_later`` (with ``retry_after_s`` where the server says), ``answer_is_page``,
            ``dataset_changed``.
    """
    request = OutboundRequest("GET", url, headers, b"")
    begun = _Download(client, request, into, limits, on_progress, allow_private, tls)
    return await begun.run(known)


class _Download:
    def __init__(
        self,
        client: Client,
        request: OutboundRequest,
        into: Into,
        limits: Limits,
        on_progress: Told | None,
        allow_private: bool,
        tls: Tls | None,
    ) -> None:
        self._client = client
        self._request = request
        self._into = into
        self._limits = limits
        self._tell = on_progress
        self._allow_private = allow_private
        self._tls = tls
        self._until = time.monotonic() + limits.total_s
        self._known = Partial(request.url)
        self._hash = hashlib.sha256()
        self._kept = 0
        self._farthest = 0
        """How far it had come at the last failure that began the schedule anew."""
        self._failures = 0
        self._last: OutboundError | None = None
        """What the try before failed with: of one that is cut short by the end of the time it
        tells more."""
        self._changes = 0
        self._resumed = 0
        self._restarted = 0

    async def run(self, known: Partial | None) -> Downloaded:
        if known is not None and known.url == self._request.url and self._into.size:
            self._known = known
            self._hash = await self._into.digest()
            self._kept = self._farthest = self._into.size
        elif self._into.size:
            await self._into.reset()
        while not self._complete:
            try:
                await self._ask()
            except OutboundError as error:
                await self._pause(error)
        check_size(self._into.size, self._limits.most_bytes)
        await self._into.keep(self._known)
        await self._told()
        return Downloaded(
            url=self._known.source,
            size=self._into.size,
            sha256=self._hash.hexdigest(),
            etag=self._known.etag,
            last_modified=self._known.last_modified,
            content_type=self._known.content_type,
            resumed=self._resumed,
            restarted=self._restarted,
        )

    @property
    def _complete(self) -> bool:
        return self._known.total == self._into.size

    async def _ask(self) -> None:
        """Send one request, and put what it brings behind what is there.

        Raises:
            OutboundError: it did not bring everything.
        """
        if self._into.size and self._known.validator is None:
            await self._again()  # nothing says whether the rest would be of the same version
        offset = self._into.size
        fields = (*self._request.headers, *self._known.fields(offset))
        opened = following(
            self._client,
            replace(self._request, headers=fields),
            limits=self._limits.of_stream(max(0.0, self._until - time.monotonic())),
            allow_private=self._allow_private,
            tls=self._tls,
        )
        async with opened as answer:
            if answer.status == 416 and offset:
                await self._refused_range(answer)
                return
            if answer.status not in (200, 206):
                raise declined(answer)
            check_no_page_type(answer)
            await self._accept(answer, offset)

    async def _refused_range(self, answer: Streamed) -> None:
        """Nothing comes behind what is there: it is all, or the data have become shorter."""
        if size_refused(answer) == self._into.size and self._known.total is None:
            self._known = replace(self._known, total=self._into.size)
        else:
            await self._changed()

    async def _accept(self, answer: Streamed, offset: int) -> None:
        part = part_of(self._request.url, answer)
        if part is None or part.begin not in (0, offset):
            await self._changed()
            return
        if offset and self._known.differs(part.of):
            await self._changed()
            if part.begin:
                return
        elif offset and not part.begin:
            await self._again()  # the server knows no ranges, and sends all of it
        if self._into.size:
            self._resumed += 1
            self._known = self._known.joined(part.of)
        else:
            self._known = part.of
        await self._take(answer, part)

    async def _take(self, answer: Streamed, part: Part) -> None:
        """Read the body to its end, and write what came, however it ends."""
        check_size(self._known.total or 0, self._limits.most_bytes)
        pieces: list[bytes] = []
        size, written_at = 0, time.monotonic()
        try:
            async for piece in answer.body:
                pieces.append(piece)
                size += len(piece)
                is_due = time.monotonic() - written_at >= _WRITE_S and (
                    self._into.size or size >= _BEGINNING
                )
                if size >= _WRITE_BYTES or is_due:
                    await self._write(b"".join(pieces))
                    pieces.clear()
                    size, written_at = 0, time.monotonic()
        except OutboundError:
            if self._into.size or size >= _BEGINNING:
                await self._write(b"".join(pieces))
            raise
        await self._write(b"".join(pieces))
        if part.size is None and self._known.total is None:
            self._known = replace(self._known, total=self._into.size)
        elif not self._complete and self._into.size < part.begin + self._limits.least_bytes:
            raise OutboundError(
                "The answer ends before the data do.", code="answer_broken", may_have_run=True
            )

    async def _write(self, data: bytes) -> None:
        offset = self._into.size
        if not offset:
            check_no_page(data[:_BEGINNING], self._known.source)
        if not data:
            return
        check_size(offset + len(data), self._limits.most_bytes)
        await self._into.append(offset, data)
        await asyncio.to_thread(self._hash.update, data)
        if self._into.size - self._kept >= CHECKPOINT_BYTES:
            await self._into.keep(self._known)
            fault_points.at("download.kept")
            self._kept = self._into.size
        await self._told()

    async def _told(self) -> None:
        if self._tell is not None:
            await self._tell(Progress(self._into.size, self._known.total))

    async def _changed(self) -> None:
        """What is there is of another version than what the server has now."""
        self._changes += 1
        if self._changes > self._limits.most_restarts:
            raise OutboundError(
                f"The data changed {self._changes} times while they were downloaded, or their "
                "server answers ranges wrongly: give the URL of a version that stays.",
                code="dataset_changed",
                may_have_run=True,
            )
        await self._again()

    async def _again(self) -> None:
        """Begin again from the first byte."""
        await self._into.reset()
        self._known = Partial(self._request.url)
        self._hash = hashlib.sha256()
        self._kept = 0
        self._restarted += 1

    async def _pause(self, error: OutboundError) -> None:
        """Keep what is there, and wait before the next try.

        Raises:
            OutboundError: there is none.
        """
        if self._into.size > self._kept:
            await self._into.keep(self._known)
            self._kept = self._into.size
        if error.code not in PASSING:
            raise error
        if self._into.size >= self._farthest + CHECKPOINT_BYTES:
            self._farthest, self._failures = self._into.size, 0
        self._failures += 1
        asked_s = error.details.get("retry_after_s")
        dice = random.random()  # noqa: S311 - spreads tries, guards nothing
        delay_s = next_delay_s(self._limits.schedule_s, self._failures, asked_s, dice)
        if delay_s is None or (asked_s or 0) > self._limits.longest_wait_s:
            raise error
        now = time.monotonic()
        if now + delay_s >= self._until:
            last = error if now < self._until else self._last or error
            raise OutboundError(
                f"The download was not complete within {self._limits.total_s:g} s (total_s); what "
                f"came last: {last.message}",
                code="timeout",
                may_have_run=True,
            ) from error
        self._last = error
        await asyncio.sleep(delay_s)
