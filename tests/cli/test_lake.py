"""Commands on a lake: who may run it, and what is shown of one that runs, of one that stands still, and to whom.

Run by ctest, or by hand: PACTOLUS_BIN=build/dev/pactolus build/oracle-venv/bin/python tests/cli/test_lake.py
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import TOPIC, InAFolder  # noqa: E402


def iso_time(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1e6):06}Z"


class Lake(InAFolder):
    """A lake of its own for each test."""

    def setUp(self):
        super().setUp()
        self.lake = self.folder / "lake"

    def send(self, *words):
        """Simulated events into the lake's log, that end now: what is told of them is so of today."""
        return json.loads(self.good("simulate", "--fast", "--end", iso_time(time.time()), *words, "--to", f"lake:{self.lake}"))

    def catch_up(self, *words):
        return json.loads(self.good("run", "--until-caught-up", *words, "--lake", self.lake))

    def status_file(self):
        try:
            return json.loads((self.lake / "_pactolus/status.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def hold(self, command):
        """The lake's lock, as if another process with the pid of this one ran `command`."""
        path = self.lake / "_pactolus/lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "w", encoding="utf-8")
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps({"pid": os.getpid(), "since": int(time.time() * 1e6), "command": command}))
        file.flush()
        return file


class LockWait(Lake):
    def timed(self, *words):
        started = time.monotonic()
        done = self.run_it(*words)
        return done, time.monotonic() - started

    def test_a_run_waits_as_long_as_it_is_told(self):
        self.hold("run")
        done, seconds = self.timed("run", "--lake", self.lake, "--lock-wait", "600ms")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"another process runs this lake: pid {os.getpid()} (run)", done.stderr)
        self.assertTrue(0.6 <= seconds < 5, seconds)

    def test_a_run_begins_when_the_holder_goes(self):
        holder = self.hold("run")
        run = self.start("run", "--until-caught-up", "--lake", self.lake, "--lock-wait", "30s")
        with self.assertRaises(subprocess.TimeoutExpired):
            run.wait(0.5)
        holder.close()
        self.assertEqual(run.wait(30), 0)

    def test_an_ingest_leaves_its_rows_to_a_run(self):
        self.send("--count", 10)
        self.hold("run")
        path = self.write("a.ndjson", '{"event_id":"e1"}\n')
        done, seconds = self.timed("ingest", path, "--lake", self.lake, "--lock-wait", "600ms")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("will take the rows", done.stderr)
        self.assertTrue(0.6 <= seconds < 5, seconds)

    def test_an_ingest_waits_for_another_no_longer_than_it_is_told(self):
        self.hold("ingest")
        path = self.write("a.ndjson", '{"event_id":"e1"}\n')
        done, seconds = self.timed("ingest", path, "--lake", self.lake, "--lock-wait", "300ms")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"pid {os.getpid()} (ingest)", done.stderr)
        self.assertIn("durable in the log", done.stderr)
        self.assertTrue(0.3 <= seconds < 5, seconds)

    def test_two_ways_of_waiting_are_one_too_many(self):
        path = self.write("a.ndjson", '{"event_id":"e1"}\n')
        self.assertIn("--lock-wait together with --wait", self.bad(2, "ingest", path, "--wait", "--lock-wait", "1s"))
        self.assertIn("expected a duration", self.bad(2, "run", "--lock-wait", "10"))


