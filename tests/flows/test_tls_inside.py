"""Everything between the hub, PostgreSQL and Valkey goes by TLS, and to nobody else."""

from pathlib import Path

from sqlalchemy.engine import make_url

from hub.settings import load_settings
from hub.valkey import EmbeddedValkey
from tests.databases import Postgres
from tests.faults.apart import apart
from tests.outbound.certificates import authority
from tests.sink import open_sink
from tests.tls import tls_before

STACK = """{
  task: "pass_on",
  source: "shop",
  function_stack: [
    { function: "deliver", destination: "make", payload: { n: "{{n}}" } },
  ],
}"""


async def test_an_event_goes_all_its_way_by_tls(
    postgres: Postgres, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    file, context = tmp_path / "authority.pem", authority().context(tmp_path)
    file.write_text(authority().certificate)
    with postgres.database() as url:
        plain = make_url(url)
        socket = f"{plain.query['host']}/.s.PGSQL.5432"
        async with (
            tls_before(socket, context, asked=True) as database,
            tls_before(str(valkey.socket), context) as redis,
            open_sink() as make,
        ):
            way = f"postgres@127.0.0.1:{database}/{plain.database}?sslrootcert={file}"
            by_tls = f"rediss://127.0.0.1:{redis}/0?ssl_ca_certs={file}"
            async with apart(tmp_path, f"postgresql+asyncpg://{way}", _seen(by_tls)) as hub:
                await hub.put("/v1/destinations/make", {"connector": "make", "url": make.url})
                await hub.put(
                    "/v1/sources/shop", {"connector": "standard", "verify": {"mode": "none"}}
                )
                await hub.put("/v1/stacks/shop", STACK)
                accepted = (await hub.api.post("/in/shop", json={"n": 1})).json()
                await hub.until(f"/v1/events/{accepted['event_id']}", fate="delivered")
                assert (await make.wait_for(1))[0].json == {"n": 1}
                assert (await hub.get("/readyz"))["status"] == "ok"


async def test_a_valkey_with_another_name_or_from_another_authority_is_not_spoken_to(
    valkey: EmbeddedValkey, postgres: Postgres, tmp_path: Path
) -> None:
    file, other = tmp_path / "authority.pem", tmp_path / "other.pem"
    file.write_text(authority().certificate)
    other.write_text(authority("theirs").certificate)
    context = authority().context(tmp_path)
    async with tls_before(str(valkey.socket), context) as port:
        for url in (
            f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={other}",
            f"rediss://localhost:{port}/0?ssl_ca_certs={file}",  # it is for 127.0.0.1
            f"redis://127.0.0.1:{port}/0",
        ):
            with postgres.database() as database:
                async with apart(tmp_path, database, _seen(url)) as hub:
                    ready = await hub.get("/readyz")
                    assert ready["status"] == "degraded", url
                    assert "redis" in ready["troubles"]


def _seen(url: str) -> str:
    """As the settings hand it on."""
    return load_settings(redis_url=url).redis_url or ""
