"""``python -m cli`` is `consent`."""

from cli.main import run

run()
