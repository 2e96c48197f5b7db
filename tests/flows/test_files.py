"""Files over real sockets, until their time is over."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from arq.cron import cron

from tests.faults.apart import until
from tests.program import embedded_hub


async def test_a_file_goes_round_and_is_swept_by_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def each_second(work: Any, **wanted: Any) -> Any:
        if wanted["name"] == "sweep_files":
            wanted |= {"minute": None, "second": set(range(60))}
        return cron(work, **wanted)

    monkeypatch.setattr("hub.worker.cron", each_second)
    async with embedded_hub(tmp_path) as driven, httpx.AsyncClient(trust_env=False) as anybody:
        sent = b"a,b\n1,2\n" * 100_000
        kept = (await driven.api.post("/v1/files?name=d.csv&keep_s=3", content=sent)).json()
        signed = (await driven.api.post(f"/v1/files/{kept['id']}/url")).json()
        answer = await anybody.get(signed["url"])
        assert (answer.status_code, answer.content) == (200, sent)

        async def swept() -> bool:
            return not [each for each in (tmp_path / "files").rglob("*") if each.is_file()]

        assert not await swept()
        await until(swept, 15)
        assert (await anybody.get(signed["url"])).status_code == 404


async def test_no_stack_takes_the_addresses_of_files(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path) as driven:
        stack = '{ api_endpoint: "/files/{id}/{name}", auth: "public", function_stack: [] }'
        answer = await driven.api.put(
            "/v1/stacks/shop", content=stack, headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 422
        assert "/files" in answer.text
