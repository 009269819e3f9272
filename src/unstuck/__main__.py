"""`python -m unstuck`."""

from unstuck.cli import main

main()
