"""Builds a model once and keeps it: `<cache>/<name>/` holds `model.onnx`, `tokenizer.json`, `model.json`.

`model.json` is written last and carries the hashes of the other two: a folder without it, or one
that does not match it, counts as absent. Building happens in a sibling folder that is renamed at the
end, so a kill leaves either nothing or the whole model, and two builders do not disturb each other.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import NoModel
from knowledge.models import download
from knowledge.models.pinned import MULTILINGUAL, RECIPES, Recipe

#: Raised when the graph changes, so that older builds are not mistaken for new ones.
BUILD = 1


@dataclass(frozen=True, slots=True)
class BuiltModel:
    """A model that lies ready on this machine."""

    recipe: Recipe
    folder: Path
    #: Changes whenever the same text could get another vector.
    revision: str


def default_cache() -> Path:
    """`$UNSTUCK_MODELS`, else `$XDG_CACHE_HOME/unstuck/models`, else `~/.cache/unstuck/models`."""
    if named := os.environ.get("UNSTUCK_MODELS"):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "unstuck" / "models"


def find(recipe: Recipe = MULTILINGUAL, cache: Path | None = None) -> BuiltModel | None:
    """The model if it has been built, else `None`. Sizes are compared, not hashes: this runs at each start."""
    folder = (cache or default_cache()) / recipe.name
    try:
        card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in card["sizes"]}
    except (OSError, ValueError, KeyError):
        return None
    if card.get("build") != BUILD or sizes != card["sizes"]:
        return None
    return BuiltModel(recipe, folder, card["revision"])


def get(name: str = MULTILINGUAL.name, cache: Path | None = None) -> BuiltModel:
    """The built model called `name`. Raises `NoModel` when it has not been fetched."""
    built = find(RECIPES[name], cache)
    if built is None:
        raise NoModel("not_fetched", name)
    return built


def fetch(
    recipe: Recipe = MULTILINGUAL, cache: Path | None = None, *, say: Callable[[str], None] = lambda _: None
) -> BuiltModel:
    """The model, downloaded and built if it is not there yet. `say` hears `download`, `build`, `check`.

    Raises `DownloadFailed` or `CorruptModel`.
    """
    cache = cache or default_cache()
    cache.mkdir(parents=True, exist_ok=True)
    if (built := find(recipe, cache)) is not None:
        return built
    scratch = Path(tempfile.mkdtemp(prefix=f".{recipe.name}.", dir=cache))
    try:
        _build(recipe, scratch, say)
        _put_in_place(scratch, cache / recipe.name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return get(recipe.name, cache)


def fetch_all(cache: Path | None = None, *, say: Callable[[str], None] = lambda _: None) -> list[BuiltModel]:
    """All built-in models, as `fetch` does one."""
    return [fetch(recipe, cache, say=say) for recipe in RECIPES.values()]


def _build(recipe: Recipe, scratch: Path, say: Callable[[str], None]) -> None:
    from knowledge.models import graph
    from knowledge.models.weights import open_weights

    say("download")
    weights, tokenizer = download.get([recipe.weights, recipe.tokenizer], scratch)
    say("build")
    graph.write(open_weights(weights), scratch / "model.onnx")
    weights.unlink()
    say("check")
    files = [scratch / "model.onnx", tokenizer]
    card = {
        "name": recipe.name,
        "build": BUILD,
        "revision": _digest(files)[:16],
        "sizes": {file.name: file.stat().st_size for file in files},
        "weights": recipe.weights.sha256,
    }
    (scratch / "model.json").write_text(json.dumps(card, indent=1), encoding="utf-8")


def _put_in_place(scratch: Path, folder: Path) -> None:
    if folder.exists():  # an older or a damaged build
        shutil.rmtree(folder)
    os.replace(scratch, folder)


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
