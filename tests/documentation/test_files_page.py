"""docs/files.md says what is so."""

import re
from pathlib import Path

from hub.filing import FileBounds
from hub.model.file import MAX_NAME_BYTES, StoredFile
from hub.settings import Settings
from hub.web.api.files import OPERATIONS, NewUrl
from hub.web.problems import problem
from hub.web.uploads import _LEAST_BYTES_PER_S

PAGE = (Path(__file__).parents[2] / "docs/files.md").read_text()


def test_the_page_names_every_operation_and_its_scope() -> None:
    told = dict(re.findall(r"^\| `(\w+ /v1/\S+?)(?:\?[^`]*)?` \| `(\w+)` \|", PAGE, re.MULTILINE))
    assert told == {f"{each.method} {each.path}": each.scope.value for each in OPERATIONS}


def test_the_page_says_the_bounds_as_they_are() -> None:
    fields = Settings.model_fields
    bounds = FileBounds(
        *(fields[name].default for name in ("file_max_bytes", "files_max_bytes", "files_keep_s"))
    )
    assert f"`HUB_FILE_MAX_BYTES`, {bounds.file_bytes >> 30} GiB" in PAGE
    assert f"`HUB_FILES_MAX_BYTES`, {bounds.all_bytes >> 30} GiB" in PAGE
    assert f"`HUB_FILES_KEEP_S`, {bounds.keep_s / 86400:.0f} days" in PAGE
    assert f"at most {MAX_NAME_BYTES} bytes" in PAGE
    assert f"{_LEAST_BYTES_PER_S >> 10} KiB/s" in PAGE
    ttl = NewUrl.model_fields["ttl_s"]
    assert f'"ttl_s": {ttl.default}' in PAGE
    assert "a week at most" in PAGE
    assert any(getattr(each, "le", None) == 7 * 86_400 for each in ttl.metadata)


def test_a_reference_is_as_the_glossary_says() -> None:
    file = StoredFile("fil_1", "a", "text/plain", 1, "0", "fil_2", 0, 1)
    glossary = (Path(__file__).parents[2] / "docs/glossary.md").read_text()
    names = ", ".join(f'"{name}"' for name in file.reference())
    assert f"`{{{names}}}`" in glossary


def test_the_page_names_the_answers_as_they_are() -> None:
    from hub.files.blobs import disk_full
    from hub.filing import too_large
    from hub.signature import file_url_invalid

    for error in (disk_full(), too_large(1), file_url_invalid()):
        assert f"{problem(error).status_code} `{error.code}`" in PAGE
