"""What `unstuck doctor` says of the base and its model."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck import cli


def doctor(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str
) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["unstuck", "doctor", "--home", str(home), "--lang", lang])
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(cli.main())  # type: ignore[func-returns-value]
    return int(stop.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize(("lang", "says"), [("en", "neither a folder here"), ("zh", "既不是本机目录")])
def test_a_mistyped_model_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str, says: str
) -> None:
    monkeypatch.setenv("UNSTUCK_EMBEDDER", "/no/such/model")
    code, out = doctor(tmp_path, monkeypatch, capsys, lang)
    assert code == 1
    assert "/no/such/model" in out
    assert says in out


def test_a_model_that_was_lost_is_said_and_words_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import knowledge
    from knowledge.testing import HashEmbedder, a_card
    from unstuck import deps, settings

    monkeypatch.setenv("UNSTUCK_MODELS", str(tmp_path / "no-models"))
    built = deps.build(settings.load(home=tmp_path))
    base = knowledge.open(built.engine, tmp_path / "knowledge", embedder=HashEmbedder("/no/such/model"))
    base.learn([a_card()])
    base.close()
    built.close()
    code, out = doctor(tmp_path, monkeypatch, capsys, "en")
    assert code == 1
    assert "embedded with /no/such/model" in out
    assert "unstuck model fetch" in out
