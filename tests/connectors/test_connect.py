"""`unstuck connect NAME` for every system: what is recognised, and what is said when something is wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
import standin
from standin import StandIn
from test_contract import fill, stand_in_for

from unstuck.cli import main
from unstuck.connectors.registry import systems
from unstuck.connectors.words import best_score
from unstuck.errors import UsageError

#: Runs `unstuck connect desk` with more words; its exit status, and all that it printed.
Connect = Callable[..., tuple[int, str]]


@pytest.fixture(params=sorted(systems()))
def desk(request: pytest.FixtureRequest) -> Iterator[StandIn]:
    with stand_in_for(request.param).serving() as serving:
        fill(serving, 1)
        yield serving


@pytest.fixture
def connect(
    desk: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Connect:
    monkeypatch.setenv("THE_TOKEN", desk.token)
    monkeypatch.chdir(tmp_path)
    user = ("--user", desk.user) if desk.user else ()
    options = [word for name, value in desk.options.items() for word in ("--option", f"{name}={value}")]

    def run(*more: str) -> tuple[int, str]:
        words = ("connect", "desk", "--system", desk.system, "--url", desk.url, *user, "--token-env", "THE_TOKEN")
        monkeypatch.setattr(
            "sys.argv", ["unstuck", *words, "--yes", "--no-sync", "--home", str(tmp_path), *options, *more]
        )
        with pytest.raises(SystemExit) as ended:
            raise SystemExit(main())
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return run


def test_a_system_is_recognised(desk: StandIn, connect: Connect, tmp_path: Path) -> None:
    code, told = connect("--class", "Odd=WAIT_VENDOR")
    assert code == 0
    text = (tmp_path / "sources" / "desk.toml").read_text(encoding="utf-8")
    read = tomllib.loads(text)
    assert (read["system"], read["url"], read["token"]) == (desk.system, desk.url, "env:THE_TOKEN")
    assert read["classes"]["Odd"] == "WAIT_VENDOR"
    assert f'"{desk.words["open"]}" = ' in text
    assert not any(read["write"].values())
    assert ("Repairs" in told) is desk.has_teams
    assert desk.token not in told + text


def test_a_wrong_token_is_said(
    desk: StandIn, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_TOKEN", desk.token.replace(standin.TOKEN, "wr0ng-t0ken"))
    code, told = connect()
    assert code == 1
    assert "refuses the token" in told
    assert "wr0ng-t0ken" not in told
    assert not (tmp_path / "sources").exists()


@pytest.mark.parametrize(
    ("fault", "clue"),
    [(standin.status(404, "<html>", "text/html"), "Check the URL"), (standin.html(), "the URL is that")],
)
def test_a_wrong_address_is_said(
    desk: StandIn, connect: Connect, tmp_path: Path, fault: standin.Fault, clue: str
) -> None:
    """A path that is none, and another web server's page."""
    desk.faults = [fault] * 9
    stamina.set_testing(True)
    try:
        code, told = connect()
    finally:
        stamina.set_testing(False)
    assert code == 1
    assert clue in told
    assert "Traceback" not in told
    assert not (tmp_path / "sources").exists()


@pytest.mark.parametrize("told", ["five", "0", "-1", "4.5", ""])
def test_a_best_score_that_is_no_number_is_named(told: str) -> None:
    with pytest.raises(UsageError) as refused:
        best_score({"feedback_best": told})
    assert refused.value.params["option"] == "feedback_best"
    assert [best_score({}), best_score({"feedback_best": 10}), best_score({"feedback_best": "4.0"})] == [5, 10, 4]