class Status(Lake):
    def status(self, **extra):
        return json.loads(self.good("status", "--json", "--lake", self.lake, **extra))

    def test_files_that_were_ingested_are_counted(self):
        for name in ("a.ndjson", "b.ndjson"):
            event = {"event_id": name, "user_id": "u", "event_type": "page_view", "timestamp": "2026-01-01T00:00:00Z"}
            self.good("ingest", self.write(name, json.dumps(event) + "\n"), "--lake", self.lake)
        self.assertIn("history     ingested 2 files, 2 records\n", self.good("status", "--lake", self.lake))
        self.assertEqual(json.loads(self.good("status", "--lake", self.lake, "--json"))["histories"],
                         {"files": 2, "replays": 0, "records": 2, "waiting": 0, "unfinished": 0})

    def test_what_an_ingest_left_half_done_is_told(self):
        path = self.write("a.ndjson", '{"event_id":"a"}\n')
        self.assertEqual(self.run_it("ingest", path, "--lake", self.lake, PACTOLUS_FAULT="ingest.appended").returncode, -signal.SIGKILL)
        self.assertIn("unfinished  1 file of an ingest that was cut off: nothing of them counts until it is repeated\n",
                      self.good("status", "--lake", self.lake))
        self.good("ingest", path, "--lake", self.lake)
        self.assertNotIn("unfinished", self.good("status", "--lake", self.lake))

    def test_a_running_lake_names_the_process_that_holds_it(self):
        self.send("--count", 100)
        run = self.start("run", "--lake", self.lake, "--commit-interval", "100ms")
        self.wait_for("a commit", lambda: self.status_file().get("batch"))
        status = self.status()
        self.assertEqual((status["running"], status["pid"], status["command"], status["epoch"]), (True, run.pid, "run", 1))
        self.assertIn(f"running     pid {run.pid} (run) since 20", self.good("status", "--lake", self.lake))

    def test_a_file_that_another_process_left_is_not_believed(self):
        self.send("--count", 100)
        run = self.start("run", "--lake", self.lake, "--commit-interval", "100ms")
        self.wait_for("a commit", lambda: self.status_file().get("batch"))
        run.kill()
        run.wait()
        self.assertTrue(self.status_file()["running"])
        self.hold("serve")  # another holder, before its first status
        status = self.status()
        self.assertEqual((status["running"], status["pid"], status["command"], status["batch"]), (True, os.getpid(), "serve", 1))
        self.assertNotIn("open_alerts", status)
        self.assertIn(f"running     pid {os.getpid()} (serve) since 20", self.good("status", "--lake", self.lake))

    def test_a_stopped_lake_shows_its_last_commit(self):
        self.send("--count", 100)
        self.catch_up()
        status = self.status()
        self.assertEqual((status["running"], status["pid"], status["batch"], status["clean_stop"]), (False, None, 1, True))
        self.assertIn(f"\nstopped     last commit: batch 1 at {status['batch_time']}\n", self.good("status", "--lake", self.lake))

    def test_a_killed_run_leaves_a_commit_that_its_status_does_not_know(self):
        self.send("--count", 900)
        run = self.run_it("run", "--until-caught-up", "--batch-records", 300, "--lake", self.lake,
                          PACTOLUS_FAULT="batch.silver_committed:2")
        self.assertEqual(run.returncode, -signal.SIGKILL, run.stderr)
        self.assertEqual(self.status_file()["batch"], 1)
        status = self.status()
        self.assertEqual((status["running"], status["batch"], status["clean_stop"]), (False, 2, False))
        self.assertGreater(sum(s["next_offset"] for s in status["sources"]), 300)
        self.assertRegex(self.good("status", "--lake", self.lake), r"\nstopped     last commit: batch 2 at \S+; its process was killed")

    def test_a_lake_that_was_never_run(self):
        self.send("--count", 10)
        self.assertIn("stopped     last commit: nothing committed yet by job main\n", self.good("status", "--lake", self.lake))

    def test_who_may_only_read_sees_the_same(self):
        self.send("--count", 100)
        self.catch_up()
        before, words = self.status(), ("status", "--json", "--lake", self.lake)
        if os.geteuid() == 0:
            other = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            self.folder.chmod(0o755)
            if not shutil.which("setpriv") or self.run_it("version", before=other).returncode != 0:
                self.skipTest("another user cannot start the program where it lies")
            self.assertEqual(json.loads(self.good(*words, before=other)), before)
            self.good("gold", "show", "product_interest", "--lake", self.lake, before=other)
            run = self.start("run", "--lake", self.lake)
            self.wait_for("the run", lambda: self.status_file().get("pid") == run.pid)
            self.assertEqual(json.loads(self.good(*words, before=other))["pid"], run.pid)
            return
        folders = [path for path, _, _ in os.walk(self.lake)]
        for mode in (0o555, 0o755):
            for path in folders:
                self.addCleanup(os.chmod, path, 0o755)
                os.chmod(path, mode)
            self.assertEqual(self.status(), before)


