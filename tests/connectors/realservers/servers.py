"""Request Tracker and Redmine from Debian's packages, on loopback, with databases of their own.

Nothing of the machine's own installations is used or changed: no systemd, no mail, no files under /etc.
Needs root for `apt-get install`, unless the packages are there.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx

HERE = Path(__file__).parent


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


class NotInstallable(Exception):
    """There is no apt, or no right to use it."""


@dataclass
class Server:
    """A ticket system: installed when it is missing, set up anew, started, stopped."""

    directory: Path
    port: int = field(default_factory=_free_port)
    #: Tokens: of somebody who may do everything, and of the one who syncs.
    root_token: str = ""
    sync_token: str = ""
    process: subprocess.Popen[bytes] | None = None

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.install()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.set_up()
        with (self.directory / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment(), cwd=self.place(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True,
            )  # fmt: skip
        self._until_it_answers()

    def _until_it_answers(self) -> None:
        for _ in range(600):
            if self.process is None or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {(self.directory / 'server.log').read_text()[-2000:]}")
            try:
                if httpx.get(self.url + self.probe(), headers=self.headers(), timeout=10).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"{self.name} does not answer")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def install(self) -> None:
        if self.is_installed():
            return
        if os.geteuid() != 0 or not Path("/usr/bin/apt-get").exists():
            raise NotInstallable(f"{self.name} comes from Debian's packages: run as root on Debian 12, or install it")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        policy = Path("/usr/sbin/policy-rc.d")
        made = not policy.exists()
        if made:  # no package may start a daemon
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
        try:
            _run(["apt-get", "update", "-qq"], env=quiet)
            self.install_packages(quiet)
        finally:
            if made:
                policy.unlink()

    def is_installed(self) -> bool:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Status}\n", *self.packages], check=False, capture_output=True, text=True
        )
        return asked.stdout.count("install ok installed") == len(self.packages)

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Rows of the server's own database: what it says behind its interface."""
        with closing(sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, values).fetchall()

    def replay(self, events: Iterable[Mapping[str, Any]]) -> dict[int, str]:
        """Live a plan inside the server; place in the plan to ticket number."""
        text = "".join(json.dumps(event) + "\n" for event in events)
        told = _run(self.replayer(), env=self.environment(), cwd=self.place(), stdin=text)
        rows = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        return {int(row["ticket"]): str(row["id"]) for row in rows}

    def send_webhooks(self, url: str, secret: str) -> None:
        (self.directory / "webhook.json").write_text(json.dumps({"url": url, "secret": secret}))

    # What differs.
    def install_packages(self, env: Mapping[str, str]) -> None: ...
    def set_up(self) -> None: ...
    def command(self) -> list[str]: ...  # type: ignore[empty-body]
    def replayer(self) -> list[str]: ...  # type: ignore[empty-body]
    def environment(self) -> dict[str, str]: ...  # type: ignore[empty-body]
    def place(self) -> Path: ...  # type: ignore[empty-body]
    def probe(self) -> str: ...  # type: ignore[empty-body]
    def headers(self, who: str = "root") -> dict[str, str]: ...  # type: ignore[empty-body]
    def database(self) -> Path: ...  # type: ignore[empty-body]


@dataclass
class RequestTrackerServer(Server):
    """RT 5 under its own standalone server."""

    timezone: str = "Asia/Shanghai"
    name: ClassVar[str] = "rt"
    packages: ClassVar[tuple[str, ...]] = ("request-tracker5", "rt5-db-sqlite", "rt5-standalone")

    def install_packages(self, env: Mapping[str, str]) -> None:
        answers = "request-tracker5 request-tracker5/dbconfig-install boolean false\n"
        answers += "request-tracker5 request-tracker5/install-cronjobs boolean false\n"
        answers += "request-tracker5 request-tracker5/rtname string unstuck-test\n"
        _run(["debconf-set-selections"], env=env, stdin=answers)
        # msmtp-mta stands for a mail server without being one.
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "msmtp-mta", *self.packages], env=env)

    def set_up(self) -> None:
        text = (HERE / "rt" / "site_config.pm").read_text()
        places = {"@PORT@": str(self.port), "@DIRECTORY@": str(self.directory), "@TIMEZONE@": self.timezone}
        for place, value in places.items():
            text = text.replace(place, value)
        (self.directory / "site_config.pm").write_text(text)
        (self.directory / "conf.d").mkdir()
        password = self.directory / "password"
        password.write_text("only-for-tests")
        _run(
            ["/usr/sbin/rt-setup-database-5", "--action", "init", "--dba", "rt", "--dba-password", "",
             "--root-password-file", str(password)],
            env=self.environment(),
        )  # fmt: skip
        told = _run(["perl", str(HERE / "rt" / "set_up.pl")], env=self.environment())
        self.root_token, self.sync_token = told.split()[-2:]

    def command(self) -> list[str]:
        server = "/usr/share/request-tracker5/libexec/rt-server"
        return [server, "--server", "Starlet", "--host", "127.0.0.1", "--port", str(self.port), "--max-workers", "3"]

    def replayer(self) -> list[str]:
        return ["perl", str(HERE / "rt" / "replay.pl")]

    def environment(self) -> dict[str, str]:
        config = {
            "RT_SITE_CONFIG": f"{self.directory}/site_config.pm",
            "RT_SITE_CONFIG_DIR": f"{self.directory}/conf.d",
        }
        return {**os.environ, **config}

    def place(self) -> Path:
        return self.directory

    def probe(self) -> str:
        return "/REST/2.0/rt"

    def headers(self, who: str = "root") -> dict[str, str]:
        return {"Authorization": f"token {self.root_token if who == 'root' else self.sync_token}"}

    def database(self) -> Path:
        return self.directory / "rt.sqlite3"


