"""The manifests are what Kubernetes takes, and hold the hub to as little as it needs."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import text

from hub.model.ids import new_id
from hub.settings import Settings
from hub.store.ledger import open_ledger
from hub.store.tx import Tx
from tests.databases import Postgres, prepare
from tests.deploy.smoking import DEPLOY

FOLDER = DEPLOY / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
FOREIGN = ("keda.sh/", "kustomize.config.k8s.io/")


def documents(*files: Path) -> list[dict[str, Any]]:
    return [each for file in files for each in yaml.safe_load_all(file.read_text())]


OWN = [each for each in documents(*FILES) if not each["apiVersion"].startswith(FOREIGN)]
PODS = {
    each["metadata"]["name"]: each["spec"]["template"]["spec"]
    for each in OWN
    if each["kind"] == "Deployment"
}
CONTAINERS = [
    pytest.param(container, id=f"{name}-{container['name']}")
    for name, pod in PODS.items()
    for container in (*pod["containers"], *pod["initContainers"])
]


@pytest.mark.parametrize(
    "document", OWN, ids=lambda each: f"{each['kind']}-{each['metadata']['name']}"
)
def test_each_document_is_one_that_kubernetes_takes(document: dict[str, Any]) -> None:
    for version in ("1.30", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("kustomization.yaml")), ids=str)
def test_a_kustomization_names_every_file_beside_it(file: Path) -> None:
    (wanted,) = documents(file)
    here = {each.name for each in file.parent.glob("*.yaml")} - {file.name}
    assert {each for each in wanted["resources"] if each.endswith(".yaml")} == here
    for each in wanted["resources"]:
        assert (file.parent / each).exists()


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_container_may_do_nothing_but_its_work(container: dict[str, Any]) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"]["cpu"]
    secrets = {each["name"] for each in container["env"]}
    assert secrets == {
        f"HUB_{n}_FILE" for n in ("ADMIN_KEY", "SECRET_KEY", "DATABASE_URL", "REDIS_URL")
    }
    for each in container["env"]:  # no secret is an environment variable
        assert each["value"].startswith("/run/secrets/hub/")


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS)
def test_a_pod_is_restricted_and_has_time_to_end(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False  # HUB_PORT would be theirs
    (base,) = documents(FOLDER / "base" / "kustomization.yaml")
    literals = dict(each.split("=", 1) for each in base["configMapGenerator"][0]["literals"])
    pause_s = 5 if "lifecycle" in pod["containers"][0] else 0
    grace_s = float(literals["HUB_STOP_GRACE_S"])
    assert pod["terminationGracePeriodSeconds"] >= 2 * grace_s + pause_s
    for name in literals:
        assert name.removeprefix("HUB_").lower() in Settings.model_fields


def test_what_is_said_of_the_others_is_true() -> None:
    found = {
        (each["kind"], each["metadata"]["name"]): each
        for each in documents(*FILES)
        if "metadata" in each
    }
    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        for (found_kind, _), each in found.items():
            if found_kind == kind:
                assert each["spec"]["scaleTargetRef"]["name"] in PODS
    labels = {
        each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]
        for each in OWN
        if each["kind"] == "Deployment"
    }
    for each in OWN:
        selector = (
            each["spec"].get("selector")
            if each["kind"] in ("Service", "PodDisruptionBudget")
            else None
        )
        if selector:
            wanted = selector.get("matchLabels", selector)
            assert wanted["app.kubernetes.io/component"] in labels
    ingress = found["Ingress", "hub"]
    stream_s = Settings.model_fields["stream_s"].default
    notes = ingress["metadata"]["annotations"]
    assert int(notes["nginx.ingress.kubernetes.io/proxy-read-timeout"]) > stream_s
    assert notes["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"


def scaling_query() -> str:
    (query,) = [
        trigger["metadata"]["query"]
        for each in documents(FOLDER / "overlays" / "example" / "scaling-worker.yaml")
        for trigger in each["spec"].get("triggers", [])
        if "query" in trigger["metadata"]
    ]
    return str(query)


async def test_workers_are_scaled_by_what_is_due_counted_by_an_index(
    postgres: Postgres, tmp_path: Path
) -> None:
    with postgres.database() as url:
        prepare(url, tmp_path)
        ledger = await open_ledger(url, tmp_path)
        try:
            assert await ledger.read(_fill_and_count) == 3
            assert "ix_runs_due" in await ledger.read(_plan)
        finally:
            await ledger.close()


def _count(tx: Tx) -> int:
    (count,) = tx.rows(text(scaling_query()))[0]
    return int(count)


_RUN = (
    "INSERT INTO runs (id, task, status, lane, due_at, attempt, crashes, chain_depth, fence, "
    "created_at, held) VALUES ('{id}', 't', '{status}', '{lane}', {due}, 0, 0, 0, 0, 0, {held})"
)


def _fill_and_count(tx: Tx) -> int:
    """In a transaction that is given up: three are due, the others for one reason each not."""
    later = 1 << 60
    for status, lane, due, held in (
        ("queued", "high", 0, False),
        ("queued", "low", 0, False),
        ("waiting", "normal", 0, False),
        ("queued", "normal", later, False),
        ("queued", "normal", 0, True),
        ("running", "normal", 0, False),
        ("succeeded", "normal", 0, False),
    ):
        row = _RUN.format(id=new_id("run"), status=status, lane=lane, due=due, held=held)
        tx.run(text(row))
    return _count(tx)


def _plan(tx: Tx) -> str:
    filled = (
        "INSERT INTO runs (id, task, status, lane, due_at, attempt, crashes, chain_depth, fence, "
        "created_at, held) SELECT 'run_' || n, 't', 'succeeded', 'normal', 0, 0, 0, 0, 0, 0, false "
        "FROM generate_series(1, 20000) AS n"
    )
    tx.run(text(filled))
    tx.run(text("ANALYZE runs"))
    return "\n".join(row[0] for row in tx.rows(text(f"EXPLAIN {scaling_query()}")))


def test_the_readme_names_what_is_there() -> None:
    page = (DEPLOY / "README.md").read_text()
    named = re.findall(r"`((?:kubernetes|proxy)/[\w/.-]+|[\w.-]+\.(?:yaml|sh|py|example))`", page)
    assert len(named) > 6
    assert [name for name in named if not (DEPLOY / name).exists()] == []
