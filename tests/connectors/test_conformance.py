"""Every connector that is offered passes the kit, and does what its samples say."""

from importlib.metadata import entry_points
from pathlib import Path

import connectors
from hub.testing import ConnectorTests

FOUND = {entry.name: entry for entry in entry_points(group="hub.connectors")}

for _name, _entry in sorted(FOUND.items()):
    _class = f"Test{_name.title().replace('-', '')}"
    globals()[_class] = type(
        _class, (ConnectorTests,), {"connector": _entry.load(), "entry": _name}
    )


def test_every_folder_of_connectors_is_offered_as_an_entry_point() -> None:
    folders = {file.parent.name for file in Path(connectors.__path__[0]).glob("*/connector.py")}
    assert folders <= set(FOUND)
