"""What Slack entrusts to us is encrypted before it is stored: requests until they are done, tokens of workspaces."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from unstuck.settings import Settings


class SealBroken(Exception):
    """Sealed with another key, or not by us."""


class Seal:
    """Encrypts JSON with a key that comes from a secret which every process of the desk has."""

    def __init__(self, secret: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"unstuck sealed rows").derive(secret.encode())
        self._box = Fernet(base64.urlsafe_b64encode(key))

    def close(self, value: Any) -> bytes:
        return self._box.encrypt(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> Any:
        """What was sealed. Raises `SealBroken`."""
        try:
            return json.loads(self._box.decrypt(bytes(sealed)))
        except (InvalidToken, ValueError):
            raise SealBroken from None


def seal_of(settings: Settings) -> Seal:
    """The desk's seal: from Slack's own secrets, so there is none more to keep. Changing them breaks it."""
    known = (settings.slack_client_secret, settings.slack_signing_secret, settings.slack_bot_token)
    return Seal(next((one.get_secret_value() for one in known if one is not None), ""))
