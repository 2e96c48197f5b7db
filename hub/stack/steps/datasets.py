"""Steps about data sets: fetch one, work through it in chunks, report, offer the results."""

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from pydantic import AliasChoices, Field, ValidationError

from hub import fault_points
from hub.datasets.analysis import Analysis
from hub.datasets.page import page
from hub.datasets.reading import Format, Reading
from hub.errors import InvalidError, NotFoundError, OutboundError, StepError, TooLargeError
from hub.expr import text_of as as_text
from hub.model.json import Json, dumps, dumps_text
from hub.model.time import to_iso
from hub.stack.datasets import DataSets, Fetch, Kept, Read, Wanted
from hub.stack.interpret import StepFailed, is_catchable
from hub.stack.ports import LeaseLost
from hub.stack.revealing import Revealing
from hub.stack.step import (
    OptionalValue,
    Step,
    Value,
    WorldStep,
    object_of,
    settled_all,
    text_of,
    whole_of,
)
from hub.stack.steps.files import files_of
from hub.stack.steps.loops import ends_loop
from hub.stack.turn import AGAIN, NOT_DONE, Turn

if TYPE_CHECKING:
    from hub.stack.steps import AnyStep

MAX_BYTES = 2 << 30
MAX_ROWS_AT_ONCE = 100_000
CHUNK_ROWS = 1_000
FETCH_S = 3_600.0
SHARED_S = 7 * 86_400
MAX_SHARED_S = 30 * 86_400
_SAVE_EVERY_S = 2.0
_TELL_EVERY_S = 1.0
_FARTHER_BYTES = 8 << 20
_COLUMNS_SHOWN = 100
_LAST_TRY = re.compile(AGAIN + r"[0-9]+$")


class DownloadDataset(WorldStep):
    """Fetches a data set into a file: `{file, name, size, sha256, content_type, url}`.

    The result is `dataset`, or what `as` says. A fetch that breaks off goes on where it was, also
    after a crash.
    """

    function: Literal["download_dataset"]
    url: Value = Field(description="Where it is.")
    headers: OptionalValue = Field(None, description="Header fields.")
    most_bytes: OptionalValue = Field(
        None, description="A larger one is an error: 2 GiB without it, which is the most."
    )
    sha256: OptionalValue = Field(None, description="What its checksum has to be.")

    @property
    def binds(self) -> str:
        return self.as_ or "dataset"

    async def _act(self, turn: Turn, path: str) -> None:
        sees = Revealing(turn.scope, turn.world.secret)
        wanted = self._wanted(turn, path, sees)
        await turn.commit()  # nothing leaves the hub before what led to it is durable
        try:
            kept = await turn.world.datasets.fetch(wanted, _Progress(turn, path).bytes)
        except (InvalidError, OutboundError, TooLargeError) as error:
            message = sees.hidden(error.message)
            raise StepError(message, code=error.code, **error.details) from error
        try:
            self._check(turn, kept)
        except StepError:
            await turn.world.datasets.drop(kept.id)  # another try fetches it anew
            raise
        output = {**kept.shown(), "url": sees.hidden(wanted.url)}
        turn.record(path, self.function, output)
        self.bind(turn, output)

    def _wanted(self, turn: Turn, path: str, sees: Revealing) -> Fetch:
        given = {} if self.headers is None else object_of(self.headers.evaluate(sees), "headers")
        left_s = turn.left_s()
        return Fetch(
            url=text_of(self.url.evaluate(sees), "url"),
            headers=tuple((name.lower(), as_text(v)) for name, v in given.items() if v is not None),
            most_bytes=_whole(self.most_bytes, turn, "most_bytes", MAX_BYTES, MAX_BYTES),
            timeout_s=FETCH_S if left_s is None else max(0.001, min(left_s, FETCH_S)),
            run_id=turn.run.id,
            part=turn.key(path),
        )

    def _check(self, turn: Turn, kept: Kept) -> None:
        given = None if self.sha256 is None else self.sha256.evaluate(turn.scope)
        if given is None:
            return
        expected = text_of(given, "sha256").lower()
        if expected != kept.sha256:
            raise StepError(
                f"The checksum of what came is {kept.sha256}, not {expected}: it was changed, or "
                "broken on its way.",
                code="dataset_changed",
            )


