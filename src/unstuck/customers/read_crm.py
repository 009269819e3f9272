"""Customers from a connected CRM: HubSpot's contacts and Intercom's, with the attributes that the desk names."""

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
    http = Http(
        connection, {"Authorization": f"Bearer {connection.token.get_secret_value()}", "Intercom-Version": VERSION},
        transport, per_minute=_PER_MINUTE,
    )  # fmt: skip
    for number, record in enumerate(READERS[system](http, fields), start=1):
        yield Said(number, record)


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


#: System to what reads its customers.
READERS: dict[str, Callable[[Http, Mapping[str, str]], Iterator[CustomerRecord]]] = {
    "hubspot": _hubspot,
    "intercom": _intercom,
}


def _record(customer: str, email: object, said: Mapping[str, Any], fields: Mapping[str, str]) -> CustomerRecord:
    values = {ours: str(said[theirs]) for ours, theirs in fields.items() if said.get(theirs) not in (None, "")}
    return CustomerRecord(Keys(customer=customer, email=str(email) if email else None), values)
