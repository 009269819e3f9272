"""Any model by name or path, through sentence-transformers. Imported only when such a model is named: torch takes
seconds and hundreds of megabytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from sentence_transformers import SentenceTransformer

from knowledge.embed import Vectors
from knowledge.errors import NoModel

#: How long the hub may take to say that it has the model. Its own client would try for more than a minute.
HUB_TIMEOUT_S = 5.0
#: Files that change when the vectors do.
_TELLING = ("*.safetensors", "*.bin", "*.json")


class SentenceTransformersEmbedder:
    """A folder, or a model of the hub: from the hub's cache, else downloaded. Raises `NoModel` without waiting long."""

    def __init__(self, name: str) -> None:
        self.name = name
        folder = Path(name).expanduser()
        self._model = _open(folder) if folder.is_dir() else _open_from_hub(name)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        self.revision = _digest(folder) if folder.is_dir() else _commit(self._model)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return _encode(self._model.encode_document, texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return _encode(self._model.encode_query, texts)


def _encode(encode: Any, texts: Sequence[str]) -> Vectors:
    return np.asarray(encode(list(texts), normalize_embeddings=True, show_progress_bar=False), np.float32)


def _open(model: Path | str, **options: Any) -> SentenceTransformer:
    try:
        return SentenceTransformer(str(model), device="cpu", **options)
    except (OSError, ValueError, KeyError) as error:
        raise NoModel("not_usable", f"{model}: {error}") from error


def _open_from_hub(name: str) -> SentenceTransformer:
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise NoModel("no_folder", name)
    try:
        return _open(name, local_files_only=True)
    except NoModel:
        _ask_hub(name)
        return _open(name)


def _ask_hub(name: str) -> None:
    """Raise `NoModel` unless the hub answers soon that it has the model."""
    try:
        HfApi().model_info(name, timeout=HUB_TIMEOUT_S)
    except (HfHubHTTPError, LocalEntryNotFoundError, ValueError) as error:
        raise NoModel("not_on_hub", name) from error
    except Exception as error:
        # Whatever its HTTP client raises, of which there are several: no name, no route, no time, no certificate.
        raise NoModel("no_hub", f"{name}: {error}") from error


def _digest(folder: Path) -> str:
    """Of the contents: a folder may be trained on and keep its name."""
    digest = hashlib.sha256()
    for file in sorted({file for pattern in _TELLING for file in folder.rglob(pattern)}):
        with file.open("rb") as stream:
            digest.update(str(file.relative_to(folder)).encode())
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]


def _commit(model: SentenceTransformer) -> str:
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    return str(getattr(config, "_commit_hash", None) or "unknown")