class ProcessDataInChunks(Step):
    """Works through a data set, so many rows at a time.

    With a `function_stack` that runs for each chunk: `chunk` holds its records, `chunk_index` its
    number; what it assigns ends with the chunk, and a further try goes on at the chunk that failed.
    Without one the hub analyses the data, and `generate_analysis_report` writes that up. The result
    is `processed`, or what `as` says: `{file, rows, chunks, columns, problems}`.
    """

    function: Literal["process_data_in_chunks"]
    dataset: OptionalValue = Field(
        None, description="What `download_dataset` gave, or a file's id; `dataset` without it."
    )
    chunk_size: OptionalValue = Field(
        None, description="Rows of a chunk: 1,000 without it, at most 100,000."
    )
    function_stack: "tuple[AnyStep, ...] | None" = Field(
        None,
        validation_alias=AliasChoices("function_stack", "inner_functions", "functions", "steps"),
        description="Runs for each chunk.",
    )
    format: OptionalValue = Field(
        None, description="`csv`, `jsonl`, `json` or `parquet`; without it that is found out."
    )
    on_error: Literal["stop", "continue"] = Field(
        "stop", description="Whether a failed chunk ends the step; if not, the others go on."
    )
    options: OptionalValue = Field(
        None, description="Of the reader: `delimiter`, `encoding`, `columns`, `on_bad_row` …"
    )

    @property
    def binds(self) -> str:
        """The variable that gets the result."""
        return self.as_ or "processed"

    def perform(self, turn: Turn, path: str) -> Awaitable[None] | None:
        turn.scope.check(self.binds)
        output = turn.replayed(path)
        if output is not NOT_DONE:
            turn.scope.assign(self.binds, output)
            return None
        return self._work(turn, path)

    async def _work(self, turn: Turn, path: str) -> None:
        work = _Work(turn, path, self, self._wanted(turn, path))
        await turn.commit()
        try:
            output = await work.done()
        except (InvalidError, NotFoundError, TooLargeError) as error:
            raise StepError(error.message, code=error.code, **error.details) from error
        turn.record(path, self.function, output)
        turn.scope.assign(self.binds, output)

    def _wanted(self, turn: Turn, path: str) -> Wanted:
        """The same for each life of the run, so that its chunks are the same."""
        fields = (self.dataset, self.format, self.options, self.chunk_size)
        found = settled_all(fields, turn, f"{path}/wanted?", self.function)
        given = turn.scope.lookup("dataset") if self.dataset is None else found[0]
        how = _reading_of({} if found[2] is None else object_of(found[2], "options"))
        size = CHUNK_ROWS
        if found[3] is not None:
            size = whole_of(found[3], "chunk_size", least=1, most=MAX_ROWS_AT_ONCE)
        return Wanted(_file_of(given), size, _format_of(found[1]), how)


