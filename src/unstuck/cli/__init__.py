"""The command line. One module a group of commands; this file wires them up and ends in exit codes."""

from __future__ import annotations

import logging
import sys
import uuid

import typer

from unstuck import errors
from unstuck.cli import (
    alias,
    ask,
    customers,
    demo,
    doctor,
    evals,
    knowledge,
    nudges,
    playground,
    serve,
    sources,
    stages,
    tickets,
    writing,
)
from unstuck.cli.options import chosen_lang
from unstuck.i18n import t

app = typer.Typer(
    name="unstuck",
    help="Answers for agents, nudges for stalled tickets, numbers for managers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    tickets,
    sources,
    writing,
    customers,
    stages,
    knowledge,
    evals,
    ask,
    alias,
    nudges,
    serve,
    playground,
    demo,
    doctor,
):
    group.register(app)


def main() -> None:
    """Run the command line: exit 0 when it worked, 1 when it failed, 2 on bad usage."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except errors.UserError as error:
        print(t(f"errors.{error.key}", chosen_lang(), **error.params), file=sys.stderr)
        sys.exit(error.exit_code)
    except errors.ConnectorError as error:
        print(t(f"errors.{error.key}", chosen_lang(), detail=error), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        # The last net: a person sees an id, the log has the traceback.
        incident = uuid.uuid4().hex[:8]
        logging.getLogger("unstuck").exception("error %s", incident)
        print(t("errors.unexpected", chosen_lang(), id=incident), file=sys.stderr)
        sys.exit(1)
