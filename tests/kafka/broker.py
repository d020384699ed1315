"""A real Kafka broker for tests (tools/kafka), on ports and in a folder of its own."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def free_ports(count):
    """The first of so many ports in a row that nobody listens on. Tests that begin at once do not look at the same ones."""
    for first in range(20000 + os.getpid() * count % 10000, 60000, count):
        sockets = [socket.socket() for _ in range(count)]
        try:
            for n, s in enumerate(sockets):
                s.bind(("127.0.0.1", first + n))
            return first
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()
    raise RuntimeError("no free ports")


class Broker:
    def __init__(self, secure=False, before=()):
        """`before` is a command that runs the broker."""
        self.before = before
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pactolus-broker-", dir="/tmp"))
        self.port = free_ports(4)
        self.address = f"127.0.0.1:{self.port}"
        self.secure = secure
        self.up()

    def tool(self, *words, stdin="", check=True):
        done = subprocess.run([*self.before, SOURCE / "tools/kafka", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=180,
                              env={**os.environ, "KAFKA_DIR": str(self.folder), "KAFKA_PORT": str(self.port)})
        if check and done.returncode != 0:
            raise AssertionError(f"tools/kafka {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def up(self):
        self.tool("up", *(["--secure"] if self.secure else []))

    def kafka(self, name, *words):
        """One of Kafka's own tools by its class."""
        return self.tool("tool", name, "--bootstrap-server", self.address, *words)

    def pid(self):
        return int((self.folder / "broker.pid").read_text())

    def kill(self):
        """As a power cut would, but for what the system has in memory."""
        status = pathlib.Path(f"/proc/{self.pid()}/status")
        os.kill(self.pid(), signal.SIGKILL)
        while status.exists() and "State:\tZ" not in status.read_text():
            time.sleep(0.01)

    def down(self):
        self.tool("down")

    def close(self):
        try:
            os.kill(self.pid(), signal.SIGKILL)
        except OSError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)

    def messages(self, topic):
        """All records, read by another client: {(partition, offset): (key, value, time in ms)}."""
        out = subprocess.run(["kcat", "-C", "-q", "-e", "-b", self.address, "-t", topic, "-X", "isolation.level=read_committed",
                              "-f", r"%p\t%o\t%T\t%K\t%S\t%k\t%s\n"], capture_output=True, check=True, timeout=300).stdout
        found, at = {}, 0
        while at < len(out):
            head = []
            for _ in range(5):
                end = out.index(b"\t", at)
                head.append(int(out[at:end]))
                at = end + 1
            partition, offset, time_ms, key_bytes, value_bytes = head
            key = out[at:at + max(key_bytes, 0)]
            at += max(key_bytes, 0) + 1
            value = out[at:at + max(value_bytes, 0)]
            at += max(value_bytes, 0) + 1
            found[partition, offset] = (key if key_bytes >= 0 else None, value if value_bytes >= 0 else None, time_ms)
        return found