class _Work:
    """One data set being worked through; a run that is resumed goes on at its last mark."""

    def __init__(self, turn: Turn, path: str, step: ProcessDataInChunks, wanted: Wanted) -> None:
        self._turn = turn
        self._path = path
        self._marks = _LAST_TRY.sub("", path)
        """Where its marks stand in the journal: a further try goes on at them."""
        self._step = step
        self._wanted = wanted
        self._progress = _Progress(turn, path)
        self._analysis: Analysis | None = None
        self._saved_s = time.monotonic()
        self._saved: int | None = None
        """The number of the last chunk that is in what was kept."""
        self._so_far: dict[str, Any] = {"rows": 0, "chunks": 0, "failed": 0}
        self._so_far |= {"columns": [], "problems": {"count": 0, "first": []}}
        self._state: str | None = None

    async def done(self) -> Json:
        """Work through all that is left; gives what the step gives."""
        point = self._last()
        if self._step.function_stack is None:
            point = await self._analysed(point)
        self._so_far |= point.get("so_far", {})
        work = None if self._analysis is None else self._analysis.add
        wanted = replace(self._wanted, mark=point.get("mark"), work=work)
        last: Read | None = None
        async with aclosing(self._datasets.read(wanted)) as reads:
            async for last in reads:
                if await self._take(last):
                    break
        await self._finish(last)
        return {"file": self._wanted.file, **self._so_far, "analysis": self._state}

    async def _analysed(self, point: dict[str, Any]) -> dict[str, Any]:
        """Take up the analysis at a mark; from the beginning where its state is gone."""
        try:
            self._state = point.get("state")
            kept = None if self._state is None else await self._datasets.kept(self._state)
        except NotFoundError:
            point, self._state, kept = {}, None, None
        self._analysis = Analysis() if kept is None else Analysis.from_state(kept)
        return point

    async def _finish(self, last: Read | None) -> None:
        if self._analysis is None:
            return
        if last is not None and last.chunk.n != self._saved:
            await self._save(last)
        elif self._state is None:  # there is not one row
            self._state = await self._keep()
        await self._datasets.drop_states(self._state_name, self._turn.run.id, self._state)

    @property
    def _state_name(self) -> str:
        """A name for the states of this step alone."""
        digest = hashlib.sha256(self._turn.key(self._marks).encode()).hexdigest()
        return f"analysis-{digest[:16]}"

    async def _keep(self) -> str:
        state = await asyncio.to_thread(cast(Analysis, self._analysis).state)
        return await self._datasets.keep_state(state, self._state_name, self._turn.run.id)

    @property
    def _datasets(self) -> DataSets:
        return self._turn.world.datasets

    def _last(self) -> dict[str, Any]:
        """The last mark that the journal holds."""
        prefix, done = f"{self._marks}/", self._turn.course.journal.done
        numbers = (
            int(path[len(prefix) : -1])
            for path in done
            if path.startswith(prefix) and path.endswith("#") and path[len(prefix) : -1].isdigit()
        )
        found = max(numbers, default=None)
        return {} if found is None else done[f"{prefix}{found}#"]

    async def _take(self, read: Read) -> bool:
        """Work on a chunk, unless the analysis has done so; whether it is to be the last one."""
        chunk, so_far = read.chunk, self._so_far
        waiting = self._turn.begin_step(f"{self._path}/{chunk.n}#")
        if waiting is not None:
            await waiting
        ends = False
        if self._analysis is None:
            ends = await self._run_stack(read)
        so_far["rows"] = chunk.first_row + len(chunk.values)
        so_far["chunks"] = chunk.n + 1
        so_far["columns"] = list(chunk.columns[:_COLUMNS_SHOWN])
        so_far["problems"] = read.problems
        self._progress.rows(read, so_far["rows"])
        fault_points.at("chunk.worked")
        if self._analysis is None:
            await self._mark(read, None)
        elif time.monotonic() - self._saved_s >= _SAVE_EVERY_S:
            await self._save(read)
        return ends

    async def _run_stack(self, read: Read) -> bool:
        chunk, step = read.chunk, self._step
        turn = self._turn.branch(giving=("chunk", "chunk_index"))
        turn.scope.assign("chunk", chunk.records())
        turn.scope.assign("chunk_index", chunk.n)
        try:
            return await ends_loop(step.function_stack or (), turn, f"{self._path}/{chunk.n}/")
        except StepFailed as failed:
            if step.on_error == "stop" or not is_catchable(failed.error):
                raise
            self._so_far["failed"] += 1
        return False

    async def _save(self, read: Read) -> None:
        """Keep the analysis as it stands, then say in the journal where it stands."""
        before, self._state = self._state, await self._keep()
        fault_points.at("analysis.kept")
        try:
            await self._mark(read, self._state)
        except LeaseLost:  # nobody will know of it
            await self._datasets.drop(self._state)
            raise
        if before is not None:
            await self._datasets.drop(before)
        self._saved, self._saved_s = read.chunk.n, time.monotonic()

    async def _mark(self, read: Read, state: str | None) -> None:
        """A crash costs at most what comes after this."""
        mark = {"mark": dict(read.mark), "so_far": dict(self._so_far), "state": state}
        path = f"{self._marks}/{read.chunk.n}#"
        self._turn.record(path, self._step.function, mark)
        await self._turn.commit()
        fault_points.at("chunk.marked")


class GenerateAnalysisReport(WorldStep):
    """Writes a report on what `process_data_in_chunks` has analysed, as JSON and as a page.

    The result is `report`, or what `as` says: `{rows, columns, fields, warnings, problems, files}`.
    """

    function: Literal["generate_analysis_report"]
    analysis: OptionalValue = Field(
        None, description="What `process_data_in_chunks` gave; `processed` without it."
    )
    title: OptionalValue = Field(None, description="What the page is headed with.")

    @property
    def binds(self) -> str:
        return self.as_ or "report"

    async def act(self, turn: Turn, path: str) -> Json:
        scope, datasets = turn.scope, turn.world.datasets
        given = (
            scope.lookup("processed") if self.analysis is None else self.analysis.evaluate(scope)
        )
        state = given.get("analysis") if isinstance(given, dict) else None
        if not isinstance(state, str):
            raise StepError(
                "There is no analysis to report on: let process_data_in_chunks work without a "
                "'function_stack' before this step.",
                code="field_invalid",
            )
        title = "Report" if self.title is None else text_of(self.title.evaluate(scope), "title")
        await turn.commit()
        analysis = Analysis.from_state(await datasets.kept(state))
        report = await asyncio.to_thread(analysis.report, given.get("problems"))
        html = await asyncio.to_thread(page, report, title)
        run_id, key = turn.run.id, turn.key(path)
        files = [await datasets.keep(html.encode(), "report.html", "text/html", run_id, key)]
        fault_points.at("report.begun")
        told = dumps(report)
        files += [await datasets.keep(told, "report.json", "application/json", run_id, key)]
        fault_points.at("report.kept")
        return {**_summary(report), "files": [each.shown() for each in files]}


