"""Webhooks whose bodies are encrypted, opened with the secret."""

from __future__ import annotations

import base64
import hashlib
import json

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def greeting(secret: bytes, body: bytes) -> dict[str, str] | None:
    """Feishu asks once whether an address is ours: a challenge, encrypted with the Encrypt Key, to be sent back."""
    try:
        asked = json.loads(_decrypted(secret, json.loads(body)["encrypt"]))
    except (ValueError, KeyError, TypeError):
        return None
    is_question = isinstance(asked, dict) and asked.get("type") == "url_verification" and "challenge" in asked
    return {"challenge": str(asked["challenge"])} if is_question else None


def _decrypted(secret: bytes, text: str) -> bytes:
    """AES-256-CBC under the key's hash, the first block being the start vector. Raises `ValueError`."""
    raw = base64.b64decode(text, validate=True)
    opened = Cipher(algorithms.AES(hashlib.sha256(secret).digest()), modes.CBC(raw[:16])).decryptor()
    padding = PKCS7(128).unpadder()
    return padding.update(opened.update(raw[16:]) + opened.finalize()) + padding.finalize()
