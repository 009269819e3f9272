"""For tests: an embedder without a model, a language model that follows a script, a real Chroma server."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np

from knowledge.cards import Card
from knowledge.embed import Vectors
from knowledge.words import words


class HashEmbedder:
    """Each word is a fixed random direction and a text the sum of its words: sharing words means being near."""

    def __init__(self, name: str = "hash", dimensions: int = 64) -> None:
        self.name = name
        self.revision = "1"
        self.dimensions = dimensions

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._embed(text) for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_documents(texts)

    def _embed(self, text: str) -> Vectors:
        total = np.zeros(self.dimensions, np.float32)
        for word in words(text) or [""]:
            total += _direction(self.name, word, self.dimensions)
        return np.asarray(total / (np.linalg.norm(total) or 1.0), np.float32)


@lru_cache(maxsize=50_000)
def _direction(name: str, word: str, dimensions: int) -> Vectors:
    seed = int.from_bytes(hashlib.sha256(f"{name} {word}".encode()).digest()[:8], "little")
    return np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)


#: What a scripted model does next: say a piece of text, hang for so many seconds, or die.
Piece = str | float | BaseException
Line = str | Exception | Callable[[str, str], str] | Sequence[Piece]


class ScriptedModel:
    """Says what the script says, one line a call; remembers what it was asked. A line may come in pieces."""

    def __init__(self, *script: Line, takes_s: float = 0.0, timeout_s: float = 5.0) -> None:
        self.timeout_s = timeout_s
        #: (system, user) of each call.
        self.calls: list[tuple[str, str]] = []
        self._script = list(script)
        self._takes_s = takes_s

    def complete(self, system: str, user: str) -> str:
        return "".join(self.stream(system, user))

    def stream(self, system: str, user: str) -> Iterator[str]:
        self.calls.append((system, user))
        time.sleep(self._takes_s)
        line = self._script.pop(0)
        if callable(line):
            line = line(system, user)
        yield from _spoken([line] if isinstance(line, (str, Exception)) else line)


def _spoken(pieces: Iterable[Piece]) -> Iterator[str]:
    for piece in pieces:
        if isinstance(piece, BaseException):
            raise piece
        if isinstance(piece, str):
            yield piece
        else:
            time.sleep(piece)


def a_card(id: str = "c1", title: str = "Printer is offline", **values: object) -> Card:
    """A card with sensible values, any of them replaced."""
    given: dict[str, object] = {"text": "It prints nothing.", "steps": "Restart the spooler.", "lang": "en", **values}
    return Card(id, title, **given)  # type: ignore[arg-type]


@contextmanager
def chroma_server(directory: Path) -> Iterator[str]:
    """The URL of a real Chroma server of its own, with its data in `directory`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--host", "127.0.0.1", "--port", str(port)]
    with (directory / "chroma.log").open("wb") as log:
        server = subprocess.Popen([*command, "--path", str(directory)], stdout=log, stderr=log)  # noqa: S603
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the Chroma server ended with {server.returncode}")


def run_killed(script: str, *arguments: str, after_s: float | None = None) -> None:
    """Run a script in a process of its own that says a line when it is ready; kill it so long after, if it still runs.

    Without `after_s` it has to end by itself, and well.
    """
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        process.stdout.readline()
        try:
            code = process.wait(after_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return
    if after_s is None and code != 0:
        raise RuntimeError(f"the script ended with {code}")
