"""Rewrite the first migration from `tables.py`: until the first release there is only that one.

After the release a change of the tables is a further file, made by Alembic's `revision` command.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine

from unstuck.tickets.database import HEAD, alembic_config


def main() -> None:
    """Generate `versions/0001_initial.py` by comparing the tables with an empty database."""
    from alembic import command

    initial = Path(__file__).parent / "versions" / f"{HEAD}_initial.py"
    initial.unlink(missing_ok=True)
    config = alembic_config()
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    with create_engine("sqlite://").connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message="initial", rev_id=HEAD, autogenerate=True)


if __name__ == "__main__":
    main()
