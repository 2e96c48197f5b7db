"""A sink in a process of its own, for all tests of this folder; empty at each test's start."""

from collections.abc import Iterator

import pytest

from hub.bench.processes import listening, module
from hub.bench.watch import Watch


@pytest.fixture(scope="session")
def sink_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a sink that remembers each body's id."""
    folder = tmp_path_factory.mktemp("sink")
    with listening("sink", module("sink", "--field=id"), folder) as port:
        yield port


@pytest.fixture
def sink(sink_process: int) -> Watch:
    """It, empty and answering as from the start."""
    watch = Watch(sink_process)
    watch.reset()
    return watch
