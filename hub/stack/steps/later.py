"""Steps that documents may hold already, and that this version of the hub cannot carry out."""

from typing import ClassVar, Literal

from pydantic import Field

from hub.errors import StepError
from hub.stack.step import OptionalValue, Step, Value
from hub.stack.turn import Turn


class LaterStep(Step):
    """Known, checked, and refused when a run comes to it."""

    touches_world: ClassVar[bool] = True

    def perform(self, turn: Turn, path: str) -> None:
        raise StepError(
            f"This version of the hub cannot carry out {self.function} yet.",
            code="function_unavailable",
        )


class DownloadDataset(LaterStep):
    """Downloads a data set."""

    function: Literal["download_dataset"]
    url: Value = Field(description="Where it is.")


class ProcessDataInChunks(LaterStep):
    """Works through a data set, chunk by chunk."""

    function: Literal["process_data_in_chunks"]
    chunk_size: OptionalValue = Field(None, description="Rows of a chunk.")


class GenerateAnalysisReport(LaterStep):
    """Writes a report on a data set."""

    function: Literal["generate_analysis_report"]


class UploadResults(LaterStep):
    """Offers the results for download, at `results.download_url`."""

    function: Literal["upload_results"]
