"""Runs one Kinto for all processes that hold a lease on it, and ends when the last lease is gone.

A lease is a TCP connection: the kernel closes it whichever way its owner ends. The owner's first line is
`lease TOKEN`; the answers are `hello`, any number of `note TEXT`, then `ready URL` or `failed JSON-STRING`.
After that `kill`, `restart` and `renew` act on the web server, `restart-database` on PostgreSQL, and `database` asks
for its address; they are answered with `done` or `failed`.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
import time

FIRST_LEASE_SECONDS = 60
START_SECONDS = 120
END_SECONDS = 10
DATABASE = "KINTO_SERVER_POSTGRESQL"
SCRIPTS = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """The server cannot be had; the text is for the person who asked for it."""


class Launcher:
    def __init__(self, config):
        self.config = config
        self.token = secrets.token_hex(16)
        self.leases = set()
        self.departed = None
        self.first = asyncio.Event()
        self.changed = asyncio.Event()
        self.closing = False
        self.outcome = None
        self.note = None
        self.listener = None
        self.port = None
        self.web = None
        self.postgres = None
        self.web_must_live = False
        self.command = asyncio.Lock()
        self.tasks = set()

    async def run(self):
        control = await asyncio.start_server(self.serve_lease, "127.0.0.1", 0)
        port = control.sockets[0].getsockname()[1]
        print(json.dumps({"port": port, "token": self.token}), flush=True)
        os.dup2(2, 1)
        self.background(self.start())
        try:
            await self.until_unused()
        finally:
            self.closing = True
            control.close()
            for task in list(self.tasks):
                task.cancel()
            await self.stop()

    def background(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def until_unused(self):
        allowance = FIRST_LEASE_SECONDS
        while not self.closing:
            if self.leases:
                allowance = self.config["linger"]
                await self.changed.wait()
            else:
                try:
                    await asyncio.wait_for(self.changed.wait(), allowance)
                except asyncio.TimeoutError:
                    if not self.leases:
                        return
            self.changed.clear()

    async def serve_lease(self, reader, writer):
        try:
            line = await asyncio.wait_for(reader.readline(), 10)
            if line.decode().strip() != f"lease {self.token}" or self.closing:
                return
            # Nothing is awaited between the check and the answer: who reads `hello` holds a lease.
            self.leases.add(writer)
            self.first.set()
            self.changed.set()
            writer.write(b"hello\n")
            for past in (self.note, self.outcome):
                if past:
                    writer.write(past)
            while line := await reader.readline():
                writer.write(await self.obey(line.decode().strip()))
        except (OSError, ValueError, asyncio.TimeoutError):
            pass
        finally:
            self.leases.discard(writer)
            self.changed.set()
            # Who gives back a private server waits for the end of the connection: it comes when everything has stopped.
            if self.config["linger"]:
                writer.close()
            else:
                self.departed = writer

    def tell(self, line):
        for lease in self.leases:
            lease.write(line)

    def announce(self, text):
        self.note = f"note {text}\n".encode()
        self.tell(self.note)

    def fail(self, text):
        self.outcome = f"failed {json.dumps(text)}\n".encode()
        self.tell(self.outcome)
        self.closing = True
        self.changed.set()

    async def obey(self, command):
        async with self.command:
            try:
                if command == "kill":
                    await self.kill_web()
                elif command == "restart":
                    await self.kill_web()
                    await self.start_web()
                elif command == "renew":
                    await self.end_web()
                    await self.start_web()
                elif command == "restart-database":
                    await self.restart_postgres()
                elif command == "database":
                    return f"done {os.environ.get(DATABASE, '')}\n".encode()
                else:
                    raise Failure(f"unknown command {command!r}")
                return b"done\n"
            except (Failure, OSError) as error:
                await self.kill_web()
                return f"failed {json.dumps(str(error))}\n".encode()

    async def start(self):
        # Whoever hears why it failed has to be there first.
        await self.first.wait()
        try:
            async with self.command:
                if self.config["postgres_bin"]:
                    await self.start_postgres()
                await self.start_web()
            self.note = None
            self.outcome = f"ready http://127.0.0.1:{self.port}/v1\n".encode()
            self.tell(self.outcome)
        except (Failure, OSError) as error:
            self.fail(str(error))

    async def start_postgres(self):
        self.postgres = await asyncio.create_subprocess_exec(
            sys.executable, "-I", os.path.join(SCRIPTS, "postgres.py"), json.dumps(self.config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )
        while line := await self.postgres.stdout.readline():
            word, _, rest = line.decode().strip().partition(" ")
            if word == "ready":
                os.environ[DATABASE] = rest
                return
            if word == "failed":
                raise Failure(json.loads(rest))
            self.announce(rest)
        raise Failure("PostgreSQL ended while starting")

    async def restart_postgres(self):
        if self.postgres is None:
            raise Failure("there is no PostgreSQL of this server's own")
        self.postgres.stdin.write(b"r")
        await self.postgres.stdin.drain()
        if not (await self.postgres.stdout.readline()).startswith(b"ready "):
            raise Failure("PostgreSQL did not start again")

    async def start_web(self):
        self.listener = socket.socket()
        # A port that was just in use, by the server that was killed, can be had again.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deadline = time.monotonic() + START_SECONDS
        await self.until(deadline, lambda: self.listener.bind(("127.0.0.1", self.port or 0)))
        self.listener.listen(1024)
        self.port = self.listener.getsockname()[1]
        fd = self.listener.fileno()
        self.web = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-W", "ignore", os.path.join(SCRIPTS, "web.py"),
            self.config["ini"], str(fd), str(self.config["workers"]),
            stdin=asyncio.subprocess.PIPE, pass_fds=[fd], start_new_session=True,
        )
        # The socket listens already: the request waits in its queue until the server takes it.
        ready = asyncio.ensure_future(self.until_ready())
        ended = asyncio.ensure_future(self.web.wait())
        try:
            await asyncio.wait({ready, ended}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done():
                raise Failure("it ended while starting" if ended.done() else f"not ready after {START_SECONDS} s")
            ready.result()
        finally:
            ready.cancel()
            ended.cancel()
        self.web_must_live = True
        self.background(self.watch(self.web))

    async def watch(self, web):
        await web.wait()
        if self.web_must_live and web is self.web:
            self.fail("the server ended by itself")

    @staticmethod
    async def until(deadline, attempt):
        while True:
            try:
                return attempt()
            except OSError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def until_ready(self):
        while await self.request("GET", "/v1/__heartbeat__") != 200:
            await asyncio.sleep(0.1)
        password = {"data": {"password": "admin"}}
        status = await self.request("PUT", "/v1/accounts/admin", password)
        # 401 is the answer about an account that exists: PostgreSQL keeps it over a restart, and for other servers. The
        # others are those of servers whose settings do not let it be made: read-only ones, or without accounts.
        if status not in (201, 401, 403, 404, 405):
            raise Failure(f"making the account `admin` was answered with status {status}")
        # Of two that are the first to read a list, Kinto on PostgreSQL answers one with a 500: the other still writes its time.
        # This is the only list that nothing is created in.
        await self.request("GET", "/v1/permissions")

    async def request(self, method, path, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{self.port}\r\nContent-Length: {len(data)}\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + data)
            answer = await reader.read()
        finally:
            writer.close()
        return int((answer.split(None, 2) + [b"0", b"0"])[1])

    async def kill_web(self):
        self.web_must_live = False
        if self.listener is not None:
            self.listener.close()
        if self.web is not None and self.web.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.web.pid, signal.SIGKILL)
            await self.web.wait()
            await self.until_refused()

    async def end_web(self):
        """Lets it end what it has begun, as an operator does who renews it."""
        self.web_must_live = False
        self.listener.close()
        if self.web.returncode is None:
            os.killpg(self.web.pid, signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.web.wait(), END_SECONDS)
        await self.kill_web()

    async def until_refused(self):
        # Workers are not children of this process; until the last is gone their socket takes connections.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)

    async def stop(self):
        await self.kill_web()
        if self.postgres is not None:
            self.postgres.stdin.close()
            await self.postgres.wait()


def detach():
    """Leaves the terminal's process group, and the files of whoever started the first user of this server."""
    if os.fork():
        os._exit(0)
    os.setsid()
    os.closerange(3, 256)


def environment():
    """Kinto, gunicorn and libpq read settings from the environment; here only the ini file counts."""
    for name in list(os.environ):
        if name.startswith(("KINTO_", "MULTIAUTH_", "PG", "GUNICORN_", "WEB_CONCURRENCY")):
            del os.environ[name]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        config = json.load(file)
    detach()
    environment()
    os.chdir(config["directory"])
    # Held as long as this process lives: what is in the directory is needed.
    lock = open("lock", "wb")
    fcntl.flock(lock, fcntl.LOCK_EX)

    async def run():
        await Launcher(config).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
