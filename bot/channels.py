"""A channel as Slack knows it: who may read along."""

from __future__ import annotations

from dataclasses import dataclass

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot import refusals


@dataclass(frozen=True, slots=True)
class Channel:
    """What matters about a channel before anything is told there."""

    #: Another organisation reads along, or will.
    is_shared: bool
    is_private: bool = True
    is_direct: bool = False


#: Slack's words for a channel that is not for our eyes.
HIDDEN = refusals.UNREACHABLE | {"missing_scope", "method_not_supported_for_channel_type"}
#: Nobody knows: the worst is taken for granted.
UNKNOWN = Channel(is_shared=True)


def look_at(client: WebClient, channel_id: str) -> Channel:
    """The channel; `UNKNOWN` where the bot may not look. Raises what the client raises when Slack does not say."""
    try:
        found = client.conversations_info(channel=channel_id)["channel"]
    except SlackApiError as error:
        if refusals.word(error) not in HIDDEN:
            raise
        return UNKNOWN
    shared = any(found.get(name) for name in ("is_ext_shared", "is_pending_ext_shared"))
    direct = bool(found.get("is_im") or found.get("is_mpim"))
    return Channel(shared, bool(found.get("is_private") or direct), direct)
