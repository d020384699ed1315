"""Everything that writes to a lake at once, killed at random: the stream, optimize, vacuum, gold rebuild and erase.

    PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/crash/races.py --kills 2000 --seed 7

Rounds of a few kills each, on one lake that grows. In a round new events come, the five commands run beside each other
and are begun anew when they end or are killed. Then the stream catches up, what was to be erased is erased to its end,
and Silver must hold exactly the events that were sent, each once, without those of erased persons. By ctest: 200 kills.
Vacuum keeps two seconds, so that there is always something to remove: what merges and rebuilds of a round before left.
"""

import argparse
import collections
import json
import pathlib
import random
import shutil
import signal
import sys
import time
import unittest

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
import program  # noqa: E402

KILLS_A_ROUND = 6
EVENTS_A_ROUND = 60
QUICK = {"PACTOLUS__RUN__COMMIT_INTERVAL": "10ms", "PACTOLUS__RUN__SNAPSHOT_INTERVAL": "50ms"}
# What a command may say when another one was first, or is there; a retry helps.
MAY_SAY = ("another process", "is being written by", "others changed", "no window of this view is final yet")


class Races:
    def __init__(self, folder, seed):
        self.folder, self.lake = folder, folder / "lake"
        self.choose = random.Random(seed)
        self.sent = {}          # event_id -> what it says
        self.erased = []        # persons of whom all is to be gone at the end of the round
        self.next_event = 0
        self.running = {}       # command -> process
        self.kills = collections.Counter()
        self.ended = collections.Counter()
        self.vacuumed = 0       # files, by vacuums that came to their end

    def command(self, *words, **variables):
        return program.start(*words, "--lake", self.lake, folder=self.folder, **QUICK, **variables)

    def good(self, *words):
        done = program.finish(self.command(*words))
        if done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def event(self):
        n = self.next_event
        self.next_event += 1
        minute = n // 20
        return {"event_id": f"e{n}", "user_id": f"user{self.choose.randint(n // 300 * 10, n // 300 * 10 + 12)}", "event_type": "view",
                "product_id": f"p{n % 5}", "price": 2.5,
                "timestamp": f"2025-11-29T{minute // 60:02}:{minute % 60:02}:{n % 20 * 3:02}Z"}

    def send(self):
        """New events, and copies of some that were sent before, be they of erased persons too."""
        old = [self.sent[i] for i in self.choose.sample(sorted(self.sent), min(8, len(self.sent)))]
        new = [e for e in (self.event() for _ in range(EVENTS_A_ROUND)) if e["user_id"] not in self.erased]
        self.sent.update((e["event_id"], e) for e in new)
        path = self.folder / "events.ndjson"
        path.write_text("".join(json.dumps(e) + "\n" for e in old + new))
        done = program.run_it("simulate", "--replay", path, "--speed", "max", "--to", f"lake:{self.lake}", folder=self.folder)
        assert done.returncode == 0, done.stderr

    def begin(self, name):
        words = {"run": ("run", "--lock-wait", "1s"),
                 "optimize": ("tables", "optimize"),
                 "vacuum": ("tables", "vacuum", "--retain", "2s", "--json"),
                 "rebuild": ("gold", "rebuild", "--from", "2025-11-29", "--to", "2025-11-29"),
                 "erase": ("tables", "erase", "--lock-wait", "1s", *(w for u in self.erased[-1:] for w in ("--user", u)))}[name]
        self.running[name] = self.command(*words)

    def settle_ended(self):
        for name, process in list(self.running.items()):
            if process.poll() is None:
                continue
            out, err = process.communicate()
            if process.returncode not in (0, -signal.SIGKILL) and not any(words in err for words in MAY_SAY):
                raise AssertionError(f"{name} ended with {process.returncode}\n{out}{err}")
            self.ended[name, process.returncode] += 1
            if name == "vacuum" and process.returncode == 0:
                self.vacuumed += sum(t["replaced"] for t in json.loads(out)["tables"])
            del self.running[name]

    def kill(self, name):
        process = self.running[name]
        if process.poll() is None:
            process.kill()
            process.wait()
            self.kills[name] += 1
        self.settle_ended()

    def round(self, kills):
        self.send()
        if self.sent and self.choose.random() < 0.6:
            others = sorted({e["user_id"] for e in self.sent.values()} - set(self.erased))
            self.erased.append(self.choose.choice(others))
            names = ["run", "optimize", "vacuum", "rebuild", "erase"]
        else:
            names = ["run", "optimize", "vacuum", "rebuild"]
        while kills > 0:
            self.settle_ended()
            for name in names:
                if name not in self.running:
                    self.begin(name)
            time.sleep(self.choose.uniform(0.005, 0.12))
            self.settle_ended()
            if not self.running:
                continue
            before = self.kills.total()
            self.kill(self.choose.choice(sorted(self.running)))
            kills -= self.kills.total() - before
        while self.running:
            self.kill(next(iter(self.running)))

    def check(self):
        """The lake at rest: exactly what it should be."""
        self.good("run", "--until-caught-up")
        if self.erased:
            self.good("tables", "erase", *(w for u in self.erased for w in ("--user", u)))
        rows = DeltaTable(self.lake / "silver/events").to_pyarrow_table(columns=["event_id", "user_id", "product_id", "event_timestamp"])
        have = collections.Counter((r["event_id"], r["user_id"], r["product_id"], r["event_timestamp"].strftime("%Y-%m-%dT%H:%M:%SZ"))
                                   for r in rows.to_pylist())
        want = collections.Counter((e["event_id"], e["user_id"], e["product_id"], e["timestamp"])
                                   for e in self.sent.values() if e["user_id"] not in self.erased)
        if have != want:
            raise AssertionError(f"lost {sorted(want - have)[:5]}, too many {sorted(have - want)[:5]}")
        self.good("verify")

    def run(self, kills):
        self.send()
        self.check()
        try:
            while self.kills.total() < kills:
                self.round(min(KILLS_A_ROUND, kills - self.kills.total()))
                self.check()
        finally:
            for process in self.running.values():
                program.end(process)


class AtOnce(unittest.TestCase):
    def test_rows_are_exact_after_200_kills(self):
        folder = program.scratch_folder("races")
        seed = random.randrange(1 << 30)
        races = Races(folder, seed)
        try:
            races.run(200)
        except AssertionError as e:
            self.fail(f"seed {seed}, {races.kills.total()} kills, {folder} is kept: {e}")
        shutil.rmtree(folder)
        # All five have been at it, and have come to their ends too.
        for name in ("run", "optimize", "vacuum", "rebuild", "erase"):
            self.assertGreater(races.kills[name], 5, races.kills)
        for name in ("optimize", "vacuum", "rebuild"):
            self.assertGreater(races.ended[name, 0], 5, races.ended)
        self.assertGreater(races.vacuumed, 100)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        program.main()
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    folder = program.scratch_folder("races")
    races = Races(folder, given.seed)
    began = time.monotonic()
    races.run(given.kills)
    print(dict(races.kills), dict(races.ended), f"{races.vacuumed} files vacuumed, {len(races.sent)} events, {len(races.erased)} erased, {time.monotonic() - began:.0f} s")
    shutil.rmtree(folder)
