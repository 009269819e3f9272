"""The tour, as a newcomer takes it: twice, since the second time must show the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unstuck.demo.desk import Desk

UNSTUCK = str(Path(sys.executable).with_name("unstuck"))
PNG = b"\x89PNG\r\n"


def toured(home: Path) -> dict[str, Any]:
    done = subprocess.run([UNSTUCK, "demo", "--home", str(home), "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@pytest.mark.timeout(600)
def test_the_tour_shows_all_three_jobs_and_finds_what_is_planted(desk: Desk, tmp_path: Path) -> None:
    seen = toured(tmp_path)
    assert [agent["answered"] for agent in seen["agents"]] == [True, True, False]
    assert all(bool(agent["citations"]) is agent["answered"] for agent in seen["agents"])
    english, chinese, october, surge = seen["managers"]
    assert english["rows"] == chinese["rows"]
    found = {english["rows"][0][0], october["rows"][0][0]}
    assert found == {bottleneck.stage for bottleneck in desk.planted.bottlenecks}
    about = next(problem for problem in desk.problems if problem.id == desk.planted.surge.problem)
    assert surge["rows"][0][0] == about.product
    assert all(Path(manager["chart"]).read_bytes().startswith(PNG) for manager in seen["managers"])
    assert seen["nudges"]["due"] > 0
    assert seen["nudges"]["outcome"] == "mine"

    again = toured(tmp_path)
    assert again["knowledge"]["learned"] == 0
    assert {**again, "knowledge": None} == {**seen, "knowledge": None}
