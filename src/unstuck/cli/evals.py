"""`unstuck eval …`: each part that can be measured adds a command to this group."""

from __future__ import annotations

import typer

group = typer.Typer(name="eval", help="Measure how good answers and numbers are.", no_args_is_help=True)
