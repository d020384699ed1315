"""Real input through the real program, judged by deltalake: ingest, replay, resume after a kill, mistakes.

Run by ctest, or by hand: PACTOLUS_BIN=build/dev/pactolus build/oracle-venv/bin/python tests/ingest/test_ingest.py
The REES46 sample lies beside the project; without it the tests that need it are skipped.
"""

import collections
import decimal
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import unittest

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import SOURCE, InAFolder  # noqa: E402

REES46 = SOURCE.parent / "shared/data/rees46_2019_10_01.csv"
HEADER = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


def rees46_rows(count, first=0):
    return "".join(f"2019-10-01 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02} UTC,view,{n % 97},1,,b,1.5,u{n},s\n"
                   for n in range(first, first + count))


class Lake(InAFolder):
    def setUp(self):
        super().setUp()
        self.lake = self.folder / "lake"

    def ingest(self, *words, dialect="rees46", **how):
        return json.loads(self.good("ingest", "--json", "--lake", self.lake, "--dialect", dialect, *words, **how))["files"]

    def silver(self):
        return DeltaTable(self.lake / "silver/events")

    def quarantine(self):
        return DeltaTable(self.lake / "quarantine/events")

    def reasons(self):
        return dict(collections.Counter(self.quarantine().to_pyarrow_table(columns=["reason"])["reason"].to_pylist()))

    def rows(self, columns=("event_id",)):
        return self.silver().to_pyarrow_table(columns=list(columns))

    def versions(self):
        return self.silver().version(), self.quarantine().version()


@unittest.skipUnless(REES46.exists(), f"the REES46 sample is not beside the project: {REES46}")
class RealFile(Lake):
    def expect_rees46(self, malformed):
        rows = self.rows(["event_type", "price", "quantity", "user_id", "event_id", "extra", "session_id", "product_category"])
        types = collections.Counter(rows["event_type"].to_pylist())
        self.assertEqual(types, {"view": 17032, "add_to_cart": 164, "purchase": 214})
        revenue = sum((price * quantity for kind, price, quantity in
                       zip(rows["event_type"].to_pylist(), rows["price"].to_pylist(), rows["quantity"].to_pylist())
                       if kind == "purchase"), decimal.Decimal(0))
        self.assertEqual(revenue, decimal.Decimal("59442.63"))
        self.assertEqual(len(set(rows["user_id"].to_pylist())), 4500)
        self.assertEqual(len(set(rows["event_id"].to_pylist())), 17410)
        self.assertEqual(self.reasons(), {"non_positive_price": 19, malformed: 1})
        self.assertTrue(all(json.loads(text)["category_id"] for text in rows["extra"].to_pylist()))

    def test_as_history(self):
        (report,) = self.ingest(REES46)
        self.assertEqual((report["rows"], report["appended"], report["silver"], report["duplicates"], report["quarantined"]),
                         (17435, 17435, 17410, 5, {"malformed_row": 1, "non_positive_price": 19}))
        self.expect_rees46("malformed_row")
        # The row that could not be mapped is kept byte for byte.
        rejects = self.quarantine().to_pyarrow_table(columns=["reason", "value", "offset"]).to_pylist()
        last_line = REES46.read_bytes().splitlines()[-1]
        self.assertEqual([(r["value"], r["offset"]) for r in rejects if r["reason"] == "malformed_row"], [(last_line, 17434)])

    def test_a_second_ingest_adds_nothing(self):
        self.ingest(REES46)
        before = self.versions()
        shutil.copyfile(REES46, self.folder / "copy.csv")
        (report,) = self.ingest(self.folder / "copy.csv")
        self.assertEqual((report["rows"], report["appended"], report["silver"], report["committed"]), (17435, 0, 17410, True))
        self.assertEqual(self.versions(), before)
        # Nor does a run of the job: it takes the lake, and finds nothing to do.
        self.good("run", "--lake", self.lake, "--until-caught-up")
        self.assertEqual((self.rows().num_rows, self.versions()[1]), (17410, before[1]))

    def test_as_live_traffic(self):
        truth = json.loads(self.good("simulate", "--replay", REES46, "--dialect", "rees46", "--speed", "max", "--to", f"lake:{self.lake}"))
        self.assertEqual(truth["sent"], 17435)
        self.good("run", "--lake", self.lake, "--until-caught-up", "--close-windows")
        self.expect_rees46("malformed_json")
        self.assertGreater(DeltaTable(self.lake / "gold/product_interest").to_pyarrow_table().num_rows, 0)

    def test_history_after_live_traffic_is_all_duplicates(self):
        self.good("simulate", "--replay", REES46, "--dialect", "rees46", "--speed", "max", "--to", f"lake:{self.lake}")
        self.good("run", "--lake", self.lake, "--until-caught-up", "--close-windows")
        (report,) = self.ingest(REES46)
        self.assertEqual((report["silver"], report["duplicates"], sum(report["quarantined"].values())), (0, 17415, 20))
        self.assertEqual(self.rows().num_rows, 17410)

    def test_live_traffic_after_history_is_all_duplicates(self):
        self.ingest(REES46)
        self.good("simulate", "--replay", REES46, "--dialect", "rees46", "--speed", "max", "--to", f"lake:{self.lake}")
        summary = json.loads(self.good("run", "--lake", self.lake, "--until-caught-up"))
        self.assertEqual((summary["silver"], summary["duplicates"]), (0, 17415))
        self.assertEqual(self.rows().num_rows, 17410)

    def test_a_dry_run_tells_the_same_and_writes_nothing(self):
        (report,) = self.ingest("--dry-run", REES46)
        self.assertEqual((report["rows"], report["silver"], report["duplicates"], report["quarantined"]),
                         (17435, 17410, 5, {"malformed_row": 1, "non_positive_price": 19}))
        self.assertFalse(self.lake.exists())
        self.ingest(REES46)
        (report,) = self.ingest("--dry-run", REES46)
        self.assertEqual((report["silver"], report["duplicates"]), (0, 17415))


