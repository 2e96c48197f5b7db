"""The containers are held to as little as they need, and end and start in order."""

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hub.settings import Settings, load_settings
from tests.deploy.smoking import DEPLOY

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
EMBEDDED: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.embedded.yaml").read_text())
SERVICES = {**COMPOSE["services"], **EMBEDDED["services"]}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
SECONDS = re.compile(r"(\d+)s")


def secrets_in(folder: Path) -> dict[str, str]:
    return {each.name: each.read_text().strip() for each in folder.iterdir()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_nothing_but_its_work(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert any(each.partition(":")[0].endswith("tmp") for each in service["tmpfs"])


@pytest.mark.parametrize("name", ["server", "worker", "postgres", "valkey", "proxy", "hub"])
def test_what_runs_for_long_comes_back_is_looked_at_and_is_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["logging"]["options"]["max-size"]
    assert "healthcheck" in service or "HEALTHCHECK" in DOCKERFILE


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_secret_stands_in_the_environment(name: str) -> None:
    for variable, value in (SERVICES[name].get("environment") or {}).items():
        if re.search(r"KEY|PASSWORD|SECRET|_URL", variable) and variable != "HUB_PUBLIC_URL":
            assert variable.endswith("_FILE")
            assert value.startswith("/run/secrets/")
            assert value.rpartition("/")[2] in SERVICES[name]["secrets"]
    assert set(SERVICES[name].get("secrets") or []) <= set(COMPOSE["secrets"])


def test_only_the_proxy_is_open_to_others() -> None:
    open_to_all = {
        name
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    }
    assert open_to_all == {"proxy"}
    for name in ("postgres", "valkey"):
        assert SERVICES[name]["networks"] == ["back"]
    assert COMPOSE["networks"]["back"] == {"internal": True}


def test_nothing_starts_before_what_it_needs() -> None:
    for name in ("server", "worker"):
        assert SERVICES[name]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"},
            "valkey": {"condition": "service_healthy"},
        }
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", ["server", "worker", "hub"])
def test_what_is_under_way_has_time_to_end(name: str) -> None:
    found = SECONDS.fullmatch(SERVICES[name]["stop_grace_period"])
    assert found is not None
    assert int(found[1]) >= 2 * Settings.model_fields["stop_grace_s"].default


def test_the_variables_are_settings_of_the_hub() -> None:
    given = [*SERVICES["server"]["environment"], *re.findall(r"(HUB_\w+)=", DOCKERFILE)]
    names = {each.removeprefix("HUB_").removesuffix("_FILE").lower() for each in given}
    assert names - {"alive"} <= Settings.model_fields.keys() | {"alive_file"}


def test_valkey_throws_nothing_away_and_writes_down_what_it_has() -> None:
    command = " ".join(SERVICES["valkey"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


def test_the_image_runs_as_nobody_who_may_do_anything() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "USER 10001:10001" in last
    assert last.index("USER ") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last
    assert "curl" not in last
    for given in re.findall(r"^COPY (?:--\S+ )*(\S+) ", DOCKERFILE, re.MULTILINE):
        assert given.startswith("/") or (DEPLOY.parent / given).exists()
        allowed = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
        assert given.startswith("/") or f"!{given}" in allowed


def test_secrets_are_made_once_and_are_taken_by_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "secrets"
    for _ in range(2):
        subprocess.run([DEPLOY / "make-secrets.sh", folder], check=True, capture_output=True)
        made = secrets_in(folder)
        assert set(made) == set(COMPOSE["secrets"])
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    again = secrets_in(folder)
    assert again == made
    for name in ("admin_key", "secret_key", "database_url", "redis_url"):
        monkeypatch.setenv(f"HUB_{name.upper()}_FILE", os.fspath(folder / name))
    settings = load_settings()
    assert len(settings.secret_keys) == 1
    assert made["postgres_password"] in str(settings.database_url)
    assert len(set(made.values())) == len(made)
