"""Every setting, one field and one sentence each. Read once, at the edge.

Sources, first wins: command-line options, environment (`UNSTUCK_…`, and Slack's own `SLACK_…`
names), `.env` in the working directory, `unstuck.toml` in the home directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

DEFAULT_HOME = Path("~/.unstuck")


class Settings(BaseSettings):
    """What the desk's administrator can change."""

    model_config = SettingsConfigDict(
        env_prefix="UNSTUCK_", env_file=".env", extra="ignore", populate_by_name=True, frozen=True
    )

    home: Path = Field(DEFAULT_HOME, description="Directory that holds the database, vectors and snapshots.")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of a PostgreSQL database; unset means SQLite in the home directory."
    )
    chroma_url: str | None = Field(
        None, description="URL of a Chroma server; unset means embedded Chroma in the home directory."
    )
    embedder: str | None = Field(
        None, description="Embedding model by name or path for sentence-transformers; unset means the built-in one."
    )
    model: str | None = Field(
        None, description="Language model as LangChain names it (`openai:gpt-5-mini`); unset means none is used."
    )
    model_base_url: str | None = Field(None, description="Base URL of an OpenAI-compatible model server.")
    model_api_key: SecretStr | None = Field(None, description="Key for the language model, when it needs one.")
    model_timeout_s: float = Field(6.0, description="Seconds to wait for the language model before going on without.")
    timezone: str = Field("UTC", description="IANA time zone in which managers' dates are read and shown.")
    lang: Literal["en", "zh"] = Field("en", description="Language for people whose own is not known.")
    wrong_target: float = Field(0.10, description="Highest share of wrong answers to accept among those given.")
    reused_after_days: float = Field(
        7.0, description="Days a ticket must stay solved before the resolution cited for it counts as having helped."
    )
    approve_cards: bool = Field(
        False, description="Whether cards from solved tickets wait for somebody's yes before they are found."
    )
    review_days: int = Field(
        365, description="Days after which a card should be looked at again, unless it has an interval of its own."
    )
    managers: str = Field(
        "", description="Slack user ids, e-mails or user groups who may ask managers' questions, comma-separated."
    )
    admins: str = Field(
        "", description="Slack user ids, e-mails or user groups who may change settings, comma-separated."
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SLACK_BOT_TOKEN", "slack_bot_token"),
        description="Slack bot token, `xoxb-…`.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SLACK_SIGNING_SECRET", "slack_signing_secret"),
        description="Slack signing secret, for HTTP mode.",
    )
    slack_app_token: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SLACK_APP_TOKEN", "slack_app_token"),
        description="Slack app-level token, `xapp-…`; present means Socket Mode.",
    )
    slack_client_id: str | None = Field(
        None,
        validation_alias=AliasChoices("SLACK_CLIENT_ID", "slack_client_id"),
        description="Slack client id, for an app that several workspaces install by themselves.",
    )
    slack_client_secret: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("SLACK_CLIENT_SECRET", "slack_client_secret"),
        description="Slack client secret, which also encrypts the workspaces' tokens in the database.",
    )
    workspaces: str = Field(
        "",
        description="Slack workspace or organisation ids that may install the app, comma-separated; `T012=Billing|Repairs` shows a workspace those teams' tickets alone.",
    )
    slack_api_url: str = Field(
        "https://slack.com/api/",
        validation_alias=AliasChoices("SLACK_API_URL", "slack_api_url"),
        description="Base URL of Slack's Web API, or of a stand-in or proxy in its place.",
    )
    nudge_channel: str | None = Field(
        None, description="Slack channel for nudges whose recipient is not known in Slack."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic names it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = {**env_settings(), **init_settings()}.get("home", DEFAULT_HOME)
        toml = TomlConfigSettingsSource(settings_cls, Path(home).expanduser() / "unstuck.toml")
        return init_settings, env_settings, dotenv_settings, toml

    @property
    def is_distributed(self) -> bool:
        """Whether workspaces install the app by themselves; a bot token means one workspace and goes first."""
        return (
            self.slack_bot_token is None and self.slack_client_id is not None and self.slack_client_secret is not None
        )

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the ticket store."""
        return self.database_url or f"sqlite:///{self.directory / 'unstuck.db'}"

    @property
    def directory(self) -> Path:
        """The home directory with `~` resolved."""
        return self.home.expanduser().absolute()


def load(**overrides: Any) -> Settings:
    """Settings from all sources; `None` among the overrides means "not given"."""
    return Settings(**{name: value for name, value in overrides.items() if value is not None})