@dataclass
class RedmineServer(Server):
    """Redmine 5 under Puma."""

    name: ClassVar[str] = "redmine"
    packages: ClassVar[tuple[str, ...]] = ("redmine", "redmine-sqlite", "puma", "ruby-bundler")

    def install_packages(self, env: Mapping[str, str]) -> None:
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "ruby-bundler"], env=env)
        answers = "redmine redmine/instances/default/dbconfig-install boolean false\n"
        answers += "redmine redmine/default-language select en\n"
        _run(["debconf-set-selections"], env=env, stdin=answers)
        patched = {**env, "BUNDLER_VERSION": _bundler()}
        _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *self.packages], env=patched)

    def set_up(self) -> None:
        instance = self.directory / "instance"
        for part in ("config", "files", "log", "tmp/cache", "public/plugin_assets"):
            (instance / part).mkdir(parents=True)
        link = Path("/var/lib/redmine") / self._instance
        link.unlink(missing_ok=True)
        link.symlink_to(instance)
        database = f"adapter: sqlite3\n  database: {self.database()}\n  timeout: 20000\n  encoding: utf8\n"
        (instance / "config" / "database.yml").write_text(f"production:\n  {database}")
        (instance / "config" / "secret_key.txt").write_text(os.urandom(64).hex())
        (self.directory / "Gemfile").write_text("eval_gemfile '/usr/share/redmine/Gemfile'\ngem 'puma'\n")
        rake = ["bundle", "exec", "rake", "db:migrate"]
        _run(rake, env=self.environment(), cwd=self.place())
        told = _run(self._runner("set_up.rb"), env=self.environment(), cwd=self.place())
        self.root_token, self.sync_token = told.split()[-2:]

    def stop(self) -> None:
        super().stop()
        (Path("/var/lib/redmine") / self._instance).unlink(missing_ok=True)

    @property
    def _instance(self) -> str:
        return f"unstuck-{self.port}"

    def _runner(self, script: str) -> list[str]:
        return ["bundle", "exec", "rails", "runner", str(HERE / "redmine" / script)]

    def command(self) -> list[str]:
        return ["ruby", str(HERE / "redmine" / "serve.rb"), str(self.port)]

    def replayer(self) -> list[str]:
        return self._runner("replay.rb")

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            # Security updates of Ruby bring a newer bundler that does not find Debian's own gems.
            "BUNDLER_VERSION": _bundler(), "BUNDLE_GEMFILE": str(self.directory / "Gemfile"), "SCHEMA": "/dev/null",
            "RAILS_ENV": "production", "REDMINE_INSTANCE": self._instance, "REDMINE_LANG": "en", "LANG": "C.UTF-8",
            "TZ": "UTC", "UNSTUCK_TEST_DIRECTORY": str(self.directory),
        }  # fmt: skip

    def place(self) -> Path:
        return Path("/usr/share/redmine")

    def probe(self) -> str:
        return "/users/current.json"

    def headers(self, who: str = "root") -> dict[str, str]:
        keys = {"X-Redmine-API-Key": self.sync_token if who == "sync" else self.root_token}
        return keys if who in ("root", "sync") else {**keys, "X-Redmine-Switch-User": who}

    def database(self) -> Path:
        return self.directory / "redmine.sqlite3"


def _bundler() -> str:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "ruby-bundler"], check=True, capture_output=True, text=True
    )
    return asked.stdout.partition("-")[0]


def _run(command: list[str], *, env: Mapping[str, str], cwd: Path | None = None, stdin: str | None = None) -> str:
    ended = subprocess.run(
        command, check=False, env=dict(env), cwd=cwd, input=stdin, capture_output=True, text=True, timeout=900
    )
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} failed:\n{ended.stdout[-1500:]}\n{ended.stderr[-1500:]}")
    return ended.stdout
