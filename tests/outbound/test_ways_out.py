"""Nothing leaves the hub but through the client and its guard: read from all of its source."""

import ast
from collections.abc import Iterator
from functools import cache

from tests.program import STACKS

ROOT = STACKS.parent
NETWORK = {
    *("socket", "ssl", "httpx", "aiohttp", "requests", "urllib3", "urllib.request", "websockets"),
    *("http.client", "ftplib", "smtplib", "telnetlib", "poplib", "imaplib", "nntplib"),
    *("xmlrpc", "httpx_aiohttp", "pycurl", "socketserver", "multiprocessing.connection", "obstore"),
    *("opentelemetry.exporter", "prometheus_client.bridge"),
}
OPENERS = {
    *("open_connection", "create_connection", "open_unix_connection", "create_unix_connection"),
    *("create_datagram_endpoint", "sock_connect", "connect_ex", "getaddrinfo", "urlopen"),
    *("create_subprocess_exec", "create_subprocess_shell", "Popen", "popen"),
}
TOOL = "hub/bench/"
"""Measures the hub from outside, in processes of its own."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module that is installed, parsed."""
    files = [*(ROOT / "hub").rglob("*.py"), *(ROOT / "connectors").rglob("*.py")]
    return {
        str(file.relative_to(ROOT)): ast.parse(file.read_text("utf-8"))
        for file in sorted(files)
        if not str(file.relative_to(ROOT)).startswith(TOOL)
    }


def imported(module: ast.Module) -> Iterator[str]:
    """What a module imports, wherever in it that stands."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def named(module: ast.Module) -> Iterator[str]:
    """Every name and attribute that it uses."""
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def calls_of(name: str) -> dict[str, list[ast.Call]]:
    """Where something is called by that name, as a function or a method."""
    found: dict[str, list[ast.Call]] = {}
    for path, module in modules().items():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                called = node.func
                if getattr(called, "id", getattr(called, "attr", None)) == name:
                    found.setdefault(path, []).append(node)
    return found


def reaches(name: str) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in NETWORK)


def test_only_the_client_speaks_to_the_network() -> None:
    found = {path for path, module in modules().items() if any(map(reaches, imported(module)))}
    assert "hub/outbound/client.py" in found
    harmless = {
        "hub/outbound/guard.py",  # httpx.URL reads the text of a URL
        "hub/outbound/connecting.py",  # what the client connects by
        "hub/outbound/failures.py",  # knows its errors
        "hub/outbound/pools.py",  # keeps the client's transports
        "hub/outbound/reaching.py",  # connects through the guard, and says nothing there
        "hub/outbound/tls.py",  # makes its TLS contexts
        "hub/store/tls.py",  # makes the one for the database
        "hub/observe/otel.py",  # to the collector that OpenTelemetry's own variables name
        "hub/files/bucket.py",  # where HUB_FILES_URL says, and nobody else has a say
        "hub/valkey.py",  # asks whether its own Valkey listens on its own socket file
    }
    assert found - harmless == {"hub/outbound/client.py"}


def test_nothing_opens_a_connection_or_a_program_by_other_names() -> None:
    found = {path: used for path, each in modules().items() if (used := OPENERS & set(named(each)))}
    assert found == {
        "hub/valkey.py": {"create_subprocess_exec", "open_unix_connection"},
        "hub/parquet/reader.py": {"Popen"},  # itself again, which reads a local file
        "hub/outbound/reaching.py": {"open_connection"},
    }


def test_the_guard_uses_of_httpx_what_reads_a_url_and_nothing_that_sends() -> None:
    used = {
        node.attr
        for node in ast.walk(modules()["hub/outbound/guard.py"])
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "httpx"
    }
    assert used == {"URL", "InvalidURL"}


def test_nothing_is_imported_or_run_by_a_name_that_is_put_together() -> None:
    for name in ("__import__", "eval", "exec"):
        assert calls_of(name) == {}


def test_clients_are_made_in_these_places_each_with_a_policy() -> None:
    made = calls_of("Client")
    assert set(made) == {
        *("hub/bootstrap.py", "hub/simulate/command.py"),
        *("hub/commands/listening.py", "hub/commands/trying.py"),
        "hub/doctor/network.py",  # asks the hub itself how it is
    }
    assert all(call.args for calls in made.values() for call in calls)
    assert set(calls_of("AddressPolicy")) == set(made)


def test_the_hub_itself_never_opens_private_addresses_by_a_word_in_its_code() -> None:
    """Deliveries and steps take it from the destination; the tools send to the user's own."""
    openers = {
        path
        for path, calls in calls_of("send").items()
        for call in calls
        for word in call.keywords
        if word.arg == "allow_private" and isinstance(word.value, ast.Constant)
    }
    assert openers == {
        "hub/commands/listening.py",
        "hub/commands/trying.py",
        "hub/doctor/network.py",
    }


def test_requests_of_the_hub_are_made_in_these_places() -> None:
    """Whoever adds one looks here whether it goes through the client."""
    made = set(calls_of("OutboundRequest"))
    sent = {
        path
        for path, calls in calls_of("send").items()
        if any(word.arg == "timeout_s" for call in calls for word in call.keywords)
    }
    assert sent == {
        *("hub/deliver/sending.py", "hub/deliver/trial.py", "hub/run/requests.py"),
        *("hub/outbound/oauth.py", "hub/outbound/jwks.py", "hub/outbound/oidc.py"),
        *("hub/commands/listening.py", "hub/commands/trying.py", "hub/doctor/network.py"),
        *("hub/simulate/answers.py", "hub/simulate/simulation.py", "hub/simulate/datasets.py"),
    }
    assert "hub/deliver/request.py" in made
    opened = {
        path
        for path, calls in calls_of("stream").items()
        if any(word.arg == "limits" for call in calls for word in call.keywords)
    }
    assert opened == {"hub/outbound/redirects.py"}
    assert set(calls_of("following")) == {"hub/outbound/download.py"}
    served = "hub/web/routes.py"  # downloads from the hub
    assert set(calls_of("download")) == {"hub/run/datasets.py", served}
