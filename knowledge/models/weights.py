"""Reads the weights of a BERT-type encoder, one tensor at a time, from either of two kinds of file.

A safetensors file holds them in full precision under Hugging Face's names. Layout of an `E5S1` file, little endian: magic and version; sizes; the vocabulary; one record for
each tensor (name, type, elements, offset, bytes); then the data. Tensors of type q4 are blocks of
32 weights: a half-precision scale and 16 bytes with two 4-bit values each, stored plus 8.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import CorruptModel

Floats = NDArray[np.float32]
_BLOCK = np.dtype([("scale", "<f2"), ("pairs", "u1", 16)])


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the encoder."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int


class Weights(Protocol):
    """The tensors of one encoder, by the short names that `graph` asks for."""

    @property
    def shape(self) -> Shape: ...

    def floats(self, name: str, *shape: int) -> Floats: ...

    def matrix(self, name: str, rows: int, columns: int) -> Floats: ...

    def row_chunks(self, name: str, rows: int, columns: int, at_once: int) -> Iterator[Floats]: ...


def open_weights(path: Path) -> Weights:
    """The weights in `path`, whichever kind of file it is. Raises `CorruptModel` when it is neither."""
    return SafetensorsWeights(path) if path.suffix == ".safetensors" else PackedWeights(path)


class PackedWeights:
    """The tensors of one file, mapped into memory and unpacked when asked for."""

    def __init__(self, path: Path) -> None:
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
        if bytes(self._bytes[:4]) != b"E5S1":
            raise CorruptModel("not_weights", path.name)
        self.shape, at = self._read_shape()
        self._tensors = self._read_directory(at)

    def floats(self, name: str, *shape: int) -> Floats:
        """A tensor that is stored in full precision."""
        count = int(np.prod(shape))
        start = self._tensors[name]
        return np.frombuffer(self._bytes[start : start + 4 * count], "<f4").reshape(shape).astype(np.float32)

    def matrix(self, name: str, rows: int, columns: int) -> Floats:
        """A packed matrix, whole."""
        return np.concatenate(list(self.row_chunks(name, rows, columns, rows)))

    def row_chunks(self, name: str, rows: int, columns: int, at_once: int) -> Iterator[Floats]:
        """A packed matrix in groups of `at_once` rows, so that the largest never stands in memory whole."""
        row_bytes = columns // 32 * _BLOCK.itemsize
        start = self._tensors[name]
        for first in range(0, rows, at_once):
            some = min(at_once, rows - first)
            packed = self._bytes[start + first * row_bytes : start + (first + some) * row_bytes]
            yield _unpack(np.frombuffer(packed, _BLOCK)).reshape(some, columns)

    def _read_shape(self) -> tuple[Shape, int]:
        hidden, layers, heads, inner, vocabulary, positions, _ = self._unpack("<7i", 8)
        # Then: epsilon, block size, number of pieces, four special tokens.
        return Shape(hidden, layers, heads, inner, vocabulary, positions), 8 + 28 + 8

    def _read_directory(self, at: int) -> dict[str, int]:
        pieces = self._unpack("<i", at)[0]
        at += 20
        piece_bytes = self._unpack("<Q", at)[0]
        at += 8 + 4 * (pieces + 1) + 4 * pieces + piece_bytes
        normaliser_bytes = self._unpack("<iI", at)[1]
        at += 8 + normaliser_bytes
        count = self._unpack("<i", at)[0]
        at += 4
        tensors: dict[str, int] = {}
        for _ in range(count):
            length = self._unpack("<H", at)[0]
            name = bytes(self._bytes[at + 2 : at + 2 + length]).decode()
            at += 2 + length + 1
            tensors[name] = self._unpack("<IQQ", at)[1]
            at += 20
        return tensors

    def _unpack(self, layout: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(layout, self._bytes.data, at)


#: A layer's parts as `graph` calls them, and as Hugging Face does.
_LAYER_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
#: BERT's heads are this wide in every size.
_HEAD_WIDTHS = {384: 32}


class SafetensorsWeights:
    """The tensors of a safetensors file in full precision, read when asked for."""

    def __init__(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            self._file: Any = safe_open(str(path), "np")
        except SafetensorError:
            raise CorruptModel("not_weights", path.name) from None
        self.shape = self._read_shape()

    def floats(self, name: str, *shape: int) -> Floats:
        """A tensor; of one with more rows than asked for, the first ones."""
        rows = self._file.get_slice(_long_name(name))[: shape[0]]
        return np.asarray(rows, np.float32).reshape(shape)

    def matrix(self, name: str, rows: int, columns: int) -> Floats:
        return self.floats(name, rows, columns)

    def row_chunks(self, name: str, rows: int, columns: int, at_once: int) -> Iterator[Floats]:
        """A matrix in groups of `at_once` rows."""
        stored = self._file.get_slice(_long_name(name))
        for first in range(0, rows, at_once):
            some = np.asarray(stored[first : min(first + at_once, rows)], np.float32)
            yield some.reshape(-1, columns)

    def _read_shape(self) -> Shape:
        sizes = {name: self._file.get_slice(name).get_shape() for name in self._file.keys()}  # noqa: SIM118 - no mapping
        vocabulary, hidden = sizes[_EMBEDDINGS["emb.word"]]
        layers = 1 + max(int(name.split(".")[2]) for name in sizes if name.startswith("encoder.layer."))
        inner = sizes[_long_name("l0.fi.w")][0]
        positions = sizes[_EMBEDDINGS["emb.pos"]][0]
        return Shape(hidden, layers, hidden // _HEAD_WIDTHS[hidden], inner, vocabulary, positions)


def _long_name(name: str) -> str:
    """`l3.q.w` as Hugging Face calls it."""
    if name in _EMBEDDINGS:
        return _EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{layer[1:]}.{_LAYER_PARTS[part]}.{'weight' if kind == 'w' else 'bias'}"


def _unpack(blocks: NDArray[np.void]) -> Floats:
    weights = np.empty((len(blocks), 32), np.float32)
    weights[:, :16] = (blocks["pairs"] & 15).astype(np.float32) - 8
    weights[:, 16:] = (blocks["pairs"] >> 4).astype(np.float32) - 8
    weights *= blocks["scale"].astype(np.float32)[:, None]
    return weights
