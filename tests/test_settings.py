"""Every setting says what it does, and the sources win in the documented order."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstuck.settings import Settings, load


def test_every_setting_has_a_sentence() -> None:
    silent = [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith(".")]
    assert silent == []


def test_options_win_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unstuck.toml").write_text('timezone = "Asia/Shanghai"\nlang = "zh"\nmodel = "openai:a"\n')
    monkeypatch.setenv("UNSTUCK_HOME", str(tmp_path))
    monkeypatch.setenv("UNSTUCK_LANG", "en")
    settings = load(model="openai:b")
    assert (settings.timezone, settings.lang, settings.model) == ("Asia/Shanghai", "en", "openai:b")


def test_the_home_option_chooses_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSTUCK_HOME", raising=False)
    (tmp_path / "unstuck.toml").write_text('timezone = "Europe/Berlin"\n')
    settings = load(home=tmp_path)
    assert settings.timezone == "Europe/Berlin"
    assert settings.url == f"sqlite:///{tmp_path / 'unstuck.db'}"


def test_slack_settings_have_slacks_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:1/api/")
    settings = load()
    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1"
    assert settings.slack_api_url == "http://127.0.0.1:1/api/"


def test_secrets_do_not_print(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    assert "xoxb-secret" not in repr(load())
