"""A stream through Kafka while everything around it fails, in seeded random order: nothing is lost, doubled or different.

    ./dev chaos --minutes 10 --seed 3
    build/oracle-venv/bin/python tests/kafka/chaos.py --faults 50

A producer sends to a real broker, a job reads and commits ten times a second. Between faults, and between a fault and what
ends it, so many batches are committed as the seed says: nobody sleeps. At the end all that the topic holds is compared
with what the lake holds, offset by offset, by other readers. The last line says what was found; the exit code is 1 when
something is wrong.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
import program  # noqa: E402
from kafka.broker import Broker  # noqa: E402
from kafka.reckoning import reckon_lake  # noqa: E402

TOPIC = "clicks"
RATE = 400  # events a second
DISK = 512 << 20
SLOW_DISK_LIBRARY = os.environ.get("SLOW_DISK_LIBRARY", program.SOURCE / "build/release/tests/libslow_disk.so")
SLOW_MS = 40  # of every fsync, link and rename while the disk is slow
PATIENCE = 120  # seconds for anything at all


class Wrong(Exception):
    pass


class Process:
    """The program, with its messages in a file."""

    def __init__(self, folder, name, *words, **environment):
        self.messages = folder / f"{name}.err"
        with open(self.messages, "w") as err:
            self.process = program.start(*words, folder=folder, stderr=err, **environment)
        self.pid = self.process.pid

    def said(self, text):
        return text in self.messages.read_text()

    def running(self):
        return self.process.poll() is None

    def ended(self):
        try:
            out, _ = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{self.messages.name}: does not end") from None
        return self.process.returncode, out

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Chaos:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pactolus-chaos-", dir="/tmp"))
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        self.has_disk = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.disk)],
                                       capture_output=True).returncode == 0
        self.lake = self.disk / "lake"
        self.slow = self.folder / "slow"  # how many ms, while it is there
        self.faults, self.runs, self.producers = collections.Counter(), 0, 0
        self.run = self.producer = None
        self.frozen = []
        self.broker = Broker()
        self.url = f"kafka://{self.broker.address}/{TOPIC}"

    def close(self):
        for process in [self.run, self.producer, *self.frozen]:
            if process and process.running():
                process.process.send_signal(signal.SIGCONT)
                process.kill()
        self.broker.close()
        if self.has_disk:
            subprocess.run(["umount", "-l", str(self.disk)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # What goes on by itself

    def start_run(self, *words):
        self.runs += 1
        self.run = Process(self.folder, f"run{self.runs}", "run", "--from", self.url, "--lake", self.lake, *words,
                           PACTOLUS__RUN__COMMIT_INTERVAL="100ms", PACTOLUS__TIME__MAX_SKEW="365d",
                           PACTOLUS__RUN__SNAPSHOT_INTERVAL="1s", LD_PRELOAD=SLOW_DISK_LIBRARY,
                           SLOW_DISK=self.slow)

    def start_producer(self):
        self.producers += 1
        self.producer = Process(self.folder, f"producer{self.producers}", "simulate", "--profile", "classic", "--rate", RATE,
                                "--duration", "10h", "--seed", self.producers, "--to", self.url)

    def batch(self):
        """The last that was committed: taking the job and merging files are commits too, and say nothing."""
        commits = sorted((self.lake / "silver/events/_delta_log").glob("0*.json"), reverse=True)
        for commit in commits[:100]:
            if found := re.search(r'"kind":"batch".*?"batch":(\d+)', commit.read_text()):
                return int(found[1])
        return 0

    def wait(self, what, condition, may_end=False):
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise Wrong(f"waited {PATIENCE} s for {what}\n{self.run.messages.read_text()}")
            if not may_end and not self.run.running():
                self.restart()
            time.sleep(0.01)

    def restart(self):
        """A run may end where a retry helps, as whoever keeps services alive knows."""
        code, _ = self.run.ended()
        if code != 3:
            raise Wrong(f"{self.run.messages.name} ended with {code}: {self.run.messages.read_text()}")
        self.start_run()

    def commits(self, count):
        goal = self.batch() + count
        self.wait(f"{count} commits", lambda: self.batch() >= goal)

    def some_commits(self):
        self.commits(self.random.randint(0, 4))

    # Faults. Each leaves the stream as it should be: one run, one producer, a broker

    def run_is_killed(self):
        self.run.kill()
        self.start_run()

    def run_is_frozen_and_taken_over(self):
        sleeper = self.run
        os.kill(sleeper.pid, signal.SIGSTOP)
        self.frozen.append(sleeper)
        self.start_run("--take-over")
        self.commits(1)
        self.some_commits()
        os.kill(sleeper.pid, signal.SIGCONT)
        code, _ = sleeper.ended()
        self.frozen.remove(sleeper)
        if code == 0 or not sleeper.said("taken the job"):
            raise Wrong(f"the sleeper ended with {code}: {sleeper.messages.read_text()}")

    def broker_is_killed(self):
        self.broker.kill()
        self.broker.up()

    def broker_and_run_are_killed(self):
        self.broker.kill()
        self.run.kill()
        self.start_run()
        self.broker.up()

    def producer_is_killed(self):
        self.producer.kill()
        self.start_producer()

    def disk_is_full(self):
        if not self.has_disk:
            raise Wrong("a small disk cannot be mounted here: that needs root")
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
        run = self.run
        self.wait("a full disk to be told", lambda: run.said("disk is full") or not run.running(), may_end=True)
        filler.unlink()
        if not run.running():
            self.restart()

    def disk_is_slow(self):
        self.slow.write_text(str(SLOW_MS))
        self.commits(1)
        self.some_commits()
        self.slow.unlink()

    KINDS = {run_is_killed: 5, run_is_frozen_and_taken_over: 4, producer_is_killed: 4, broker_is_killed: 2,
             broker_and_run_are_killed: 1, disk_is_full: 3, disk_is_slow: 3}

    def fault(self, kind):
        kind(self)
        self.faults[kind.__name__.replace("_", " ")] += 1
        self.commits(1)  # it goes on
        self.some_commits()

    # From the beginning to the reckoning

    def go(self, faults, seconds):
        self.broker.tool("topic", TOPIC, 3)
        self.start_producer()
        self.start_run()
        self.wait("a first commit", lambda: self.batch() > 0)
        self.commits(3)
        begun = time.monotonic()
        for kind in self.KINDS:  # whatever the seed, each of them once
            self.fault(kind)
        while self.faults.total() < faults or time.monotonic() - begun < seconds:
            self.fault(self.random.choices(list(self.KINDS), self.KINDS.values())[0])
        self.producer.process.send_signal(signal.SIGINT)
        _, report = self.producer.ended()
        self.run.process.send_signal(signal.SIGINT)
        code, _ = self.run.ended()
        if code not in (0, 130):
            raise Wrong(f"the run that was stopped ended with {code}: {self.run.messages.read_text()}")
        self.start_run("--until-caught-up")
        code, out = self.run.ended()
        if code != 0:
            raise Wrong(f"the last run ended with {code}: {out}{self.run.messages.read_text()}")
        verified = program.run_it("verify", "--lake", self.lake, "--from", self.url, "--json", folder=self.folder, timeout=PATIENCE)
        if verified.returncode != 0:
            raise Wrong(f"verify: {verified.stdout}{verified.stderr}")
        sent = json.loads(report)
        if sent["failed"] != 0 or sent["sent"] != sent["acknowledged"]:
            raise Wrong(f"the last producer: {report}")
        return reckon_lake(self.broker, TOPIC, self.lake)


def main():
    parser = argparse.ArgumentParser(description="a stream through Kafka while everything around it fails")
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--faults", type=int, default=50, help="at least so many")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    chaos = Chaos(words.seed)
    try:
        found = chaos.go(words.faults, words.minutes * 60)
    except Wrong as wrong:
        print(f"chaos: seed {words.seed}, after {chaos.faults.total()} faults ({dict(chaos.faults)}): {wrong}")
        return 1
    finally:
        chaos.close()
    kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(chaos.faults.items()))
    for detail in found.details:
        print(detail)
    print(f"chaos: seed {words.seed}: {found.offsets} offsets checked, {chaos.faults.total()} faults ({kinds}): "
          f"{found.losses} losses, {found.duplicates} duplicates, {found.differences} differences")
    return 1 if found.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
