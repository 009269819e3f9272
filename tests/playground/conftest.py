"""One playground for all tests of its server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.playground.opening import Open
from bot.playground.testing import small_playground


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    with small_playground(tmp_path_factory.mktemp("playground"), jobs=False) as page:
        yield page
