"""The reference of background tasks, where it is at hand: the texts of its thirteen documents."""

import os
import re
from pathlib import Path

import pytest

REFERENCE = Path(
    os.environ.get(
        "HUB_TEST_REFERENCE",
        Path(__file__).parents[2] / "shared" / "reference" / "background-tasks.md",
    )
)
TEXTS = (
    re.findall(r"```javascript\n(.*?)```", REFERENCE.read_text("utf-8"), re.DOTALL)
    if REFERENCE.exists()
    else []
)
at_hand = pytest.mark.skipif(not TEXTS, reason="the reference is not at hand")


def recording(*names: str, queueable: bool = True) -> str:
    """Tasks that the reference names and leaves to its reader; each keeps what it was given."""
    return "".join(
        f'{{ task: "{name}", queueable: {str(queueable).lower()}, function_stack: ['
        f'{{ function: "add_record", table: "{name}", data: {{ n: "{{{{n}}}}" }} }}] }}'
        for name in names
    )
