"""What a gate is asked: how a destination's, or a bare origin's, requests are let through."""

from collections.abc import Mapping

from hub.connector import Connector, Paces
from hub.model.destination import Breaker, Destination, Pacing
from hub.outbound.gates import Asked

_PATIENCE_S = 30.0


def pacing_of(destination: Destination, connectors: Mapping[str, Connector]) -> Pacing | None:
    """What it sets itself, else what its connector's tool takes."""
    if destination.pacing is not None:
        return destination.pacing
    connector = connectors.get(destination.connector)
    return connector.pacing if isinstance(connector, Paces) else None


def asked_of(
    name: str, want: int, destination: Destination | None, connectors: Mapping[str, Connector]
) -> Asked:
    """So many requests to a destination, or to whatever has that name."""
    if destination is None:
        return Asked(name, want, Breaker(), _PATIENCE_S)
    pacing = pacing_of(destination, connectors)
    return Asked(name, want, destination.breaker, destination.timeout_s, pacing)
