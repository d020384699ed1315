"""Care of the tables through the real program: merging small files, by the running writer and by hand, and vacuum.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/tables/test_tables.py
"""

import collections
import json
import os
import pathlib
import signal
import sys
import time

import duckdb
import pyarrow.parquet
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InALake, main  # noqa: E402


class Lake(InALake):
    def simulate(self, count, *words):
        return json.loads(self.good("simulate", "--profile", "shop", "--count", count, "--rate", 100, "--fast", "--seed", 3,
                                    *words, "--to", f"lake:{self.lake}"))

    def catch_up(self, batch_records, **how):
        return json.loads(self.good("run", "--until-caught-up", "--batch-records", batch_records, "--lake", self.lake, timeout=300, **how))

    def table(self, name="silver/events"):
        return DeltaTable(self.lake / name)

    def rows(self, name="silver/events"):
        return sorted(map(repr, self.table(name).to_pyarrow_table().to_pylist()))

    def partitions(self):
        """Live files by folder, as deltalake sees them."""
        return collections.Counter(os.path.dirname(uri) for uri in self.table().file_uris())

    def operations(self, name="silver/events"):
        return collections.Counter(h["operation"] for h in self.table(name).history())

    def parquet_files(self):
        return {p for p in (self.lake / "silver").rglob("*.parquet")}


