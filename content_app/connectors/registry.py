"""Which connector speaks to which kind of system.

In:  the kind of a system, its account, the rooms' gate.
Out: a connector.
Never here: discovery, plugins, entry points. What may delete is written down in this dict.
"""

from content_app.connectors.base import Account, ContentConnector, Gate, Manifest
from content_app.connectors.vcc import VccConnector

CONNECTORS: dict[str, type[VccConnector]] = {
    "vcc": VccConnector,
}


def connect(kind: str, account: Account, gate: Gate) -> ContentConnector:
    """A connector for one account. Makes no call yet; an unknown kind is a ``KeyError``. Close it when done."""
    return CONNECTORS[kind](account, gate=gate)


def manifest(kind: str) -> Manifest:
    """What the connector of a kind can do, without connecting."""
    return CONNECTORS[kind].manifest
