"""Real input through the real program, judged by deltalake: ingest, replay, resume after a kill, mistakes.

Run by ctest, or by hand: PACTOLUS_BIN=build/dev/pactolus build/oracle-venv/bin/python tests/ingest/test_ingest.py
The REES46 sample lies beside the project; without it the tests that need it are skipped.
"""

import collections
import csv
import decimal
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import sys
import unittest

import pyarrow
import pyarrow.parquet
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import SOURCE, InAFolder, main  # noqa: E402

# rows, silver, duplicates, quarantined
RETAIL_FATES = (525_461, 514_912, 6_859, {"non_positive_price": 3_690})
RETAIL = SOURCE.parent / "shared/data/online_retail_2009_2010.parquet"
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
        self.assertEqual((report["rows"], report["there_before"]), (17435, True))
        again = self.write("again.csv", REES46.read_text() + "\n")  # another file with the same rows
        (report,) = self.ingest("--dry-run", again)
        self.assertEqual((report["silver"], report["duplicates"]), (0, 17415))


@unittest.skipUnless(RETAIL.exists(), f"the Online Retail sample is not beside the project: {RETAIL}")
class OnlineRetail(Lake):
    def expect_all(self):
        rows = self.silver().to_pyarrow_table(columns=["event_id", "event_type", "price", "quantity", "user_id"])
        kinds = rows["event_type"].to_pylist()
        worth = collections.defaultdict(decimal.Decimal)
        for kind, price, quantity in zip(kinds, rows["price"].to_pylist(), rows["quantity"].to_pylist()):
            worth[kind] += price * quantity
        self.assertEqual(collections.Counter(kinds), {"purchase": 504_730, "refund": 10_182})
        self.assertEqual(dict(worth), {"purchase": decimal.Decimal("10271762.6640"), "refund": decimal.Decimal("630182.2200")})
        self.assertEqual(len(set(rows["user_id"].to_pylist())), 6_339)
        self.assertEqual(len(set(rows["event_id"].to_pylist())), 514_912)
        self.assertEqual(self.reasons(), {"non_positive_price": 3_690})

    def test_every_row_is_accounted_for_and_twice_adds_nothing(self):
        (plan,) = self.ingest("--dry-run", RETAIL, dialect="online-retail")
        for report in (plan, *self.ingest(RETAIL, dialect="online-retail")):
            self.assertEqual((report["rows"], report["silver"], report["duplicates"], report["quarantined"]), RETAIL_FATES)
        self.expect_all()
        before = self.versions()
        (again,) = self.ingest(RETAIL, dialect="online-retail")
        self.assertEqual((again["appended"], again["silver"]), (0, 514_912))
        self.assertEqual(self.versions(), before)
        self.good("verify", "--lake", self.lake)

    def test_the_same_rows_as_packed_csv_are_the_same_events(self):
        table = pyarrow.parquet.read_table(RETAIL).slice(0, 20_000)
        with gzip.open(self.folder / "retail.csv.gz", "wt", newline="") as out:
            writer = csv.writer(out, delimiter=";")
            writer.writerow(table.column_names)
            for row in table.to_pylist():
                writer.writerow(["" if v is None else v for v in row.values()])
        pyarrow.parquet.write_table(table, self.folder / "retail.parquet")
        packed, parquet = self.ingest("retail.csv.gz", "retail.parquet", dialect="online-retail")
        self.assertEqual((packed["rows"], parquet["rows"]), (20_000, 20_000))
        self.assertEqual(min(packed["silver"], parquet["silver"]), 0)  # whichever of them came first has them all
        self.assertEqual(self.rows().num_rows, max(packed["silver"], parquet["silver"]))
        self.assertEqual(packed["quarantined"], parquet["quarantined"])


@unittest.skipUnless(RETAIL.exists(), f"the Online Retail sample is not beside the project: {RETAIL}")
class IntoAStream(Lake):
    """A history comes into a lake that is being streamed to: the stream goes on, and both are exact."""

    def test_both_are_exact(self):
        send = ("simulate", "--profile", "classic", "--seed", "7", "--first-id", "0", "--count", "30000", "--rate", "6000")
        job = self.start("run", "--lake", self.lake, "--commit-interval", "200ms")
        self.wait_for("the job", lambda: (self.lake / "_pactolus/status.json").exists())
        stream = self.start(*send, "--to", f"lake:{self.lake}", "--json")
        (report,) = self.ingest("--wait", RETAIL, dialect="online-retail")
        self.assertEqual((report["rows"], report["silver"], report["duplicates"], report["quarantined"]), RETAIL_FATES)
        out, _ = stream.communicate(timeout=60)
        truth = json.loads(out)
        job.send_signal(signal.SIGINT)
        job.wait(60)
        summary = json.loads(self.good("run", "--lake", self.lake, "--until-caught-up", "--json"))
        rows = self.rows(["event_id", "topic", "batch_id"]).to_pylist()
        live = [r["event_id"] for r in rows if not r["topic"].startswith("_ingest.")]
        # The stream went on: before the history's last batch, and in many batches.
        batches = {of_history: {r["batch_id"] for r in rows if r["topic"].startswith("_ingest.") == of_history} for of_history in (True, False)}
        self.assertLess(min(batches[False]), max(batches[True]))
        self.assertGreater(len(batches[False]), 5)
        self.assertEqual((len(live), len(set(live))), (truth["sent"], truth["sent"]), summary)
        self.assertEqual(len(rows) - len(live), 514_912)
        self.good("verify", "--lake", self.lake)


