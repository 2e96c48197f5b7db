"""Commands, as they are typed."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hub.cli import app


class Typed:
    """Types commands of a hub in a folder, in this process."""

    def __init__(self, data: Path, **environment: str) -> None:
        self._environment = {"HUB_DATA": str(data), **environment}

    def __call__(self, line: str, code: int = 0, given: str | None = None) -> str:
        """What it prints to standard output, or where it cannot be done to standard error."""
        words = line.split()
        result = CliRunner().invoke(app, words, input=given, env=self._environment)
        assert result.exit_code == code, result.output
        return result.stderr if code == 2 else result.stdout

    def json(self, line: str, code: int = 0) -> Any:
        """The document that it prints with ``--json``."""
        return json.loads(self(f"{line} --json", code))

    def lines(self, line: str) -> list[Any]:
        """The JSON lines that it prints."""
        return [json.loads(each) for each in self(f"{line} --json").splitlines()]
