"""Serves Kinto on a listening socket it is given: `web.py INI FD WORKERS`. Ends when its standard input does."""

import functools
import logging
import os
import re
import signal
import socket
import sys
import threading

import bcrypt
from kinto.core.decorators import synchronized
from kinto.core.permission import memory
from pyramid.paster import get_app

# The digest of a password is made to take a quarter of a second, and nobody attacks those of tests.
bcrypt.gensalt = functools.partial(bcrypt.gensalt, 4)


class Permissions(dict):
    """The permissions in memory, with their keys by object."""

    def __init__(self):
        super().__init__()
        self.keys_of = {}

    def __setitem__(self, key, principals):
        super().__setitem__(key, principals)
        self.keys_of.setdefault(key.split(":")[1], {})[key] = None

    def __delitem__(self, key):
        super().__delitem__(key)
        of = key.split(":")[1]
        del self.keys_of[of][key]
        if not self.keys_of[of]:
            del self.keys_of[of]


class PermissionBackend(memory.Permission):
    """Kinto's own backend, which looks at the permissions of all objects in each request for one.

    A server that many tests share was slower with every object that any of them had created.
    """

    def flush(self):
        self._store = Permissions()

    @synchronized
    def get_objects_permissions(self, objects_ids, permissions=None):
        if permissions is not None:
            return super().get_objects_permissions(objects_ids, permissions)
        keys = [self._store.keys_of.get(of, ()) for of in objects_ids]
        return [{key.split(":", 2)[2]: set(self._store[key]) for key in of} for of in keys]

    @synchronized
    def delete_object_permissions(self, *object_id_list):
        # Ids are patterns there.
        if not all(re.fullmatch("[a-zA-Z0-9_/-]+", of) for of in object_id_list):
            return super().delete_object_permissions(*object_id_list)
        for of in object_id_list:
            for key in list(self._store.keys_of.get(of, ())):
                del self._store[key]


memory.Permission = PermissionBackend


def end_with_launcher():
    """The launcher holds the other end of the pipe, so this process group ends with it even when it is killed."""

    def wait():
        os.read(0, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


class Lines(logging.Formatter):
    """One line per request; Kinto puts what is known of it into the record's attributes, not in the message."""

    def format(self, record):
        text = super().format(record)
        if record.name == "request.summary":
            fields = ("method", "path", "querystring", "code", "t", "errno")
            text += " ".join(f"{name}={getattr(record, name)}" for name in fields if getattr(record, name, "") != "")
        return text


def log():
    handler = logging.StreamHandler()
    handler.setFormatter(Lines("%(asctime)s %(process)d %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def load(ini):
    return get_app(ini, options={"postgresql": os.environ.get("KINTO_SERVER_POSTGRESQL", "")})


def serve_one_process(ini, fd):
    import waitress

    # The defaults, 4 threads and 100 connections, are too few for tests that run side by side.
    waitress.serve(load(ini), sockets=[socket.socket(fileno=fd)], threads=8, connection_limit=2000)


def serve_workers(ini, fd, workers):
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self):
            options = {
                "bind": f"fd://{fd}",
                "workers": workers,
                # Unlike the default class it keeps connections, and an idle one does not block its worker.
                "worker_class": "gthread",
                "threads": 4,
                # Longer than clients keep a connection: of those that are idle for 2 seconds, which is where it is not set, some
                # are closed with a request in them that the server has not seen, where the machine is busy.
                "keepalive": 120,
                "control_socket_disable": True,
            }
            for name, value in options.items():
                self.cfg.set(name, value)

        def load(self):
            return load(ini)

    Application().run()


def main():
    ini, fd, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    end_with_launcher()
    log()
    if os.environ.get("KINTO_SERVER_POSTGRESQL"):
        serve_workers(ini, fd, workers)
    else:
        serve_one_process(ini, fd)


if __name__ == "__main__":
    main()