class Packed(Lake):
    """Compressed files, and files that are damaged: every row or none."""

    def csv_text(self):
        return (HEADER + rees46_rows(30_000)).encode()

    def zst(self, data):
        return pyarrow.compress(data, codec="zstd", asbytes=True)

    def test_gzip_and_zstd_also_in_several_members(self):
        text = self.csv_text()
        half = len(text) // 2
        for name, data in (("a.csv.gz", gzip.compress(text)), ("b.csv.gz", gzip.compress(text[:half]) + gzip.compress(text[half:])),
                           ("c.csv.zst", self.zst(text)), ("d.csv.zst", self.zst(text[:half]) + self.zst(text[half:])),
                           ("no-name", gzip.compress(text))):
            with self.subTest(name):
                shutil.rmtree(self.lake, ignore_errors=True)
                (self.folder / name).write_bytes(data)
                (report,) = self.ingest(name)
                self.assertEqual((report["rows"], report["silver"]), (30_000, 30_000))
                self.assertEqual(self.rows().num_rows, 30_000)

    def test_what_is_cut_off_or_damaged_leaves_nothing_of_itself(self):
        text = self.csv_text()
        for name, data in (("cut.csv.gz", gzip.compress(text)), ("cut.csv.zst", self.zst(text))):
            with self.subTest(name):
                (self.folder / name).write_bytes(data[:-9])
                said = self.bad(3, "ingest", "--lake", self.lake, "--dialect", "rees46", name)
                self.assertIn("cut off in the middle", said)
                self.assertIn(name, said)
                self.assertEqual(list(self.lake.glob("bronze/*")), [])
                damaged = bytearray(data)
                damaged[len(data) // 2] ^= 0x55
                (self.folder / name).write_bytes(damaged)
                self.assertIn("damaged", self.bad(3, "ingest", "--lake", self.lake, "--dialect", "rees46", name))
                self.assertEqual(list(self.lake.glob("bronze/*")), [])
                (self.folder / name).write_bytes(data)
                self.ingest(name)
                self.assertEqual(self.rows().num_rows, 30_000)
                shutil.rmtree(self.lake)

    def test_a_parquet_file_that_is_no_such_file_is_told(self):
        table = pyarrow.table({"event_id": ["e1"], "user_id": ["u"], "event_type": ["search"], "timestamp": [1764411330],
                               "tags": [["a"]]})
        pyarrow.parquet.write_table(table, self.folder / "nested.parquet")
        lake = ("--lake", self.lake)
        self.assertIn("column tags", self.bad(3, "ingest", *lake, "nested.parquet"))
        pyarrow.parquet.write_table(table.select(["event_id", "timestamp"]), self.folder / "few.parquet")
        self.assertIn("user_id, event_type missing", self.bad(3, "ingest", *lake, "few.parquet"))
        whole = (self.folder / "nested.parquet").read_bytes()
        (self.folder / "cut.parquet").write_bytes(whole[:-20])
        self.assertIn("cannot read cut.parquet as Parquet", self.bad(3, "ingest", *lake, "cut.parquet"))
        self.assertFalse(self.lake.exists())

    def test_other_types_in_a_parquet_file_are_read_or_rejected_row_by_row(self):
        table = pyarrow.table({
            "event_id": pyarrow.array([1, 2, 3, None], pyarrow.int32()),
            "user_id": pyarrow.array(["u", "u", "v", "v"]).dictionary_encode(),
            "event_type": ["purchase", "view", "view", "view"],
            "timestamp": pyarrow.array([1764411330_000_000_000] * 4, pyarrow.timestamp("ns", "Europe/Berlin")),
            "product_id": pyarrow.array([7, 8, 9, 10], pyarrow.uint64()),
            "price": pyarrow.array([decimal.Decimal("1.50"), None, decimal.Decimal("2.00"), None], pyarrow.decimal128(9, 2)),
            "quantity": pyarrow.array([2.0, None, 1.5, None], pyarrow.float64()),
            "gift": [True, False, None, None],
        })
        pyarrow.parquet.write_table(table, self.folder / "a.parquet", row_group_size=2)
        (report,) = self.ingest("a.parquet", dialect="native")
        self.assertEqual((report["rows"], report["silver"], report["quarantined"]),
                         (4, 1, {"invalid_quantity": 1, "missing_event_id": 1, "missing_price": 1}))
        (row,) = self.rows(["event_id", "user_id", "product_id", "price", "quantity", "extra", "event_timestamp"]).to_pylist()
        self.assertEqual(row["event_timestamp"].timestamp(), 1764411330)
        del row["event_timestamp"]
        self.assertEqual(row, {"event_id": "1", "user_id": "u", "product_id": "7", "price": decimal.Decimal("1.5000"),
                               "quantity": 2, "extra": '{"gift":"true"}'})


class ManyFiles(Lake):
    def test_folders_and_patterns(self):
        (self.folder / "days/_temporary").mkdir(parents=True)
        for n in range(3):
            self.write(f"days/{n}.csv", HEADER + rees46_rows(10, 10 * n))
        self.write("days/README.md", "no events")
        self.write("days/_temporary/9.csv", "no events")
        done = self.run_it("ingest", "--lake", self.lake, "--dialect", "rees46", "days", "days/*.csv", "days/1.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 file in folders is passed over", done.stderr)
        self.assertEqual(done.stdout.splitlines()[-1], "3 files, 30 rows; 30 to Silver, 0 duplicates, 0 quarantined")
        self.assertEqual(self.rows().num_rows, 30)
        shutil.copytree(self.lake, self.folder / "lakes/one")  # a lake in a folder is no source of events
        self.assertIn("no file matches", self.bad(3, "ingest", "--lake", self.lake, "--dialect", "rees46", "days/*.parquet"))
        self.assertTrue(self.lake.exists())
        self.assertIn("this folder is a lake", self.bad(3, "ingest", "--lake", self.lake, self.lake))
        self.assertIn("has no files of events", self.bad(3, "ingest", "--lake", self.lake, self.lake.parent / "lakes"))
        (self.folder / "empty").mkdir()
        self.assertIn("has no files of events", self.bad(3, "ingest", "--lake", self.lake, "empty"))


    def test_ten_thousand_files(self):
        (self.folder / "hours").mkdir()
        line = lambda n: json.dumps({"event_id": f"e{n}", "user_id": f"u{n % 11}", "event_type": "search", "timestamp": 1700000000 + n}) + "\n"
        for n in range(10_000):
            self.write(f"hours/{n:05}.ndjson", line(n) + line(n + 1) + ("torn\n" if n % 100 == 0 else ""))
        files = self.ingest("hours", dialect="native", timeout=300)
        total = lambda what: sum(f[what] for f in files)
        self.assertEqual((len(files), total("rows"), total("silver"), total("duplicates")), (10_000, 20_100, 10_001, 9_999))
        self.assertEqual(len(set(self.rows()["event_id"].to_pylist())), self.rows().num_rows)
        self.assertEqual((self.rows().num_rows, self.reasons()), (10_001, {"malformed_json": 100}))
        self.assertEqual(sum(f["appended"] for f in self.ingest("hours", dialect="native", timeout=300)), 0)
        self.good("verify", "--lake", self.lake)


class Ingest(Lake):
    def test_files_in_any_order_and_copies_across_them(self):
        one, two = self.write("1.csv", HEADER + rees46_rows(100)), self.write("2.csv", HEADER + rees46_rows(100, 50))
        second, first = self.ingest(two, one)
        self.assertEqual(second["silver"] + first["silver"], 150)
        self.assertEqual(self.rows().num_rows, 150)

    def test_of_two_copies_the_one_in_the_file_that_was_named_first_counts(self):
        event = lambda n, price: json.dumps({"event_id": f"e{n}", "user_id": "u", "event_type": "view", "product_id": "p",
                                             "price": price, "timestamp": "2025-11-29T10:00:00Z"}) + "\n"
        for n in range(8):
            files = [self.write(f"{n}-{price}.ndjson", event(n, price)) for price in (2, 1)]
            told = self.ingest("--dry-run", *files, dialect="native")
            self.assertEqual([f["silver"] for f in told], [1, 0])
            self.assertEqual([f["silver"] for f in self.ingest(*files, dialect="native")], [1, 0])
        self.assertEqual(set(self.rows(["price"])["price"].to_pylist()), {decimal.Decimal(2)})
        text = self.good("ingest", self.write("third.ndjson", event(1, 3)), "--lake", self.lake)
        self.assertIn("0 to Silver, 1 duplicate (1 of them say something else), 0 quarantined", text)

    def test_a_damaged_file_among_others_is_left_out_and_told(self):
        good = [self.write(f"{n}.csv", HEADER + rees46_rows(10, 10 * n)) for n in range(3)]
        bad = self.folder / "bad.csv.gz"
        bad.write_bytes(gzip.compress((HEADER + rees46_rows(50_000)).encode())[:-200])
        done = self.run_it("ingest", "--dialect", "rees46", "--lake", self.lake, good[0], bad, *good[1:])
        self.assertEqual(done.returncode, 3)
        self.assertIn("cut off in the middle", done.stderr)
        self.assertIn("1 of 4 files was not taken", done.stderr)
        self.assertEqual(done.stdout.count("10 rows; 10 to Silver"), 3)
        self.assertIn(f"{bad}: not taken\n", done.stdout)
        self.assertEqual(self.rows().num_rows, 30)
        self.good("verify", "--lake", self.lake)

    def test_what_waits_in_the_log_is_told(self):
        path = self.write("a.csv", HEADER + rees46_rows(10))
        killed = self.run_it("ingest", "--dialect", "rees46", "--lake", self.lake, path, PACTOLUS_FAULT="ingest.complete")
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        self.assertIn("waiting     1 file or replay in the log", self.good("status", "--lake", self.lake))
        (dry,) = self.ingest("--dry-run", path)
        self.assertEqual((dry["in_log"], dry["rows"], dry["silver"]), (True, 10, 10))
        self.assertNotIn("there_before", dry)
        self.good("run", "--until-caught-up", "--lake", self.lake)
        self.assertNotIn("waiting", self.good("status", "--lake", self.lake))
        self.assertEqual(self.rows().num_rows, 10)

    def test_what_only_the_log_had_is_not_called_there_before(self):
        path = self.write("a.csv", HEADER + rees46_rows(10))
        self.run_it("ingest", "--dialect", "rees46", "--lake", self.lake, path, PACTOLUS_FAULT="ingest.complete")
        self.assertEqual(self.good("ingest", "--dialect", "rees46", "--lake", self.lake, path),
                         f"{path}: 10 rows, all in the log before; 10 to Silver, 0 duplicates, 0 quarantined\n")

    def test_a_dry_run_goes_on_behind_a_damaged_file(self):
        paths = [self.write(name, HEADER + rees46_rows(10, first)) for name, first in (("a.csv", 0), ("c.csv", 10))]
        cut = self.folder / "b.csv.gz"
        cut.write_bytes(gzip.compress((HEADER + rees46_rows(1000, 50)).encode())[:-9])
        empty = self.write("d.csv", "")
        words = ("ingest", "--dialect", "rees46", "--lake", self.lake, paths[0], cut, paths[1], empty)
        dry = self.run_it(*words, "--dry-run", "--json")
        files = json.loads(dry.stdout)["files"]
        self.assertEqual(dry.returncode, 3)
        self.assertEqual([f.get("silver") for f in files], [10, None, 10, None])
        self.assertIn("2 of 4 files would not be taken", dry.stderr)
        done = self.run_it(*words, "--json")
        self.assertEqual(done.returncode, 3)
        self.assertEqual([f.get("silver") for f in json.loads(done.stdout)["files"]], [10, None, 10, None])
        self.assertEqual(self.rows().num_rows, 20)

    def test_files_of_another_dialect_are_named_and_left_out(self):
        good = self.write("a.csv", HEADER + rees46_rows(10))
        bad = [self.write(name, "one,two\n1,2\n") for name in ("b.csv", "c.csv")]
        words = ("ingest", "--dialect", "rees46", "--lake", self.lake)
        told = self.bad(3, *words, *bad)
        self.assertIn("none of these 2 files can be read", told)
        for path in bad:
            self.assertIn(str(path), told)
        self.assertFalse(self.lake.exists())
        self.assertIn("no such file", self.bad(3, *words, good, "nowhere.csv"))
        self.assertFalse(self.lake.exists())
        done = self.run_it(*words, bad[0], good, bad[1])
        self.assertEqual(done.returncode, 3)
        self.assertIn("2 of 3 files were not taken", done.stderr)
        self.assertEqual(self.rows().num_rows, 10)

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
        self.assertIn("the file is empty", self.bad(3, "ingest", *lake, self.write("empty", "")))
        self.assertIn("no NDJSON either", self.bad(3, "ingest", *lake, good))
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
    main()
