"""Runs a private PostgreSQL with Kinto's tables until standard input ends, then removes it: `postgres.py CONFIG`.

Prints any number of `note TEXT`, then `ready URL` or `failed JSON-STRING`. An `r` on standard input restarts it: who is
connected is cut off, and `ready URL` is printed again.
"""

import json
import locale
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2

START_SECONDS = 60
SCRIPTS = os.path.dirname(os.path.abspath(__file__))
DURABILITY_IS_NOT_NEEDED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Failure(Exception):
    """There is no PostgreSQL; the text says why."""


def say(word, text):
    print(word, text, flush=True)


def unprivileged():
    """PostgreSQL refuses to run as root, so there it runs as somebody else."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise Failure("PostgreSQL does not run as root, and there is neither a user `postgres` nor a user `nobody`")


class Cluster:
    def __init__(self, config):
        self.user = unprivileged()
        self.server = None
        self.restarting = False
        self.template = config["postgres_template"]
        self.directory = self.place(config["directory"])
        self.data = os.path.join(self.directory, "data")
        self.binaries = self.reachable_binaries(config["postgres_bin"])
        self.url = f"postgresql://kinto@/postgres?host={self.directory}"

    def place(self, parent):
        """A directory of the user's own; its path has to fit into a socket's address (103 bytes) and into a URL."""
        if re.fullmatch(r"[A-Za-z0-9/._-]{1,75}", parent) and self.reaches(parent):
            directory = tempfile.mkdtemp(prefix="pg-", dir=parent)
        else:
            directory = tempfile.mkdtemp(prefix="kinto-pg-")
        self.give(directory)
        return directory

    def reachable_binaries(self, binaries):
        if self.reaches(os.path.join(binaries, "postgres")):
            return binaries
        # Those from PyPI can lie below root's home. They find their libraries relative to where they are.
        package = os.path.dirname(os.path.dirname(binaries))
        copy = os.path.join(self.directory, "package")
        shutil.copytree(os.path.dirname(package), copy, symlinks=True)
        self.give(copy)
        return os.path.join(copy, os.path.relpath(binaries, os.path.dirname(package)))

    def reaches(self, path):
        if self.user is None:
            return os.access(path, os.X_OK)
        return subprocess.run(["test", "-x", path], **self.identity(), check=False).returncode == 0

    def identity(self):
        if self.user is None:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": [], "cwd": "/"}

    def give(self, path):
        if self.user is not None:
            for parent, _, files in os.walk(path):
                for name in (parent, *(os.path.join(parent, file) for file in files)):
                    os.chown(name, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)

    def tool(self, name):
        return os.path.join(self.binaries, name)

    def start(self):
        if os.path.isdir(self.template):
            shutil.copytree(self.template, self.data)
            self.give(self.data)
            self.run()
        else:
            say("note", "making a PostgreSQL cluster …")
            self.initialise()
            self.run()
            subprocess.run([sys.executable, "-I", os.path.join(SCRIPTS, "migrate.py"), self.url], stdout=2, check=True)
            self.stop(signal.SIGINT)
            self.keep()
            self.run()

    def initialise(self):
        command = [self.tool("initdb"), "-D", self.data, "-U", "kinto", "-A", "trust", "-E", "UTF8", "--no-sync"]
        try:
            locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
            command.append("--locale=C.UTF-8")
        except locale.Error:
            command.append("--locale=C")
        subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, check=True, **self.identity())

    def keep(self):
        """Others start from a copy; two that make it at once make the same, and the first has it."""
        temporary = tempfile.mkdtemp(dir=os.path.dirname(self.template))
        copy = os.path.join(temporary, "data")
        try:
            shutil.copytree(self.data, copy)
            os.rename(copy, self.template)
        except OSError as error:
            print(f"the cluster is not kept: {error}", file=sys.stderr)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def run(self):
        settings = [*DURABILITY_IS_NOT_NEEDED, "listen_addresses=", "timezone=UTC", "max_connections=300"]
        command = [self.tool("postgres"), "-D", self.data, "-k", self.directory]
        for setting in settings:
            command += ["-c", setting]
        self.server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=2, start_new_session=True, **self.identity()
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self.url).close()
                return
            except psycopg2.OperationalError as error:
                if self.server.poll() is not None:
                    raise Failure(f"PostgreSQL ended with status {self.server.returncode}") from error
                if time.monotonic() > deadline:
                    raise Failure(f"PostgreSQL takes no connection: {error}") from error
            time.sleep(0.02)

    def stop(self, how):
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(how)
            self.server.wait()

    def restart(self):
        self.restarting = True
        # What was acknowledged is kept: with `synchronous_commit=off` that takes an end in order.
        self.server.send_signal(signal.SIGINT)

    def runs(self):
        """Waits until it has ended; true if it is to run again."""
        self.server.wait()
        restarting, self.restarting = self.restarting, False
        return restarting

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)


def obey_launcher():
    """The launcher holds the other end of the pipe. What is cleaned up is so in `main`, by the exception."""

    def wait():
        while os.read(0, 1) == b"r":
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)

    def end(*_):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=wait, daemon=True).start()


def main():
    obey_launcher()
    cluster = None
    try:
        cluster = Cluster(json.loads(sys.argv[1]))
        cluster.start()
        signal.signal(signal.SIGHUP, lambda *_: cluster.restart())
        say("ready", cluster.url)
        while cluster.runs():
            cluster.run()
            say("ready", cluster.url)
    except (Failure, OSError, subprocess.SubprocessError) as error:
        say("failed", json.dumps(str(error)))
    finally:
        if cluster is not None:
            cluster.remove()


if __name__ == "__main__":
    main()
