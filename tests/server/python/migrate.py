"""Makes Kinto's tables: `migrate.py URL`."""

import logging
import sys

import kinto
from kinto.core.scripts import migrate
from pyramid.scripting import prepare


def main():
    logging.basicConfig(level=logging.WARNING)
    settings = {}
    for part in ("storage", "permission", "cache"):
        settings[f"kinto.{part}_backend"] = f"kinto.core.{part}.postgresql"
        settings[f"kinto.{part}_url"] = sys.argv[1]
    app = kinto.main({"command": "migrate"}, **settings)
    migrate(prepare(registry=app.registry))


if __name__ == "__main__":
    main()
