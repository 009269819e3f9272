"""Which connectors there are: ours, and those that other packages declare."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points

from unstuck.connectors import Connector
from unstuck.errors import UsageError

GROUP = "unstuck.connectors"

#: Our own, imported when first used: system to module and class.
OURS = {
    "feishu": "unstuck.connectors.feishu:Feishu",
    "freshdesk": "unstuck.connectors.freshdesk:Freshdesk",
    "github": "unstuck.connectors.github:GitHub",
    "hubspot": "unstuck.connectors.hubspot:HubSpot",
    "intercom": "unstuck.connectors.intercom:Intercom",
    "jira": "unstuck.connectors.jira:Jira",
    "redmine": "unstuck.connectors.redmine:Redmine",
    "rt": "unstuck.connectors.rt:RequestTracker",
    "servicenow": "unstuck.connectors.servicenow:ServiceNow",
    "udesk": "unstuck.connectors.udesk:Udesk",
    "zammad": "unstuck.connectors.zammad:Zammad",
    "zendesk": "unstuck.connectors.zendesk:Zendesk",
}


def systems() -> dict[str, str]:
    """Every system that can be connected, and where its connector is. Ours cannot be replaced by another's."""
    return {**{point.name: point.value for point in entry_points(group=GROUP)}, **OURS}


def connector_of(system: str) -> type[Connector]:
    """The connector of a system. Raises `UsageError` when there is none."""
    where = systems().get(system)
    if where is None:
        raise UsageError("no_such_system", system=system, known=", ".join(sorted(systems())))
    module, _, name = where.partition(":")
    found: type[Connector] = getattr(import_module(module), name)
    return found
