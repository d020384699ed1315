"""Child processes with what they cost: CPU seconds and peak memory of the whole process, as the kernel counts them."""

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass


class Failed(Exception):
    """A process that did not do what it was started for."""


@dataclass
class Usage:
    exit_code: int
    wall_s: float
    user_s: float
    system_s: float
    max_rss: int  # bytes
    stdout: str

    @property
    def cpu_s(self):
        return self.user_s + self.system_s


def environment(extra=None):
    """This one's, without settings of Pactolus that a developer may have."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PACTOLUS")}
    return clean | {k: str(v) for k, v in (extra or {}).items()}


class Child:
    """One process. `folder` is where it runs and where its output is kept, as <name>.out and <name>.err."""

    _count = 0
    _alive = []  # so that none outlives its scenario

    @staticmethod
    def end_all():
        for child in [c for c in Child._alive if c.running()]:
            child.send(signal.SIGCONT)
            child.kill()

    def __init__(self, command, folder, env=None):
        Child._count += 1
        stem = folder / f"{Child._count:03d}-{os.path.basename(str(command[0]))}"
        self.command = [str(c) for c in command]
        self.out_path, self.err_path = stem.with_suffix(".out"), stem.with_suffix(".err")
        self.started_at = time.time()  # the clock of file times
        self._started = time.monotonic()
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self._process = subprocess.Popen(self.command, cwd=folder, env=environment(env), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self.pid = self._process.pid
        self.usage = None
        Child._alive.append(self)

    def running(self):
        if self.usage is None:
            pid, status, r = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._ended(status, r)
        return self.usage is None

    def wait(self, timeout_s=3600.0):
        deadline = time.monotonic() + timeout_s
        if timeout_s >= 3600 and self.usage is None:
            _, status, r = os.wait4(self.pid, 0)
            self._ended(status, r)
        while self.running():
            if time.monotonic() > deadline:
                self.kill()
                raise Failed(f"{self.said()} did not end within {timeout_s:.0f} s")
            time.sleep(0.01)
        return self.usage

    def _ended(self, status, r):
        Child._alive.remove(self)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self.usage = Usage(self._process.returncode, time.monotonic() - self._started, r.ru_utime, r.ru_stime, r.ru_maxrss * 1024,
                           self.out_path.read_text(errors="replace"))

    def succeed(self, timeout_s=3600.0, codes=(0,)):
        usage = self.wait(timeout_s)
        if usage.exit_code not in codes:
            raise Failed(self.said())
        return usage

    def send(self, number):
        if self.running():
            os.kill(self.pid, number)

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait()

    def said(self):
        error = self.err_path.read_text(errors="replace").strip()
        code = self.usage.exit_code if self.usage else "none yet"
        return f"`{' '.join(self.command)}`: exit code {code}\n{error[-2000:]}"

    def rss(self):
        """Bytes resident now; 0 once it has ended."""
        try:
            with open(f"/proc/{self.pid}/statm") as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def peak_rss(self):
        with open(f"/proc/{self.pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) * 1024

    def cpu_so_far_s(self):
        with open(f"/proc/{self.pid}/stat") as f:
            user, system = f.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class ThreadSampler:
    """CPU time of each of a child's threads, by name, as it was when last seen."""

    def __init__(self, child, every_s=0.05):
        self._child, self._every_s, self._end = child, every_s, threading.Event()
        self._seen = {}  # thread id: (name, ticks)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        folder = f"/proc/{self._child.pid}/task"
        while not self._end.wait(self._every_s):
            try:
                for thread in os.listdir(folder):
                    with open(f"{folder}/{thread}/stat") as f:
                        name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
                    user, system = rest.split()[11:13]
                    self._seen[thread] = (name, int(user) + int(system))
            except (OSError, ValueError, IndexError):
                pass  # it has ended

    def stop(self):
        self._end.set()
        self._thread.join()

    def share(self, prefix):
        """Of the threads whose names begin like that in the time of all."""
        total = sum(ticks for _, ticks in self._seen.values())
        return sum(ticks for name, ticks in self._seen.values() if name.startswith(prefix)) / max(total, 1)


class RssSampler:
    """Resident memory of a child over time, on a thread of its own: (seconds since start, bytes)."""

    def __init__(self, child, every_s=0.25):
        self.samples = []
        self._child, self._every_s, self._end = child, every_s, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        start = time.monotonic()
        while not self._end.wait(self._every_s):
            if bytes_now := self._child.rss():
                self.samples.append((time.monotonic() - start, bytes_now))

    def stop(self):
        self._end.set()
        self._thread.join()
        return self.samples
