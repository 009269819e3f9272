"""What a failed call to Slack means: for one address, for the whole app, or nobody knows."""

from __future__ import annotations

import http.client
from datetime import timedelta
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

OK, TOO_MANY_REQUESTS, SERVER_ERROR = 200, 429, 500
#: Slack always says how long to wait; should it not.
DEFAULT_WAIT = timedelta(seconds=30)

#: This person or channel cannot be written to, ever; the next one may.
UNREACHABLE = frozenset({
    "channel_not_found", "is_archived", "not_in_channel", "user_not_found", "users_not_found", "user_disabled",
    "user_not_visible", "cannot_dm_bot", "restricted_action", "messages_tab_disabled", "is_inactive",
    "restricted_action_read_only_channel", "restricted_action_thread_only_channel",
    "restricted_action_non_threadable_channel", "restricted_action_thread_locked", "posting_to_general_channel_denied",
})  # fmt: skip
#: Slack refuses the app as a whole.
REFUSED = frozenset({
    "invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope",
    "not_allowed_token_type", "org_login_required", "ekm_access_denied", "team_access_not_granted", "no_permission",
    "access_denied",
})  # fmt: skip
#: Slack does not know itself.
UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
#: The message holds blocks that this workspace, or its plan, does not know.
BLOCKS = frozenset({
    "invalid_blocks", "invalid_attachments", "invalid_blocks_format", "msg_blocks_too_long", "unsupported_block_type",
    "block_not_supported", "feature_not_enabled",
})  # fmt: skip
LIMITED = frozenset(("ratelimited", "rate_limited"))
#: What a broken line raises, and nothing that a full disk or a missing file would.
PASSING = (URLError, http.client.HTTPException, ConnectionError, TimeoutError)


class ResponseUrlError(OSError):
    """A response URL did not take what was sent to it: used up, too old, or Slack is away."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(f"the response URL answered {status}: {word}")
        self.status, self.word = status, word


def word(error: Exception) -> str:
    """Slack's word for what is wrong, or what broke the line."""
    if isinstance(error, ResponseUrlError):
        return error.word
    if not isinstance(error, SlackApiError):
        return type(error).__name__
    if getattr(error.response, "status_code", OK) == TOO_MANY_REQUESTS:
        return "ratelimited"
    # A reply that is no JSON has no word either.
    found = error.response.get("error") if isinstance(getattr(error.response, "data", error.response), dict) else None
    return str(found or "no_answer")


def is_certain(error: Exception) -> bool:
    """Whether Slack said itself that it stored nothing."""
    if isinstance(error, ResponseUrlError):
        return error.status < SERVER_ERROR and error.word not in UNCLEAR
    if not isinstance(error, SlackApiError):
        return False
    status = getattr(error.response, "status_code", OK)
    return status == TOO_MANY_REQUESTS or (status < SERVER_ERROR and word(error) not in UNCLEAR | {"no_answer"})


def may_succeed_later(error: Exception) -> bool:
    """Whether it is worth keeping for another time: Slack is away or wants us to wait, or refuses the app for now."""
    return not is_certain(error) or word(error) in LIMITED | REFUSED


def retry_after(error: Exception) -> timedelta:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    value = next((str(v) for name, v in headers.items() if str(name).lower() == "retry-after"), "")
    return timedelta(seconds=int(value)) if value.isdigit() else DEFAULT_WAIT


def is_passing(error: Exception) -> bool:
    """Whether the same call may succeed in a while: Slack is away, slow or busy."""
    if not isinstance(error, SlackApiError | ResponseUrlError):
        return isinstance(error, PASSING)
    return word(error) in LIMITED or not is_certain(error)


def wait_of(error: Exception) -> timedelta:
    """How long Slack wants us to wait; nothing unless it said so."""
    return retry_after(error) if isinstance(error, SlackApiError) and word(error) in LIMITED else timedelta()