class Ingest(Lake):
    def test_files_in_any_order_and_copies_across_them(self):
        one, two = self.write("1.csv", HEADER + rees46_rows(100)), self.write("2.csv", HEADER + rees46_rows(100, 50))
        second, first = self.ingest(two, one)
        self.assertEqual(second["silver"] + first["silver"], 150)
        self.assertEqual(self.rows().num_rows, 150)

    def test_native_lines_enter_as_they_are(self):
        line = '{"event_id":"e1","user_id":"u","product_id":"p","event_type":"view","timestamp":"2025-11-29T10:15:30Z","price":2.5,"own":[1]}'
        broken = '{"user_id" : "u"}  '
        path = self.write("a.ndjson", f"{line}\r\n\n{broken}\n{line}")
        (report,) = self.ingest(path, dialect="native")
        self.assertEqual((report["rows"], report["silver"], report["duplicates"], report["quarantined"]),
                         (3, 1, 1, {"missing_event_id": 1}))
        (row,) = self.rows(["topic", "offset", "kafka_key", "extra", "price"]).to_pylist()
        self.assertEqual(row, {"topic": report["topic"], "offset": 0, "kafka_key": "u", "extra": '{"own":[1]}', "price": decimal.Decimal("2.5000")})
        (reject,) = self.quarantine().to_pyarrow_table(columns=["value"]).to_pylist()
        self.assertEqual(reject["value"].decode(), broken)

    def test_the_text_says_what_became_of_the_rows(self):
        path = self.write("a.csv", HEADER + rees46_rows(3) + "broken\n")
        text = self.good("ingest", "--lake", self.lake, "--dialect", "rees46", path)
        self.assertEqual(text, f"{path}: 4 rows; 3 to Silver, 0 duplicates, 1 quarantined (malformed_row 1)\n")
        text = self.good("ingest", "--lake", self.lake, "--dialect", "rees46", path)
        self.assertIn("4 rows, all there before, nothing added", text)

    def test_a_header_without_rows_is_a_file_of_no_rows(self):
        (report,) = self.ingest(self.write("a.csv", HEADER))
        self.assertEqual((report["rows"], report["complete"]), (0, True))


class Killed(Lake):
    """SIGKILL at every point of appending; the next run leaves what an uninterrupted one leaves."""

    def test_a_killed_ingest_goes_on_where_it_was(self):
        count = 120_000  # several flushes of 8 MiB
        path = self.write("a.csv", HEADER + rees46_rows(count) + "broken\n")
        for point in ("ingest.topic_made", "ingest.flushed", "ingest.flushed:2", "ingest.appended", "ingest.complete",
                      "batch.files_written", "silver.before_link", "batch.silver_committed", "batch.quarantine_committed"):
            with self.subTest(point):
                shutil.rmtree(self.lake, ignore_errors=True)
                killed = self.run_it("ingest", "--lake", self.lake, "--dialect", "rees46", path, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, point + killed.stderr)
                (report,) = self.ingest(path)
                self.assertEqual((report["rows"], report["complete"], report["committed"]), (count + 1, True, True))
                self.assertEqual((report["silver"], report["duplicates"], report["quarantined"]), (count, 0, {"malformed_row": 1}))
                if point.startswith("ingest.flushed"):
                    self.assertTrue(0 < report["appended"] < count)
                rows = self.rows(["event_id", "offset"])
                self.assertEqual(sorted(rows["offset"].to_pylist()), list(range(count)))
                self.assertEqual(self.reasons(), {"malformed_row": 1})


    def test_ctrl_c_keeps_what_is_durable_and_says_so(self):
        path = self.write("a.csv", HEADER + rees46_rows(120_000))
        ingest = self.start("ingest", "--json", "--lake", self.lake, "--dialect", "rees46", path, PACTOLUS_FAULT="ingest.flushed:1:stop")
        self.wait_for("the first flush", lambda: pathlib.Path(f"/proc/{ingest.pid}/stat").read_text().split()[2] == "T")
        ingest.send_signal(signal.SIGINT)
        ingest.send_signal(signal.SIGCONT)
        out, _ = ingest.communicate(timeout=60)
        self.assertEqual(ingest.returncode, 130)
        (report,) = json.loads(out)["files"]
        self.assertFalse(report["complete"])
        (rest,) = self.ingest(path)
        self.assertEqual((rest["appended"], rest["silver"]), (120_000 - report["rows"], 120_000))


