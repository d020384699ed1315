"""A real PostgreSQL for tests: Debian's, in a folder of its own, on a free port of 127.0.0.1, with a password.

    with Server() as server:
        server.url, server.password_file          for postgres.url and postgres.password_file
        server.rows("SELECT 1")                   through psql, a list of lists of texts
"""

import csv
import glob
import io
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

USER, PASSWORD = "shop", "not a secret: a test's"


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    return pathlib.Path(found[-1]).parent if found else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self):
        self.bin = programs()
        if self.bin is None:
            raise RuntimeError("no PostgreSQL server: apt-get install postgresql")
        # It refuses to run as root; its user must be able to reach every folder above its own.
        self.as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        memory = pathlib.Path("/dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pactolus-postgres-", dir=memory if memory.is_dir() else "/tmp"))
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        if self.as_user:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(self.password_file, owner.pw_uid, owner.pw_gid)
        self.data = self.folder / "data"
        subprocess.run([*self.as_user, self.bin / "initdb", "-D", self.data, "-U", USER, "-A", "scram-sha-256",
                        "--pwfile", self.password_file, "-E", "UTF8", "--locale", "C", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.port = free_port()
        self.url = f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"
        self.process, self.frozen = None, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.log = open(self.folder / "log", "a")
        self.process = subprocess.Popen(
            [*self.as_user, self.bin / "postgres", "-D", self.data, "-p", str(self.port), "-k", self.folder,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=32MB"],
            stdout=self.log, stderr=self.log, cwd="/")
        for _ in range(600):
            if self.psql("SELECT 1", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self, how=signal.SIGINT):
        if self.process is None:
            return
        try:
            os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), how)
        except (FileNotFoundError, ProcessLookupError):
            pass
        self.process.wait(60)
        self.process = None
        self.log.close()

    def freeze(self):
        """The whole server, also whoever serves an open connection."""
        self.frozen = [int(pid) for (pid,) in self.rows("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")]
        self.frozen.append(int((self.data / "postmaster.pid").read_text().split()[0]))
        for pid in self.frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.frozen and [*self.frozen, self.process.pid]:  # runuser stops with its child
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self.frozen = []

    def psql(self, sql, check=True):
        environment = {**os.environ, "PGPASSWORD": PASSWORD, "PGTZ": "UTC", "PGCONNECT_TIMEOUT": "5"}
        return subprocess.run([self.bin / "psql", "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql],
                              check=check, capture_output=True, text=True, env=environment)

    def rows(self, sql):
        return list(csv.reader(io.StringIO(self.psql(sql).stdout)))

    def one(self, sql):
        return self.rows(sql)[0][0]
