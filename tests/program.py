"""The program in the tests: where it is, what surrounds it, how it is run, started and ended.

A script in a folder below finds this one with

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py

and has either the functions, each of which wants the folder that the program is to work in, or InAFolder, a TestCase
with a folder of its own. Words of the command line are given as they are or as paths and numbers; names in capitals
are the program's environment: run_it("version", folder=root, NO_COLOR=1).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[1]
BIN = os.path.abspath(os.environ.get("PACTOLUS_BIN", SOURCE / "build/release/pactolus"))
NOW = "2026-03-10T14:50:00Z"  # when simulated events end that are made without waiting, in no test the time of day
TOPIC = "ecom_clickstream_raw"  # where events go when nothing else is configured

# Mistakes in lines 1, 3, 4, 6 and 8.
FIVE_MISTAKES = """\
lake = 5
[run]
commit_interval = "1 parsec"
batch_record = 10
[bronze]
partitions = 0
[shop]
currency = "eur"
"""


def main():
    """Runs the script's tests, and ends without taking the interpreter down: a thread of one of the readers that are
    compared with has been seen to abort it behind the last test."""
    result = unittest.main(module="__main__", exit=False).result
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


def scratch_folder(purpose):
    """A new folder, which the caller removes. In memory where there is room: what a disk takes for an fsync varies too
    much to wait for, and a killed process loses nothing of what it has written, be it fsynced or not."""
    memory = pathlib.Path("/dev/shm")
    in_memory = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
    return pathlib.Path(tempfile.mkdtemp(prefix=f"pactolus-{purpose}-", dir=memory if in_memory else "/tmp"))


def environment(folder, **variables):
    """This process' own without what would configure the program, and a home that is not there; None leaves out."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("PACTOLUS", "XDG_")) and k not in ("NO_COLOR", "COLUMNS")}
    given = {k: str(v) for k, v in variables.items() if v is not None}
    return {**kept, "HOME": str(pathlib.Path(folder) / "home"), **given}


def start(*words, folder, before=(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **variables):
    """The program as a process of its own; `before` is a command that runs it. To be given to finish or end."""
    if words[:1] == ("simulate",) and "--fast" in words and "--end" not in words:
        words += ("--end", NOW)
    return subprocess.Popen([*before, BIN, *map(str, words)], cwd=folder, env=environment(folder, **variables),
                            text=True, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)


def finish(process, timeout=120):
    """Its exit code, stdout and stderr; a process that does not end is killed and reported."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"did not end within {timeout} s: {process.args}\n{out}{err}") from None
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def end(process):
    """Whatever it is doing: for a cleanup."""
    if process.poll() is None:
        process.kill()
    process.communicate()


def run_it(*words, timeout=120, **how):
    return finish(start(*words, **how), timeout)


class InAFolder(unittest.TestCase):
    """A folder for each test, `self.folder`, in which the program runs; both are gone at its end."""

    def setUp(self):
        self.folder = scratch_folder(type(self).__name__.lower())
        self.addCleanup(shutil.rmtree, self.folder)

    def run_it(self, *words, **how):
        return run_it(*words, folder=self.folder, **how)

    def good(self, *words, **how):
        """Its stdout."""
        done = self.run_it(*words, **how)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}")
        return done.stdout

    def bad(self, code, *words, **how):
        """What it says: an error on stderr, and nothing on stdout."""
        done = self.run_it(*words, **how)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(done.stderr.startswith("error: "), done.stderr)
        return done.stderr

    def start(self, *words, **how):
        process = start(*words, folder=self.folder, **how)
        self.addCleanup(end, process)
        return process

    def wait_for(self, what, condition, seconds=60):
        for _ in range(seconds * 20):
            if found := condition():
                return found
            time.sleep(0.05)
        self.fail(f"waited {seconds} s for {what}")

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


class InALake(InAFolder):
    """With a lake in that folder, which the first command that wants one makes."""

    def setUp(self):
        super().setUp()
        self.lake = self.folder / "lake"

    def pactolus(self, *words, **how):
        """What a command says about the lake, as data."""
        return json.loads(self.good(*words, "--json", "--lake", self.lake, **how))