class ByTheRunningWriter(Lake):
    def test_small_commits_keep_few_files_and_every_row(self):
        sent = self.simulate(30_000, "--dup-ratio", 0.02, "--bad-ratio", 0.02)
        summary = self.catch_up(20)  # 1,500 commits and more
        self.assertEqual(summary["records"], sent["sent"])
        partitions = self.partitions()
        self.assertLessEqual(max(partitions.values()), 200)
        self.assertGreater(self.operations()["OPTIMIZE"], 20)
        rows = self.table().to_pyarrow_table()
        self.assertEqual(rows.num_rows, summary["silver"])
        self.assertEqual(len(set(rows["event_id"].to_pylist())), summary["silver"])
        # Every column of every row as one commit would have written it.
        other = self.folder / "other"
        (other / "bronze").parent.mkdir()
        os.symlink(self.lake / "bronze", other / "bronze")
        self.lake, first = other, self.lake
        self.catch_up(1_000_000)
        leave_out = ("batch_id", "processing_timestamp")
        plain = lambda lake: sorted(map(repr, DeltaTable(lake / "silver/events").to_pyarrow_table().drop_columns(list(leave_out)).to_pylist()))
        self.assertEqual(plain(first), plain(other))
        self.lake = first
        self.good("verify", "--lake", self.lake)
        by_duckdb = duckdb.sql(f"SELECT count(*), count(DISTINCT event_id) FROM read_parquet({self.table().file_uris()!r})").fetchone()
        self.assertEqual(by_duckdb, (summary["silver"], summary["silver"]))
        status = json.loads((self.lake / "_pactolus/status.json").read_text())
        self.assertGreater(status["compaction"]["merges"], 20)

    def test_a_day_that_has_passed_becomes_few_files(self):
        line = lambda n, day: json.dumps({"event_id": f"e{day}-{n}", "user_id": "u", "product_id": f"p{n % 9}", "event_type": "view",
                                          "price": 2, "timestamp": f"2024-05-{day:02}T{n // 60 % 24:02}:{n % 60:02}:00Z"}) + "\n"
        days = (1, 2, 3, 4)
        path = self.write("days.ndjson", "".join(line(n, day) for day in days for n in range(600)))
        # Of one partition: several that get nothing would hold the watermark, and then it is the clock that closes days.
        self.good("simulate", "--replay", path, "--speed", "max", "--to", f"lake:{self.lake}", PACTOLUS__BRONZE__PARTITIONS="1")
        self.catch_up(5)
        self.assertEqual(self.pactolus("status")["watermark"][:10], "2024-05-04")
        partitions = self.partitions()
        closed = {folder: n for folder, n in partitions.items() if "2024-05-01" in folder or "2024-05-02" in folder}
        self.assertEqual(len(closed), 2)
        self.assertLessEqual(max(closed.values()), 48)
        self.assertLessEqual(max(partitions.values()), 200)
        self.assertEqual(self.table().to_pyarrow_table().num_rows, 2_400)
        self.good("verify", "--lake", self.lake)

    def test_large_row_groups_are_copied_and_every_reader_reads_them(self):
        sent = self.simulate(330_000, "--rate", 3_000)
        self.catch_up(30_000)  # some 15,000 views a commit
        before = self.table().version()
        view = next(folder for folder in self.partitions() if folder.endswith("view"))
        commits = self.partitions()[view]
        self.assertGreater(commits, 8)
        self.good("tables", "optimize", "silver", "--lake", self.lake)
        (path,) = (uri for uri in self.table().file_uris() if os.path.dirname(uri) == view)
        footer = pyarrow.parquet.read_metadata(path)
        self.assertEqual(footer.num_row_groups, commits)
        columns = ("event_id, user_id, product_id, price, quantity, epoch_us(event_timestamp), kafka_key, extra, topic, \"partition\", \"offset\", "
                   "batch_id, is_high_value")
        of = lambda uris: duckdb.sql(f"SELECT {columns} FROM read_parquet({uris!r}) ORDER BY ALL").fetchall()
        old = DeltaTable(self.lake / "silver/events", version=before)
        self.assertEqual(of(self.table().file_uris()), of(old.file_uris()))
        self.assertEqual(self.table().to_pyarrow_table().sort_by("event_id"), old.to_pyarrow_table().sort_by("event_id"))
        self.assertEqual(self.table().to_pyarrow_table().num_rows, sent["events"])
        # Statistics of a row group still let a reader pass it over.
        first = pyarrow.parquet.read_table(path, columns=["batch_id"], filters=[("batch_id", "=", 3)])
        self.assertEqual(set(first["batch_id"].to_pylist()), {3})
        self.good("verify", "--lake", self.lake)
        # And copied groups are copied again, beside what came since.
        self.simulate(60_000, "--rate", 3_000, "--seed", 4)
        self.catch_up(30_000)
        self.good("tables", "optimize", "silver", "--lake", self.lake)
        self.good("verify", "--lake", self.lake)

    def test_killed_at_every_point_of_a_merge(self):
        self.simulate(6_000)
        for point in ("merge.half_written", "compaction.merged", "compaction.committed"):
            with self.subTest(point):
                self.lake = self.folder / point
                (self.lake).mkdir()
                os.symlink(self.folder / "lake/bronze", self.lake / "bronze")
                killed = self.run_it("run", "--until-caught-up", "--batch-records", 20, "--lake", self.lake, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.catch_up(20)
                rows = self.table().to_pyarrow_table()
                self.assertEqual((rows.num_rows, len(set(rows["event_id"].to_pylist()))), (6_000, 6_000))
                self.good("verify", "--lake", self.lake)


class ByHand(Lake):
    def setUp(self):
        super().setUp()
        self.simulate(4_000, "--bad-ratio", 0.05)
        self.catch_up(100)

    def test_ls_show_and_history(self):
        tables = {t["table"]: t for t in self.pactolus("tables", "ls")["tables"]}
        self.assertEqual(list(tables), ["silver", "quarantine", "ledger", "gold/alerts", "gold/category_conversion", "gold/funnel", "gold/product_interest",
                                        "gold/sessions", "gold/shop_activity"])
        self.assertEqual(tables["silver"]["rows"], self.table().to_pyarrow_table().num_rows)
        self.assertEqual(tables["silver"]["files"], len(self.table().file_uris()))
        self.assertEqual(tables["silver"]["most_files_in_a_partition"], max(self.partitions().values()))
        shown = self.pactolus("tables", "show", "silver")
        self.assertEqual(sum(p["files"] for p in shown["partitions"]), tables["silver"]["files"])
        self.assertIn("event_id", [f["name"] for f in shown["schema"]["fields"]])
        commits = self.pactolus("tables", "history", "product_interest", "--limit", 2)["commits"]
        self.assertEqual([c["version"] for c in commits], [tables["gold/product_interest"]["version"] - n for n in (0, 1)])
        text = self.good("tables", "show", "silver", "--lake", self.lake)
        self.assertRegex(text, r"price +decimal\(18,4\)")
        self.assertRegex(self.good("tables", "ls", "--lake", self.lake), r"silver +\d+")
        self.assertRegex(self.good("tables", "history", "silver", "--lake", self.lake), r"STREAMING UPDATE")
        self.assertIn("no such table", self.bad(2, "tables", "show", "bronze", "--lake", self.lake))

    def test_optimize_leaves_one_file_a_partition_and_every_row(self):
        before = {name: self.rows(name) for name in ("silver/events", "quarantine/events", "gold/product_interest", "ledger")}
        version = self.table().version()
        done = {t["table"]: t for t in self.pactolus("tables", "optimize")["tables"]}
        self.assertEqual(set(self.partitions().values()), {1})
        self.assertEqual(done["silver"]["rows"], len(before["silver/events"]))
        for name, rows in before.items():
            self.assertEqual(self.rows(name), rows, name)
        again = self.pactolus("tables", "optimize", "silver")["tables"][0]
        self.assertEqual((again["merges"], again["given_up"]), (0, 0))
        self.good("verify", "--lake", self.lake)
        # Nobody sees other rows in it: readers of changes have nothing to do, and the version before can still be read.
        log = sorted((self.lake / "silver/events/_delta_log").glob("*.json"))[-1].read_text()
        self.assertNotIn('"dataChange":true', log)
        self.assertEqual(sorted(map(repr, DeltaTable(self.lake / "silver/events", version=version).to_pyarrow_table().to_pylist())),
                         before["silver/events"])
        # And the job goes on from it.
        self.simulate(500)
        self.assertEqual(self.catch_up(100)["silver"], 500)
        self.good("verify", "--lake", self.lake)

    def test_only_the_dates_that_are_named(self):
        files = len(self.table().file_uris())
        done = self.pactolus("tables", "optimize", "silver", "--to", "2001-01-01")["tables"][0]
        self.assertEqual(done["merges"], 0)
        self.assertEqual(len(self.table().file_uris()), files)
        self.assertIn("before it begins", self.bad(2, "tables", "optimize", "--from", "2025-02-02", "--to", "2025-02-01", "--lake", self.lake))

    def test_killed_while_optimizing(self):
        rows = self.rows()
        for point in ("merge.half_written", "compaction.merged", "optimize.before_link", "optimize.linked"):
            with self.subTest(point):
                killed = self.run_it("tables", "optimize", "silver", "--lake", self.lake, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.assertEqual(self.rows(), rows)
        self.good("tables", "optimize", "--lake", self.lake)
        self.assertEqual(self.rows(), rows)
        self.good("verify", "--lake", self.lake)

    def test_beside_a_running_writer(self):
        before = self.table().to_pyarrow_table().num_rows
        job = self.start("run", "--lake", self.lake, "--commit-interval", "20ms")
        self.wait_for("the job", lambda: job.poll() is None and f'"pid":{job.pid}' in (self.lake / "_pactolus/status.json").read_text())
        stream = self.start("simulate", "--profile", "classic", "--count", 3_000, "--rate", 2_000, "--to", f"lake:{self.lake}", "--json")
        merges = 0
        while stream.poll() is None:
            merges += sum(t["merges"] for t in self.pactolus("tables", "optimize")["tables"])
            self.pactolus("tables", "vacuum")
        self.assertGreater(merges, 0)
        job.send_signal(signal.SIGINT)
        self.assertIn(job.wait(60), (0, 130))
        self.catch_up(1_000)
        rows = self.table().to_pyarrow_table()["event_id"].to_pylist()
        self.assertEqual((len(rows), len(set(rows))), (before + 3_000, before + 3_000))
        self.good("verify", "--lake", self.lake)

    def test_vacuum_takes_nothing_that_a_reader_within_the_retention_needs(self):
        before = self.table().version()
        self.pactolus("tables", "optimize")
        files = self.parquet_files()
        stray = self.lake / "silver/events/event_date=2020-01-01/event_type=view/part-0000000001-1-lost.parquet"
        stray.parent.mkdir(parents=True)
        stray.write_bytes(b"of an attempt that never was")
        plan = {t["table"]: t for t in self.pactolus("tables", "vacuum", "--dry-run")["tables"]}
        self.assertEqual((plan["silver"]["removed"], plan["silver"]["waiting"] > 0), (0, True))
        self.pactolus("tables", "vacuum")
        self.assertEqual(self.parquet_files(), files | {stray})
        self.assertGreater(DeltaTable(self.lake / "silver/events", version=before).to_pyarrow_table().num_rows, 0)
        # A day later the stray one may go; what the table has named stays, however old the file is.
        old = time.time() - 25 * 3600
        for path in self.parquet_files():
            os.utime(path, (old, old))
        other = stray.with_name("part-0000000002-1-lost.parquet")
        other.write_bytes(b"of another")
        os.utime(other, (old, old))
        killed = self.run_it("tables", "vacuum", "silver", "--lake", self.lake, PACTOLUS_FAULT="vacuum.removed")
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        self.assertEqual(len(self.parquet_files() - files), 1)
        done = {t["table"]: t for t in self.pactolus("tables", "vacuum")["tables"]}
        self.assertEqual((done["silver"]["unreferenced"], done["silver"]["replaced"]), (1, 0))
        self.assertEqual(self.parquet_files(), files)
        self.good("verify", "--lake", self.lake)

    def test_vacuum_takes_replaced_files_when_their_time_is_over(self):
        rows, before = self.rows(), self.table().version()
        replaced = set(self.table().file_uris())
        self.pactolus("tables", "optimize", "silver")
        replaced -= set(self.table().file_uris())
        self.assertGreater(len(replaced), 20)
        # As if every other one had been replaced seven hours ago; six hours is the retention.
        commit = sorted((self.lake / "silver/events/_delta_log").glob("*.json"))
        aged = 0
        for path in commit:
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            for line in lines:
                if "remove" in line and (aged := aged + 1) % 2:
                    line["remove"]["deletionTimestamp"] -= 7 * 3600 * 1000
            path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        old = (len(replaced) + 1) // 2
        self.assertEqual(aged, len(replaced))
        done = {t["table"]: t for t in self.pactolus("tables", "vacuum", "silver")["tables"]}["silver"]
        self.assertEqual((done["replaced"], done["waiting"]), (old, len(replaced) - old))
        self.assertEqual(sum(os.path.exists(uri) for uri in replaced), len(replaced) - old)
        self.assertEqual(self.rows(), rows)
        self.good("verify", "--lake", self.lake)
        self.assertEqual(self.table().version() > before, True)
        # Who gives up time travel gets the rest now.
        done = {t["table"]: t for t in self.pactolus("tables", "vacuum", "silver", "--retain", "1ms")["tables"]}["silver"]
        self.assertEqual((done["replaced"], done["waiting"]), (len(replaced) - old, 0))
        self.assertFalse(any(map(os.path.exists, replaced)))
        self.assertEqual(self.rows(), rows)
        self.good("verify", "--lake", self.lake)


if __name__ == "__main__":
    main()
