"""Customers from a connected system: contacts of HubSpot, Intercom, Zendesk and Freshdesk, with the attributes that the
desk names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from unstuck.connectors import Connection
from unstuck.connectors.http import Http, rows_of
from unstuck.connectors.intercom import VERSION
from unstuck.customers.records import CustomerRecord, Keys, Said
from unstuck.errors import UserError

_PER_PAGE = 100
_PER_MINUTE = 240
#: Smaller plans of Zendesk and Freshdesk allow no more, and the tickets want some of it, too.
_SLOWER = 30


def read_crm(system: str, connection: Connection, transport: httpx.BaseTransport | None = None) -> Iterator[Said]:
    """Everybody a CRM knows. Which of its attributes are a tier or a region, the source's option `customer_fields`
    says: `["tier=plan", "region=country"]`. Raises `UserError` when there is nothing to read, `ConnectorError`s.
    """
    given = connection.options.get("customer_fields") or []
    pairs = [one.partition("=") for one in ([given] if isinstance(given, str) else given)]
    fields = {ours.strip(): theirs.strip() for ours, _, theirs in pairs if ours.strip() and theirs.strip()}
    if system not in READERS:
        raise UserError("customers_no_crm", system=system, known=", ".join(sorted(READERS)))
    if not fields:
        raise UserError("customers_no_fields", name=connection.name)
    http = _signed_in(system, connection, transport)
    for number, record in enumerate(READERS[system](http, fields), start=1):
        yield Said(number, record)


def _signed_in(system: str, connection: Connection, transport: httpx.BaseTransport | None) -> Http:
    """Each system's own way to show a token, as its connector does."""
    token = connection.token.get_secret_value()
    auth = {"zendesk": (f"{connection.user}/token", token), "freshdesk": (token, "X")}.get(system)
    if auth is None or (system == "zendesk" and not connection.user):
        headers = {"Authorization": f"Bearer {token}", "Intercom-Version": VERSION}
        return Http(connection, headers, transport, per_minute=_PER_MINUTE)
    return Http(connection, {}, transport, auth=auth, per_minute=_SLOWER)


def _hubspot(http: Http, fields: Mapping[str, str]) -> Iterator[CustomerRecord]:
    after: str | None = None
    asked = ",".join(["email", *fields.values()])
    while True:
        more = {"after": after} if after else {}
        found = http.get("crm/v3/objects/contacts", limit=_PER_PAGE, properties=asked, **more)
        for row in rows_of(found, "results"):
            yield _record(f"contact:{row['id']}", row["properties"].get("email"), row["properties"], fields)
        after = ((found.get("paging") or {}).get("next") or {}).get("after")
        if not after:
            return


def _intercom(http: Http, fields: Mapping[str, str]) -> Iterator[CustomerRecord]:
    after: str | None = None
    while True:
        more = {"starting_after": after} if after else {}
        found = http.get("contacts", per_page=_PER_PAGE, **more)
        for row in rows_of(found, "data"):
            attributes = {**row, **(row.get("custom_attributes") or {})}
            yield _record(str(row["id"]), row.get("email"), attributes, fields)
        after = ((found.get("pages") or {}).get("next") or {}).get("starting_after")
        if not after:
            return


def _zendesk(http: Http, fields: Mapping[str, str]) -> Iterator[CustomerRecord]:
    """End users, with their own fields and tags."""
    after: str | None = None
    while True:
        more = {"page[after]": after} if after else {}
        found = http.get("api/v2/users.json", role="end-user", **{"page[size]": _PER_PAGE}, **more)
        for row in rows_of(found, "users"):
            attributes = {**row, **(row.get("user_fields") or {})}
            yield _record(str(row["id"]), row.get("email"), attributes, fields)
        meta = found.get("meta") or {}
        after = meta.get("after_cursor") if meta.get("has_more") else None
        if not after:
            return


def _freshdesk(http: Http, fields: Mapping[str, str]) -> Iterator[CustomerRecord]:
    page = 1
    while True:
        rows = rows_of(http.get("api/v2/contacts", per_page=_PER_PAGE, page=page))
        for row in rows:
            attributes = {**row, **(row.get("custom_fields") or {})}
            yield _record(str(row["id"]), row.get("email"), attributes, fields)
        if len(rows) < _PER_PAGE:
            return
        page += 1


#: System to what reads its customers.
READERS: dict[str, Callable[[Http, Mapping[str, str]], Iterator[CustomerRecord]]] = {
    "freshdesk": _freshdesk,
    "hubspot": _hubspot,
    "intercom": _intercom,
    "zendesk": _zendesk,
}


def _record(customer: str, email: object, said: Mapping[str, Any], fields: Mapping[str, str]) -> CustomerRecord:
    values = {ours: str(said[theirs]) for ours, theirs in fields.items() if said.get(theirs) not in (None, "")}
    return CustomerRecord(Keys(customer=customer, email=str(email) if email else None), values)
