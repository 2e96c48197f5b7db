"""What the hub is made of is listed, and asked about; what is found fails the check."""

import json
import os
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.smoking import DEPLOY
from tests.program import free_port

ROOT = DEPLOY.parent
UV = ROOT / ".venv" / "bin" / "uv"
FOUND = {"id": "GHSA-0000-0000-0001", "modified": "2026-01-01T00:00:00Z"}


@contextmanager
def service(vulnerable: str | None) -> Iterator[str]:
    """Answers as osv.dev does, and knows of one package."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["queries"]
            names = [each["package"]["name"] for each in asked]
            self.say({"results": [{"vulns": [FOUND]} if n == vulnerable else {} for n in names]})

        def do_GET(self) -> None:
            self.say({**FOUND, "published": FOUND["modified"], "summary": "Bad.", "affected": []})

        def say(self, body: Any) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing is said of each."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def audit(url: str, **variables: str) -> tuple[int, str]:
    """``.ci/audit`` against a service: its exit code, and what it said."""
    done = subprocess.run(
        [ROOT / ".ci" / "audit"],
        env={**os.environ, "UV": str(UV), "AUDIT_URL": url, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_what_is_known_to_be_vulnerable_fails() -> None:
    with service("starlette") as url:
        code, said = audit(url)
    assert code != 0
    assert "starlette" in said
    assert FOUND["id"] in said


def test_what_is_not_passes() -> None:
    with service(None) as url:
        code, said = audit(url)
    assert (code, "NOT AUDITED" in said) == (0, False), said


@pytest.mark.timeout(180)
def test_where_nobody_can_be_asked_it_says_so_and_fails_only_where_it_has_to() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    code, said = audit(nowhere)
    assert (code, "NOT AUDITED" in said) == (0, True), said
    assert audit(nowhere, AUDIT_REQUIRED="1")[0] != 0


def test_the_list_of_parts_has_everything_that_runs(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    (line,) = [each for each in makefile.splitlines() if "--format cyclonedx1.5" in each]
    file = tmp_path / "sbom.json"
    options = line.split("export ", 1)[1].split(" --output-file")[0].split()
    subprocess.run(
        [UV, "export", *options, "--output-file", file], cwd=ROOT, check=True, capture_output=True
    )
    parts = json.loads(file.read_text())
    assert parts["bomFormat"] == "CycloneDX"
    listed = {each["name"] for each in parts["components"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = (re.split(r"[>\[;]", each)[0] for each in project["dependencies"])
    wanted = {name.replace(".", "-") for name in names}
    assert wanted <= listed
    assert "pytest" not in listed