class UploadResults(WorldStep):
    """Offers files for download: `{download_url, expires_at, files}`.

    The result is `results`, or what `as` says. Whoever has the address may download, until it ends,
    which is with the file at the latest.
    """

    function: Literal["upload_results"]
    files: OptionalValue = Field(
        None,
        validation_alias=AliasChoices("files", "file"),
        description="A file, or a list of them; those of `report` without it.",
    )
    ttl: OptionalValue = Field(
        None, description="Seconds that the addresses are good for: 7 days without it, 30 at most."
    )

    @property
    def binds(self) -> str:
        return self.as_ or "results"

    async def act(self, turn: Turn, path: str) -> Json:
        scope = turn.scope
        given = scope.lookup("report") if self.files is None else self.files.evaluate(scope)
        files = files_of(given)
        ttl_s = _whole(self.ttl, turn, "ttl", SHARED_S, MAX_SHARED_S)
        datasets = turn.world.datasets
        try:
            shared = [(each, *await datasets.share(each.id, ttl_s)) for each in files]
        except NotFoundError as error:
            raise StepError(error.message, code=error.code) from error
        told = [{**each.shown(), "url": url} for each, url, _ in shared]
        return {
            "download_url": shared[0][1],
            "expires_at": to_iso(min(until for _, _, until in shared)),
            "files": told,
        }


class _Progress:
    """Tells how far the run has come; it is seen with the next commit."""

    def __init__(self, turn: Turn, path: str) -> None:
        self._turn = turn
        self._path = f"{path}#"
        self._told_s = time.monotonic()
        self._farthest = turn.course.journal.done.get(self._path, 0)

    async def bytes(self, done: int, total: int | None) -> None:
        """So many bytes of a fetch are there; it is seen once a second, as nothing else commits.

        Where the journal says so too, the run has come further, though its worker dies again.
        """
        self._tell(done, total, f"{done / 1_000_000:,.1f} MB fetched")
        is_farther = done >= self._farthest + _FARTHER_BYTES
        if is_farther:
            self._farthest = done
            self._turn.record(self._path, "download_dataset", done)
        if is_farther or time.monotonic() - self._told_s >= _TELL_EVERY_S:
            await self._turn.commit()
            self._told_s = time.monotonic()

    def rows(self, read: Read, rows: int) -> None:
        """So many rows are behind the work."""
        self._tell(read.done, read.total, f"{rows:,} rows")

    def _tell(self, done: int, total: int | None, message: str) -> None:
        told = {"done": done, "total": total, "message": message}
        self._turn.effects.progress = dumps_text(told)


def _whole(value: Any, turn: Turn, name: str, default: int, most: int) -> int:
    given = None if value is None else value.evaluate(turn.scope)
    return default if given is None else whole_of(given, name, least=1, most=most)


def _format_of(given: Json) -> Format | None:
    """What is null is found out."""
    if given is None or given in get_args(Format):
        return cast(Format | None, given)
    raise StepError(
        f"'format' is one of {', '.join(get_args(Format))}, not {as_text(given)[:50]!r}.",
        code="field_invalid",
    )


def _reading_of(options: dict[str, Any]) -> Reading:
    try:
        return Reading.model_validate(options)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise StepError(
            f"options.{wrong['loc'][0]}: {wrong['msg']}", code="field_invalid"
        ) from None


def _file_of(given: Json) -> str:
    found = given.get("file") if isinstance(given, dict) else given
    if isinstance(found, str) and found:
        return found
    raise StepError(
        "There is no data set: fetch one with download_dataset before this step, or say which "
        "file it is ('dataset').",
        code="field_invalid",
    )


def _summary(report: dict[str, Any]) -> dict[str, Json]:
    """What a stack sees of a report: not all that stands in its files."""
    columns = [
        {"name": each["name"], "type": each["type"], "missing": each["missing"]}
        for each in report["fields"][:_COLUMNS_SHOWN]
    ]
    told = {name: report[name] for name in ("rows", "columns", "warnings", "problems")}
    return {**told, "fields": columns}