class BesideARunningJob(Lake):
    def setUp(self):
        super().setUp()
        self.job = self.start("run", "--lake", self.lake, "--commit-interval", "100ms")
        self.wait_for("the job", lambda: (self.lake / "silver/events/_delta_log").exists() and (self.lake / "_pactolus/lock").exists()
                      and self.job.poll() is None and (self.lake / "_pactolus/status.json").exists())

    def test_the_running_job_takes_the_rows(self):
        path = self.write("a.csv", HEADER + rees46_rows(500) + "broken\n")
        (report,) = self.ingest(path, "--wait")
        self.assertEqual((report["committed"], report["silver"], report["quarantined"]), (True, 500, {"malformed_row": 1}))
        self.assertIsNone(self.job.poll())

    def test_without_waiting_it_says_who_will_take_them(self):
        path = self.write("a.csv", HEADER + rees46_rows(500))
        done = self.run_it("ingest", "--lake", self.lake, "--dialect", "rees46", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"pid {self.job.pid} (run) runs this lake and will take the rows", done.stderr)
        self.assertIn("durable in the log, not in Silver yet", done.stdout)
        self.wait_for("the rows in Silver", lambda: self.rows().num_rows == 500)

    def test_a_killed_job_leaves_the_rows_to_the_waiting_ingest(self):
        path = self.write("a.csv", HEADER + rees46_rows(500))
        os.kill(self.job.pid, signal.SIGSTOP)
        ingest = self.start("ingest", "--json", "--lake", self.lake, "--dialect", "rees46", "--wait", path)
        self.wait_for("the appended rows", lambda: list(self.lake.glob("bronze/_ingest.*/ingest.json")))
        self.job.kill()
        out, _ = ingest.communicate(timeout=60)
        self.assertEqual(json.loads(out)["files"][0]["silver"], 500)


class Mistakes(Lake):
    def bad(self, code, *words):
        said = super().bad(code, *words)
        self.assertFalse(self.lake.exists())
        return said

    def test_each_has_a_clear_error_and_writes_nothing(self):
        good = self.write("good.csv", HEADER + rees46_rows(3))
        lake = ("--lake", self.lake)
        missing = self.bad(3, "ingest", *lake, "--dialect", "rees46", good, "missing.csv")
        self.assertIn("there is no such file: missing.csv", missing)
        self.assertIn("this is a folder", self.bad(3, "ingest", *lake, "--dialect", "rees46", self.folder))
        self.assertIn("the file is empty", self.bad(3, "ingest", *lake, self.write("empty", "")))
        self.assertIn("no NDJSON", self.bad(3, "ingest", *lake, good))
        headless = self.bad(3, "ingest", *lake, "--dialect", "rees46", self.write("h.csv", rees46_rows(3)))
        self.assertIn("the first row of a CSV file names its columns", headless)
        self.assertIn("h.csv", headless)
        self.assertIn("user_id, user_session missing",
                      self.bad(3, "ingest", *lake, "--dialect", "rees46", self.write("c.csv", "event_time,event_type,product_id\n")))
        self.assertIn("rees46", self.bad(2, "ingest", *lake, "--dialect", "rees64", good))
        self.bad(2, "ingest", *lake)

    def test_a_replay_says_what_it_does_not_take(self):
        good = self.write("good.csv", HEADER + rees46_rows(3))
        to = ("--to", f"lake:{self.lake}")
        self.assertIn("no speed", self.bad(2, "simulate", *to, "--replay", good, "--dialect", "rees46", "--speed", "fast"))
        self.assertIn("--speed without --replay", self.bad(2, "simulate", *to, "--speed", "2"))
        self.bad(2, "simulate", *to, "--replay", good, "--dialect", "rees46", "--count", "5")
        self.bad(3, "simulate", *to, "--replay", "missing.csv", "--dialect", "rees46")

    def test_a_replay_into_a_file_converts_it(self):
        good = self.write("good.csv", HEADER + rees46_rows(3))
        self.good("simulate", "--replay", good, "--dialect", "rees46", "--to", "file:out.ndjson", "--speed", "max")
        lines = (self.folder / "out.ndjson").read_text().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(all(re.fullmatch("rees46:[0-9a-f]{32}", json.loads(line)["event_id"]) for line in lines))


if __name__ == "__main__":
    unittest.main()