class OnATerminal:
    """A process whose stderr is a terminal of 200 columns; what it wrote there so far."""

    def __init__(self, process, terminal):
        self.process, self.terminal, self.text = process, terminal, ""

    def read(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        try:
            new = os.read(self.terminal, 1 << 16).decode() if ready else ""
        except OSError:  # nobody holds the other end any more
            return False
        self.text += new
        return True

    def finish(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(0.1):
            pass
        return self.process.wait(5)


class Progress(Lake):
    def on_a_terminal(self, *words, **variables):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
        process = self.start(*words, "--lake", self.lake, stdout=subprocess.DEVNULL, stderr=theirs,
                             **{"TERM": "xterm", **variables})
        os.close(theirs)
        return OnATerminal(process, ours)

    def catch_up_slowly(self, *words, **extra):
        """Batches of 100, so that there is something to see on the way."""
        run = self.on_a_terminal("run", "--until-caught-up", "--batch-records", 100, *words, **extra)
        self.assertEqual(run.finish(), 0, run.text)
        return run.text

    def test_a_run_says_where_it_stands(self):
        self.send("--count", 20_000)
        text = self.catch_up_slowly(NO_COLOR="1")
        pictures = text.split("\r")
        self.assertGreater(len(pictures), 3)
        line = re.compile(r"[\d.]+( k)?/s · committed ([\d,]+) of 20,000( · (.+ left|caught up))? · batch (\d+) · "
                          r"watermark (not yet|\d\d:\d\d:\d\d UTC)\x1b\[K")
        told = [line.search(p) for p in pictures[1:] if "committed" in p]
        self.assertTrue(told and all(told), text)
        self.assertRegex(text, r"· \d+ s left ·")
        self.assertGreater(int(told[-1][5]), int(told[0][5]), "batches go by")
        self.assertTrue(text.endswith("\x1b[1A\r\x1b[J"), "nothing of it is left: " + text[-200:])
        self.assertNotRegex(text, r"\x1b\[[\d;]*m", "NO_COLOR")

    def test_colour_where_it_is_wanted(self):
        self.send("--count", 2_000)
        self.assertRegex(self.catch_up_slowly(), r"\x1b\[1m[\d.]+( k)?/s\x1b\[0m · committed")
        self.send("--count", 2_000)
        self.assertNotRegex(self.catch_up_slowly("--no-color"), r"\x1b\[[\d;]*m")

    def test_a_stream_is_caught_up_until_it_is_stopped(self):
        self.send("--count", 2_000)
        run = self.on_a_terminal("run", "--commit-interval", "100ms")
        self.wait_for("all events", lambda: run.read(0.1) and "committed 2,000 of 2,000 · caught up · batch" in run.text)
        run.process.send_signal(signal.SIGINT)
        self.assertEqual(run.finish(), 130)
        self.assertTrue(run.text.endswith("\x1b[1A\r\x1b[J"), run.text[-200:])

    def test_an_error_stands_on_a_line_of_its_own(self):
        self.send("--count", 20_000)
        run = self.on_a_terminal("run", "--batch-records", 200, NO_COLOR="1")
        self.wait_for("the line", lambda: run.read(0.1) and "committed" in run.text)
        self.catch_up("--take-over")
        self.assertEqual(run.finish(), 3)
        self.assertRegex(run.text, r"\x1b\[1A\r\x1b\[Jerror: another process has taken the job")

    def test_nothing_where_nobody_watches(self):
        self.send("--count", 20_000)
        done = self.run_it("run", "--until-caught-up", "--batch-records", 200, "--lake", self.lake)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.send("--count", 2_000)
        self.assertEqual(self.catch_up_slowly("--quiet"), "")
        self.send("--count", 2_000)
        self.assertEqual(self.catch_up_slowly(TERM="dumb"), "")

    def test_an_ingest_says_how_far_it_is(self):
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.write("a.ndjson", "".join(f'{{"event_id":"e{n}","user_id":"u","event_type":"page_view","timestamp":"{when}"}}\n'
                                       for n in range(100_000)))
        ingest = self.on_a_terminal("ingest", "a.ndjson")
        self.assertEqual(ingest.finish(), 0, ingest.text)
        self.assertRegex(ingest.text, r"to Silver: [\d,]+ of 100,000 · ")
        self.assertTrue(ingest.text.endswith("\x1b[1A\r\x1b[J"), ingest.text[-200:])

    def test_and_of_many_small_files_too(self):
        for n in range(300):
            self.write(f"{n}.ndjson", f'{{"event_id":"e{n}","user_id":"u","event_type":"page_view","timestamp":1700000000}}\n')
        ingest = self.on_a_terminal("ingest", *(f"{n}.ndjson" for n in range(300)))
        self.assertEqual(ingest.finish(), 0, ingest.text)
        self.assertRegex(ingest.text, r"\d+ of 300 files: [\d.]+ [KM]?i?B of [\d.]+ [KM]?i?B · \d+ % · .*/s · \d+ s left")


class From(Lake):
    def offsets(self):
        return sum(s["next_offset"] for s in json.loads(self.good("status", "--json", "--lake", self.lake))["sources"])

    def verified(self):
        report = json.loads(self.good("verify", "--json", "--lake", self.lake))
        return {c["name"]: c for c in report["checks"]}["offsets"]

    def test_a_lake_may_begin_at_the_end_of_the_log(self):
        self.send("--count", 300, "--rate", 100_000)
        done = self.run_it("run", "--until-caught-up", "--start", "latest", "--lake", self.lake)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["records"], 0)
        self.assertIn(f"{TOPIC} is begun at its end: 300 records before it stay unread", done.stderr)
        self.assertEqual(self.offsets(), 300)
        self.send("--count", 200, "--rate", 100_000)
        self.assertEqual(self.catch_up("--start", "latest")["silver"], 200)
        check = self.verified()
        self.assertEqual((check["figures"]["offsets"], check["figures"]["before_start"]), (200, 300))
        self.assertIn("no gap; begun after 300 offsets that the ledger does not speak of", check["summary"])

    def test_a_lake_may_begin_at_a_time(self):
        self.send("--count", 300, "--rate", 100_000)
        time.sleep(0.1)
        now = time.time()
        begin = iso_time(now)
        time.sleep(0.1)
        self.send("--count", 200, "--rate", 100_000)
        self.write("pactolus.toml", f'[run]\nstart = "{begin}"\n')  # the key does what the flag does
        self.assertEqual(self.catch_up()["records"], 200)
        self.assertEqual(self.verified()["figures"]["before_start"], 300)

    def test_offsets_in_the_lake_win_and_the_user_is_told(self):
        self.send("--count", 100)
        self.catch_up()
        self.send("--count", 100)
        for where in ("latest", "earliest", "2025-11-29"):
            done = self.run_it("run", "--until-caught-up", "--start", where, "--lake", self.lake)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{TOPIC} goes on at the offsets in the lake", done.stderr)
        self.assertEqual(self.offsets(), 200)
        self.assertEqual(self.verified()["figures"]["before_start"], 0)

    def test_what_it_does_not_take(self):
        text = self.bad(2, "run", "--start", "lastest", "--lake", self.lake)
        self.assertIn('did you mean "latest"?', text)
        self.assertFalse(self.lake.exists())


class Simulate(Lake):
    def ids(self, path):
        return [json.loads(line)["event_id"] for line in (self.folder / path).read_text(encoding="utf-8").splitlines()]

    def test_runs_share_no_ids_however_close_they_are(self):
        for profile in ("classic", "shop"):
            for n in range(2):  # one after the other, far less than 200,000 microseconds apart
                self.good("simulate", "--profile", profile, "--fast", "--count", 200_000, "--to", f"file:{profile}{n}.ndjson")
            runs = [self.start("simulate", "--profile", profile, "--count", 50_000, "--to", f"file:{profile}{n}.ndjson")
                    for n in range(2, 4)]
            self.assertEqual([run.wait(60) for run in runs], [0, 0])
            ids = [i for n in range(4) for i in self.ids(f"{profile}{n}.ndjson")]
            self.assertEqual(len(ids), len(set(ids)), profile)
            self.assertRegex(ids[0], r"^evt_\d{23}00000001$")

    def test_a_second_run_into_the_lake_is_no_copy_of_the_first(self):
        for _ in range(2):
            self.send("--profile", "classic", "--count", 200_000)
        done = self.catch_up()
        self.assertEqual((done["silver"], done["duplicates"]), (400_000, 0))

    def test_times_end_where_the_user_says(self):
        self.send("--profile", "classic", "--count", 1000, "--rate", 100, "--end", "2025-11-29T13:00:00Z")
        self.assertEqual(self.catch_up()["silver"], 1000)
        watermark = json.loads(self.good("status", "--json", "--lake", self.lake))["watermark"]
        self.assertEqual(watermark[:16], "2025-11-29T12:54")  # five minutes of lateness before the last
        self.assertIn("is not over yet", self.bad(2, "simulate", "--fast", "--count", 5, "--end", "2999-01-01T00:00:00Z", "--to", "file:x"))
        self.assertIn("--fast without an end", self.bad(2, "simulate", "--fast", "--to", "file:x"))
        self.assertIn("--end without --fast", self.bad(2, "simulate", "--end", "2025-11-29", "--to", f"lake:{self.lake}"))

    def test_a_given_number_is_that_of_the_first_event(self):
        self.good("simulate", "--profile", "classic", "--first-id", 7, "--count", 2, "--to", "file:a.ndjson")
        self.assertEqual(self.ids("a.ndjson"), ["evt_00000007", "evt_00000008"])


class GoldShow(Lake):
    MANY = 200  # products of an open window that a running process tells of

    def send_popular_products_that_nobody_buys(self):
        """30 products seen often and hardly bought, 170 that sell well, 60 seen once: all in one window that is open."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))
        lines = []
        for first, products, views, purchases in ((0, 30, 150, 1), (30, 170, 100, 30), (200, 60, 1, 0)):
            for product in range(first, first + products):
                for n in range(views + purchases):
                    lines.append(json.dumps({"event_id": f"e{len(lines)}", "user_id": f"u{n}", "product_id": f"p{product:03}",
                                             "event_type": "view" if n < views else "purchase", "price": 1, "timestamp": when}))
        self.write("events.ndjson", "\n".join(lines))
        self.good("simulate", "--replay", "events.ndjson", "--speed", "max", "--to", f"lake:{self.lake}")
        return len(lines)

    def show(self, *words):
        done = self.run_it("gold", "show", "product_interest", "--json", "--lake", self.lake, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def running_lake(self):
        events = self.send_popular_products_that_nobody_buys()
        run = self.start("run", "--lake", self.lake, "--commit-interval", "100ms")
        self.wait_for("all events", lambda: self.status_file().get("silver") == events)
        return run

    def test_of_a_running_lake_marks_are_judged_against_all_products(self):
        self.running_lake()
        shown, said = self.show("--limit", 20)
        self.assertEqual((shown["final"], len(shown["rows"]), said), (False, 20, ""))
        self.assertEqual(shown["totals"], {"products": 260, "views": 30 * 150 + 170 * 100 + 60, "purchases": 30 + 170 * 30})
        self.assertTrue(all(row["views"] == 150 and row["low_conversion"] for row in shown["rows"]), shown["rows"])
        text = self.good("gold", "show", "product_interest", "--limit", 5, "--lake", self.lake)
        self.assertEqual(text.count("◄ low"), 5)

    def test_a_running_lake_shows_what_it_is_asked_for_or_says_why_not(self):
        self.running_lake()
        shown, said = self.show("--limit", self.MANY)
        self.assertEqual((len(shown["rows"]), said), (self.MANY, ""))
        self.assertEqual([row["low_conversion"] for row in shown["rows"]], [True] * 30 + [False] * 170)
        shown, said = self.show("--limit", 1000)
        self.assertEqual(len(shown["rows"]), self.MANY)
        self.assertIn("the 200 most viewed products of its open window, of 260; --final has no such limit", said)

    def test_of_a_stopped_lake_the_newest_final_window_is_shown_whole(self):
        run = self.running_lake()
        run.send_signal(signal.SIGTERM)
        run.wait(30)
        self.assertEqual(self.show("--limit", 1000)[0]["rows"], [], "nothing is final yet")
        self.catch_up("--close-windows")
        shown, said = self.show("--limit", 1000)
        self.assertEqual((shown["final"], len(shown["rows"]), said), (True, 260, ""))
        table = DeltaTable(self.lake / "gold/product_interest").to_pyarrow_table().to_pylist()
        newest = [row for row in table if row["window_start"] == max(r["window_start"] for r in table)]
        self.assertEqual([(r["product_id"], r["views"], r["purchases"], r["viewers"]) for r in shown["rows"]],
                         [(r["product_id"], r["views"], r["purchases"], r["viewers"])
                          for r in sorted(newest, key=lambda r: (-r["views"], r["product_id"]))])
        self.assertEqual(shown["rows"][0]["window_start"][:19], newest[0]["window_start"].isoformat()[:19])
        self.assertEqual(sum(row["low_conversion"] for row in shown["rows"]), 30)


if __name__ == "__main__":
    unittest.main(verbosity=1)
