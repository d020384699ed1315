"""`pactolus verify` on a good lake, and on copies of it that are damaged in one way each.

The lake is made once by the program itself: two runs, duplicates, late and broken records, windows closed. Each test
damages a copy and must see exactly the check fail that guards against this. Other readers agree with the ledger.

Run by ctest, or by hand: PACTOLUS_BIN=build/dev/pactolus build/oracle-venv/bin/python tests/verify/test_verify.py
"""

import collections
import glob
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import deltalake
import duckdb
import duckdb_extension_delta
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import finish, main, run_it, scratch_folder, start  # noqa: E402

CHECKS = ["files", "delta_log", "offsets", "ledger", "event_ids", "partitions", "gold", "alerts", "duplicates"]
SILVER, QUARANTINE, LEDGER, GOLD = "silver/events", "quarantine/events", "ledger", "gold/product_interest"
TABLES = [SILVER, QUARANTINE, GOLD]

root = None  # folder of this run
good = None  # the lake that nobody damages
last = None  # its last batch, an empty one


def pactolus(*words):
    return run_it(*words, folder=root)


def must(*words):
    done = pactolus(*words)
    if done.returncode:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def shoppers(lake, seed):
    must("simulate", "--profile", "shop", "--count", 3000, "--rate", 25, "--fast", "--seed", seed, "--dup-ratio", 0.03,
         "--late-ratio", 0.02, "--bad-ratio", 0.02, "--to", f"lake:{lake}")


def setUpModule():
    global root, good, last
    root = scratch_folder("verify")
    good = os.path.join(root, "good")
    shoppers(good, 1)
    must("--lake", good, "run", "--until-caught-up", "--batch-records", 900)
    shoppers(good, 2)
    last = json.loads(must("--lake", good, "run", "--until-caught-up", "--batch-records", 900, "--close-windows"))["batch"]


def tearDownModule():
    shutil.rmtree(root, ignore_errors=True)


class Damaged(unittest.TestCase):
    """A copy of the good lake, and the tools to damage it."""

    folded = False  # keep what the program has folded; otherwise accounts are in Silver's log alone, to be edited there

    def setUp(self):
        self.lake = tempfile.mkdtemp(prefix="copy-", dir=root)
        shutil.copytree(good, self.lake, dirs_exist_ok=True)
        self.addCleanup(shutil.rmtree, self.lake, ignore_errors=True)
        if not self.folded:
            for path in self.commit_files(LEDGER)[1:] + glob.glob(os.path.join(self.lake, LEDGER, "*.parquet")):
                os.remove(path)

    def verify(self, *flags):
        done = pactolus("--lake", self.lake, "verify", "--json", *flags)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        report = json.loads(done.stdout)
        report["code"] = done.returncode
        report["by_name"] = {c["name"]: c for c in report["checks"]}
        return report

    def passes(self, *flags):
        report = self.verify(*flags)
        self.assertEqual((report["code"], report["verdict"]), (0, "ok"), report)
        return report

    def fails(self, name, words, *flags, skipped=(), also=()):
        """This check fails and says how, `also` others with it; those that are left (but for those that it hides) are fine."""
        report = self.verify(*flags)
        outcomes = {c["name"]: c["outcome"] for c in report["checks"]}
        self.assertEqual({n for n, o in outcomes.items() if o == "failed"}, {name, *also}, report["checks"])
        expected = set(skipped) | ({"duplicates"} if "--no-bronze" in flags else set())
        self.assertEqual({n for n, o in outcomes.items() if o == "skipped"}, expected, report["checks"])
        check = report["by_name"][name]
        self.assertIn(words, " / ".join(check["rows"]))
        self.assertLessEqual(len(check["rows"]), 5)
        self.assertGreaterEqual(check["wrong"], len(check["rows"]))
        self.assertEqual((report["code"], report["verdict"]), (1, "failed"))
        return check

    # Commits

    def commit_files(self, table):
        return sorted(glob.glob(os.path.join(self.lake, table, "_delta_log", "*.json")))

    def edit_commits(self, table, change):
        """`change` is given each action and edits it; a false answer drops it."""
        for path in self.commit_files(table):
            with open(path, encoding="utf-8") as file:
                actions = [json.loads(line) for line in file if line.strip()]
            kept = [a for a in actions if change(a) is not False]
            with open(path, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(a, separators=(",", ":")) + "\n" for a in kept)

    def edit_account(self, batch, change):
        def action(a):
            account = a.get("commitInfo", {}).get("pactolus", {})
            if account.get("kind") == "batch" and account["batch"] == batch:
                change(account)
        self.edit_commits(SILVER, action)

    def accounts(self):
        out = []
        for path in self.commit_files(SILVER):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    account = json.loads(line).get("commitInfo", {}).get("pactolus", {})
                    if account.get("kind") == "batch":
                        out.append(account)
        return out

    # Data files

    def data_files(self, table, pattern=""):
        files = [f for f in glob.glob(os.path.join(self.lake, table, "**", "*.parquet"), recursive=True)
                 if pattern in f and "_delta_log" not in f]
        return sorted(files, key=lambda f: (-pq.read_metadata(f).num_rows, f))

    def rewrite(self, table, path, change, tell_rows=True, compression="snappy"):
        """Other rows in a file; the log follows in size, and in its number of rows unless told otherwise."""
        rows = change(pq.ParquetFile(path).read())
        os.remove(path)
        pq.write_table(rows, path, compression=compression)
        relative = os.path.relpath(path, os.path.join(self.lake, table))

        def action(a):
            if a.get("add", {}).get("path") != relative:
                return
            a["add"]["size"] = os.path.getsize(path)
            stats = json.loads(a["add"]["stats"])
            if tell_rows:
                stats["numRecords"] = rows.num_rows
            a["add"]["stats"] = json.dumps({"numRecords": stats["numRecords"]})
        self.edit_commits(table, action)

    def set_value(self, rows, row, column, value):
        """`value` at one row, or what it makes of the old one."""
        values = rows.column(column).to_pylist() if not pa.types.is_timestamp(rows.schema.field(column).type) else \
            rows.column(column).cast(pa.int64()).to_pylist()
        values[row] = value(values[row]) if callable(value) else value
        kind = rows.schema.field(column).type
        made = pa.array(values, pa.int64()).cast(kind) if pa.types.is_timestamp(kind) else pa.array(values, kind)
        return rows.set_column(rows.schema.get_field_index(column), rows.schema.field(column), made)


class GoodLake(Damaged):
    folded = True

    def test_all_checks_pass_with_figures(self):
        report = self.passes()
        self.assertEqual([c["name"] for c in report["checks"]], CHECKS)
        self.assertEqual({c["outcome"] for c in report["checks"]}, {"ok"})
        ledger, sources = report["by_name"]["ledger"]["figures"], [s for a in self.accounts() for s in a["sources"]]
        self.assertEqual(ledger["consumed"], 6000)
        self.assertEqual(ledger["consumed"], ledger["silver"] + ledger["duplicates"] + ledger["quarantined"])
        self.assertEqual(ledger["silver"], sum(s["silver"] for s in sources))
        self.assertGreater(ledger["quarantined"], 50)
        self.assertGreater(report["by_name"]["duplicates"]["figures"]["duplicates"], 100)
        self.assertGreater(report["by_name"]["gold"]["figures"]["windows"], 10)
        self.assertGreater(sum(s.get("late", {}).get("product_interest", 0) for s in sources), 0, "no late row to judge")

    def test_the_text_has_a_line_a_check_and_a_verdict(self):
        lines = must("--lake", good, "verify").splitlines()
        self.assertEqual([line.split()[:2] for line in lines[:-1]], [["ok", name] for name in CHECKS])
        self.assertIn(f"3 partitions, {last} batches, 6,000 offsets, no gap", lines[2])
        self.assertRegex(lines[-1], rf"^verified, 9 checks ok; batch {last}, \d+\.\d s$")

    def test_without_bronze_one_check_is_skipped_and_says_so(self):
        lines = must("--lake", good, "verify", "--no-bronze").splitlines()
        self.assertEqual(lines[-2].split(), ["skip", "duplicates", "(--no-bronze)"])
        self.assertIn("1 skipped", lines[-1])

    def test_junit_names_the_checks(self):
        must("--lake", good, "verify", "--junit", os.path.join(root, "good.xml"))
        suite = xml.etree.ElementTree.parse(os.path.join(root, "good.xml")).getroot().find("testsuite")
        self.assertEqual([case.get("name") for case in suite], CHECKS)
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("9", "0"))

    def test_verifying_changes_nothing(self):
        def listing():
            return {os.path.join(f, n): os.path.getsize(os.path.join(f, n)) for f, _, names in os.walk(self.lake) for n in names}
        before = listing()
        self.passes()
        self.assertEqual(listing(), before)

    def test_orphans_are_a_figure(self):
        shutil.copy(self.data_files(SILVER)[0], os.path.join(self.lake, SILVER, "part-orphan.parquet"))
        self.assertEqual(self.passes()["by_name"]["files"]["figures"]["orphans"], 1)

    def test_a_lake_whose_bronze_is_gone_passes_and_says_so(self):
        shutil.rmtree(os.path.join(self.lake, "bronze"))
        report = self.passes()
        self.assertEqual(report["by_name"]["duplicates"]["outcome"], "skipped")
        self.assertIn("the log does not have", report["by_name"]["duplicates"]["summary"])

    def test_what_a_kill_left_unfinished_is_judged_as_far_as_it_came(self):
        os.remove(self.commit_files(GOLD)[-1])
        os.remove(self.commit_files(QUARANTINE)[-1])
        report = self.passes()
        self.assertLess(report["gold_batch"], report["batch"])
        self.assertIn(f"of {last})", report["by_name"]["gold"]["summary"])

    def test_a_running_lake_can_be_verified(self):
        job = start("--lake", self.lake, "run", "--commit-interval", "50ms", folder=root)
        try:
            for seed in range(3, 7):
                shoppers(self.lake, seed)
                self.passes()
        finally:
            job.terminate()
            finish(job)
        self.assertGreater(self.passes()["by_name"]["ledger"]["figures"]["consumed"], 6000)


class NothingToCheck(unittest.TestCase):
    def test_no_lake(self):
        done = pactolus("--lake", os.path.join(root, "nowhere"), "verify")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing to check: there is no lake in", done.stdout)

    def test_a_lake_without_a_batch(self):
        lake = os.path.join(root, "fresh")
        must("--lake", lake, "run", "--until-caught-up")
        done = pactolus("--lake", lake, "verify", "--json", "--junit", os.path.join(root, "fresh.xml"))
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertEqual(report["verdict"], "nothing_to_check")
        self.assertIn("no committed batch", report["reason"])
        suite = xml.etree.ElementTree.parse(os.path.join(root, "fresh.xml")).getroot().find("testsuite")
        self.assertEqual(suite.get("failures"), "1")

    def test_a_lake_of_a_later_release_is_an_error(self):
        lake = os.path.join(root, "later")
        os.makedirs(os.path.join(lake, "_pactolus"))
        with open(os.path.join(lake, "_pactolus", "format.json"), "w", encoding="utf-8") as file:
            file.write('{"format":99}\n')
        self.assertEqual(pactolus("--lake", lake, "verify").returncode, 3)


class Files(Damaged):
    def test_a_missing_data_file(self):
        os.remove(self.data_files(SILVER)[0])
        self.fails("files", "is missing", skipped=("offsets", "ledger", "event_ids", "partitions", "gold", "duplicates"))

    def test_a_missing_gold_file_leaves_the_others_judged(self):
        os.remove(self.data_files(GOLD)[0])
        self.fails("files", "is missing", skipped=("gold", "alerts"))

    def test_a_file_that_has_grown(self):
        with open(self.data_files(QUARANTINE)[0], "r+b") as file:
            content = file.read()
            file.seek(0)
            file.write(content[:-8] + b"\0" + content[-8:])  # the footer's length no longer fits
        self.fails("files", "quarantine/", skipped=("ledger", "duplicates"))

    def test_rows_that_cannot_be_read_are_a_failure_with_a_report(self):
        path = self.data_files(SILVER)[0]
        self.rewrite(SILVER, path, lambda rows: rows, compression="none")  # as a writer without checksums does it
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 40)  # in the first column's values; headers and footer are whole
        report = self.verify()
        failed = {c["name"]: " / ".join(c["rows"]) for c in report["checks"] if c["outcome"] == "failed"}
        self.assertIn("event_ids", failed)
        self.assertIn(".parquet", failed["event_ids"])
        self.assertEqual(report["verdict"], "failed")

    def test_one_bit_in_a_column_that_no_other_check_reads(self):
        path = self.data_files(SILVER)[0]
        group = pq.read_metadata(path).row_group(0)
        chunk = next(c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "processing_timestamp")
        with open(path, "r+b") as file:
            file.seek(chunk.data_page_offset + chunk.total_compressed_size - 1)
            byte = file.read(1)[0]
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 1]))
        self.fails("files", "CRC", skipped=("offsets", "ledger", "event_ids", "partitions", "gold", "duplicates"))

    def test_a_size_that_the_log_has_otherwise(self):
        def action(a):
            if "add" in a and "event_type=search" in a["add"]["path"]:
                a["add"]["size"] += 1
        self.edit_commits(SILVER, action)
        self.fails("files", "bytes, the log says")

    def test_a_row_count_that_the_log_has_otherwise(self):
        def action(a):
            if "add" in a:
                a["add"]["stats"] = a["add"]["stats"].replace('"numRecords":', '"numRecords":1')
        self.edit_commits(QUARANTINE, action)
        self.fails("files", "rows, the log says")


class DeltaLog(Damaged):
    def test_a_commit_of_silver_that_is_gone(self):
        os.remove(self.commit_files(SILVER)[4])
        self.fails("delta_log", "no commits between versions 3 and 5",
                   skipped=("offsets", "ledger", "event_ids", "partitions", "gold", "alerts", "duplicates"))

    def test_a_commit_of_gold_that_is_gone(self):
        os.remove(self.commit_files(GOLD)[1])
        self.fails("delta_log", "gold/product_interest: no commits between versions 0 and 2", skipped=("gold", "alerts"))

    def test_quarantine_and_gold_ahead_of_silver(self):
        # The last commit of Silver, of an empty batch, is taken away.
        os.remove(self.commit_files(SILVER)[-1])
        self.assertIn("ahead of silver", " ".join(self.verify()["by_name"]["delta_log"]["rows"]))

    def test_a_commit_that_is_no_json(self):
        with open(self.commit_files(QUARANTINE)[1], "a", encoding="utf-8") as file:
            file.write("{broken\n")
        self.fails("delta_log", "quarantine", skipped=("ledger", "duplicates"))


class Offsets(Damaged):
    def test_a_range_that_begins_too_early(self):
        def change(account):
            account["sources"][1]["start"] -= 1
            account["sources"][1]["skipped"] = {"control": 1}  # so that the sums close
        self.edit_account(2, change)
        self.fails("offsets", "takes offsets again", "--no-bronze")  # the log knows of no such offset either

    def test_a_range_that_begins_too_late(self):
        def change(account):
            source = account["sources"][0]
            source["start"] += 1
            source["skipped"] = {"control": -1}
        self.edit_account(2, change)
        report = self.verify("--no-bronze")
        self.assertEqual(report["by_name"]["offsets"]["outcome"], "failed")
        self.assertIn("leaves out offsets", report["by_name"]["offsets"]["rows"][0])

    def test_lost_offsets_that_nobody_has_accepted(self):
        self.edit_account(2, lambda account: account["sources"][0].update(skipped={"lost": 2, "control": -2}))
        self.fails("offsets", "2 offsets are skipped as lost, 0 were accepted", "--no-bronze")

    def test_an_accepted_loss_that_no_batch_knows_of(self):
        loss = {"kind": "deleted", "topic": "clicks", "topic_id": "x", "partition": 0, "start": 5, "end": 9, "reason": "r"}
        self.edit_account(2, lambda account: account.update(accepted_losses=[loss]))
        check = self.fails("offsets", "0 offsets are skipped as lost, 4 were accepted")
        self.assertIn('4 offsets of clicks/0, 5 to 8: no longer in the log: "r"', check["notes"][0])

    def test_a_position_that_the_ledger_has_not(self):
        def action(a):
            if a.get("txn", {}).get("appId", "").endswith("/1"):
                a["txn"]["version"] += 1
        self.edit_commits(SILVER, action)
        self.fails("offsets", "txn says")

    def test_a_batch_that_has_no_account(self):
        self.edit_account(last, lambda account: account.update(kind="another"))
        self.assertIn(f"the last account is of batch {last - 1}", " ".join(self.verify()["by_name"]["offsets"]["rows"]))

    def test_a_batch_time_that_falls(self):
        self.edit_account(last, lambda account: account.update(batch_time=account["batch_time"] - 10**9))
        self.fails("offsets", "its batch time is before")

    def test_a_watermark_that_does_not_join(self):
        self.edit_account(last, lambda account: account.update(watermark_before=account["watermark_before"] - 1))
        self.fails("offsets", "its watermark begins elsewhere")


class Ledger(Damaged):
    def test_a_sum_that_does_not_close(self):
        self.edit_account(3, lambda account: account["sources"][0].update(consumed=account["sources"][0]["consumed"] + 1))
        self.fails("ledger", "batch 3")

    def test_a_row_less_in_silver(self):
        self.rewrite(SILVER, self.data_files(SILVER, "page_view")[0], lambda rows: rows.slice(1))
        self.fails("ledger", "silver has", "--no-bronze", also=["gold"])
        # With Bronze the record turns up there too.
        self.assertEqual([c["name"] for c in self.verify()["checks"] if c["outcome"] == "failed"], ["ledger", "gold", "duplicates"])

    def test_a_row_less_in_quarantine(self):
        self.rewrite(QUARANTINE, self.data_files(QUARANTINE)[0], lambda rows: rows.slice(1))
        self.assertEqual(self.verify("--no-bronze")["by_name"]["ledger"]["outcome"], "failed")

    def test_another_reason_in_quarantine(self):
        self.rewrite(QUARANTINE, self.data_files(QUARANTINE)[0],
                     lambda rows: self.set_value(rows, 0, "reason", lambda old: "too_deep" if old != "too_deep" else "too_large"))
        self.fails("ledger", "quarantine has")


class EventIds(Damaged):
    def page_views(self):
        return self.data_files(SILVER, "page_view")[0]

    def test_a_row_that_is_there_twice(self):
        # In place of another row of the same batch and partition, so that the counts stay.
        def change(rows):
            partition = rows.column("partition").to_pylist()
            first = 0
            second = next(i for i in range(1, rows.num_rows) if partition[i] == partition[first])
            order = [first if i == second else i for i in range(rows.num_rows)]
            return rows.take(order)
        self.rewrite(SILVER, self.page_views(), change)
        self.fails("event_ids", "once more in batch", "--no-bronze", also=["gold"])

    def test_an_id_that_two_rows_have(self):
        def change(rows):
            ids = rows.column("event_id").to_pylist()
            return self.set_value(rows, 1, "event_id", ids[0])
        self.rewrite(SILVER, self.page_views(), change)
        self.assertIn("event_ids", [c["name"] for c in self.verify("--no-bronze")["checks"] if c["outcome"] == "failed"])

    def test_an_id_reused_beyond_the_horizon_is_reported_only(self):
        # One row of a pair is moved two days back, with all that belongs to its date.
        ids = {}

        def take(rows):
            ids["one"] = rows.column("event_id").to_pylist()[0]
            ids["batch"] = rows.column("batch_id").to_pylist()[0]
            return rows
        files = self.data_files(SILVER, "page_view")
        first = min(files, key=lambda f: pq.read_table(f, columns=["batch_id"]).column(0)[0].as_py())
        last = max(files, key=lambda f: pq.read_table(f, columns=["batch_id"]).column(0)[0].as_py())
        self.rewrite(SILVER, first, take)
        self.rewrite(SILVER, first, lambda rows: self.set_value(rows, 0, "event_timestamp", lambda old: old - 2 * 86_400_000_000))
        self.rewrite(SILVER, last, lambda rows: self.set_value(rows, 0, "event_id", ids["one"]))
        report = self.verify("--no-bronze")
        self.assertEqual(report["by_name"]["event_ids"]["outcome"], "ok")
        self.assertEqual(report["by_name"]["event_ids"]["figures"]["reused_ids"], 1)


class Partitions(Damaged):
    def test_a_time_on_another_day(self):
        self.rewrite(SILVER, self.data_files(SILVER, "search")[0],
                     lambda rows: self.set_value(rows, 0, "event_timestamp", lambda old: old + 86_400_000_000))
        self.fails("partitions", "has event_date", also=["gold"])

    def test_a_wrong_hour(self):
        self.rewrite(SILVER, self.data_files(SILVER, "search")[0], lambda rows: self.set_value(rows, 0, "event_hour", lambda old: (old + 1) % 24))
        self.fails("partitions", "has event_date")

    def test_partition_values_that_are_not_the_folders(self):
        def action(a):
            if "add" in a and a["add"]["partitionValues"]["event_type"] == "search":
                a["add"]["partitionValues"]["event_type"] = "page_view"
        self.edit_commits(SILVER, action)
        self.fails("partitions", "has the partition values of")


class Gold(Damaged):
    def setUp(self):
        super().setUp()
        self.file = self.data_files(GOLD)[0]

    def test_a_number_that_silver_does_not_give(self):
        for column in ("views", "carts", "purchases", "viewers"):
            with self.subTest(column):
                self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, column, lambda old: old + 1))
                self.fails("gold", column + " ")
                self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, column, lambda old: old - 1))
        self.passes()

    def test_revenue_that_silver_does_not_give(self):
        for column in ("revenue", "refunds"):
            with self.subTest(column):
                self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, column, lambda old: old + 1))
                self.fails("gold", column + " ")
                self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, column, lambda old: old - 1))

    def test_revenue_in_a_currency_that_was_never_paid_in(self):
        self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, "revenue_other", [("XTS", 1)]))
        self.fails("gold", "revenue_other in XTS")

    def test_a_conversion_that_is_not_the_quotient(self):
        for column in ("conversion_rate", "conversion_low", "conversion_high"):
            with self.subTest(column):
                lake = self.lake
                self.setUp()
                row = next(i for i, v in enumerate(pq.ParquetFile(self.file).read().column("views").to_pylist()) if v > 0)
                self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, row, column, lambda old: old + 0.01))
                self.fails("gold", "conversion ")
                self.lake = lake

    def test_an_estimate_that_is_none(self):
        self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, "viewers_approx", True))
        self.fails("gold", "viewers_approx true for ")

    def test_a_basis_that_is_none(self):
        self.rewrite(GOLD, self.file, lambda rows: self.set_value(rows, 0, "basis", "streamx"))
        self.fails("gold", "have the basis streamx")

    def test_a_window_that_is_missing(self):
        self.rewrite(GOLD, self.file, lambda rows: rows.slice(1))
        self.fails("gold", "the window is missing")

    def test_a_window_that_is_there_twice(self):
        self.rewrite(GOLD, self.file, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
        self.fails("gold", "the window is there 2 times")

    def test_a_window_too_many(self):
        self.rewrite(GOLD, self.file, lambda rows: pa.concat_tables([rows, self.set_value(rows.slice(0, 1), 0, "product_id", "prod_none")]))
        self.fails("gold", "should not be there")

    def test_a_silver_row_that_moves_to_another_product(self):
        self.rewrite(SILVER, self.data_files(SILVER, "event_type=view")[0], lambda rows: self.set_value(rows, 0, "product_id", "prod_other"))
        self.fails("gold", "Silver has 1 of its events")


class OtherViews(Damaged):
    def test_a_number_that_silver_does_not_give(self):
        for view, column in (("category_conversion", "viewers"), ("shop_activity", "events"), ("shop_activity", "orders")):
            with self.subTest(view + column):
                table = f"gold/{view}"
                file = self.data_files(table)[0]
                self.rewrite(table, file, lambda rows: self.set_value(rows, 0, column, lambda old: old + 1))
                self.fails("gold", f"{column} ")
                self.rewrite(table, file, lambda rows: self.set_value(rows, 0, column, lambda old: old - 1))
        self.passes()

    def test_a_sketch_that_is_not_of_the_number_beside_it(self):
        table = "gold/shop_activity"
        file = self.data_files(table)[0]
        for wrong, words in ((b"", "is no sketch"), (b"\x00", "visitors_sketch is of 0")):
            self.rewrite(table, file, lambda rows: self.set_value(rows, 0, "visitors_sketch", wrong))
            self.fails("gold", words)


    def test_columns_that_another_writer_lays_out_otherwise(self):
        table = deltalake.DeltaTable(os.path.join(self.lake, "gold/shop_activity"))
        table.delete("device_type = 'mobile'")
        path = table.file_uris()[0]
        self.assertIn("binary_view", str(pq.read_schema(path).field("visitors_sketch").type), "it is what this test is about")
        self.fails("gold", "shop_activity")

    def test_a_view_that_is_made_no_longer(self):
        config = os.path.join(self.lake, "own.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write('[[gold.view]]\nname = "quarters"\nkeys = ["device_type"]\nsize = "15m"\nmeasures = ["count() as events"]\n')
        for seed, flags in ((7, ["--config", config]), (8, [])):
            shoppers(self.lake, seed)
            must("--lake", self.lake, *flags, "run", "--until-caught-up", "--close-windows")
        gold = self.passes("--config", config)["by_name"]["gold"]
        self.assertEqual(gold["notes"], [])
        self.assertLess(gold["figures"]["judged_to_batch"], last + 2)
        gold = self.passes()["by_name"]["gold"]
        self.assertEqual(gold["notes"], [f"quarters is no longer declared: judged as of batch {last + 1}"])
        self.assertEqual(gold["figures"]["judged_to_batch"], last + 2)


class Sessions(Damaged):
    TABLE = "gold/sessions"

    def setUp(self):
        super().setUp()
        self.file = self.data_files(self.TABLE)[0]

    def test_a_number_that_silver_does_not_give(self):
        for column, change in (("events", lambda old: old + 1), ("revenue", lambda old: old + 1), ("converted", lambda old: not old),
                               ("cart_value", lambda old: old + 1), ("abandoned_cart_value", lambda old: old + 1),
                               ("user_id", lambda old: old + "x"), ("device_type", lambda old: "toaster")):
            with self.subTest(column):
                old = []
                self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, column, lambda v: (old.append(v), change(v))[1]))
                self.fails("gold", f"{column} ")
                self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, column, old[0]))
        self.passes()

    def test_a_session_that_is_not_there(self):
        self.rewrite(self.TABLE, self.file, lambda rows: rows.slice(1))
        self.fails("gold", "the session is missing")

    def test_a_session_of_nobody(self):
        self.rewrite(self.TABLE, self.file, lambda rows: pa.concat_tables([rows, self.set_value(rows.slice(0, 1), 0, "session", "none")]))
        self.fails("gold", "no event of Silver is of this session")

    def test_a_session_that_is_there_twice(self):
        self.rewrite(self.TABLE, self.file, lambda rows: pa.concat_tables([rows, rows.slice(0, 1)]))
        self.fails("gold", "the window is there 2 times")

    def test_a_session_that_begins_or_ends_at_another_time(self):
        second = 1_000_000
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, "window_start", lambda old: old - second))
        self.fails("gold", "it begins 20")
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, "window_start", lambda old: old + second))
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, "window_end", lambda old: old + second))
        self.fails("gold", "it begins 20")

    def test_a_session_that_leaves_out_its_last_event(self):
        ends = pq.ParquetFile(self.file).read(columns=["events", "window_start", "window_end"]).to_pylist()
        row = next(i for i, r in enumerate(ends) if r["events"] > 3)
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, row, "window_end", lambda old: old - 1))
        self.fails("gold", "events near it are not in it")

    def test_a_session_of_another_batch(self):
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, "batch_id", 1))
        self.fails("gold", "did not make it final")


class Funnel(Damaged):
    TABLE = "gold/funnel"

    def setUp(self):
        super().setUp()
        self.file = self.data_files(self.TABLE)[0]
        rows = pq.ParquetFile(self.file).read().to_pylist()
        self.row = next(i for i, r in enumerate(rows) if r["purchases"] > 0)

    def test_a_number_that_silver_does_not_give(self):
        for column in ("views", "carts", "purchases", "carts_rate", "carts_seconds", "purchases_seconds", "conversion_low"):
            with self.subTest(column):
                old = []
                self.rewrite(self.TABLE, self.file,
                             lambda rows: self.set_value(rows, self.row, column, lambda v: (old.append(v), v + 1)[1]))
                self.fails("gold", f"{column} " if column != "conversion_low" else "conversion ")
                self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, self.row, column, old[0]))
        self.passes()

    def test_a_window_that_is_not_there(self):
        self.rewrite(self.TABLE, self.file, lambda rows: rows.slice(1))
        self.fails("gold", "the window is missing, Silver has ")

    def test_a_window_of_another_length(self):
        self.rewrite(self.TABLE, self.file, lambda rows: self.set_value(rows, 0, "window_end", lambda old: old + 60_000_000))
        self.fails("gold", "none of this view's, by its length")

    def test_a_window_too_many(self):
        self.rewrite(self.TABLE, self.file,
                     lambda rows: pa.concat_tables([rows, self.set_value(rows.slice(0, 1), 0, "product_category", "none")]))
        self.fails("gold", "should not be there")


class Duplicates(Damaged):
    def doubled_ids(self):
        """Ids that Bronze holds twice, read from its bytes."""
        counts = collections.Counter()
        for path in glob.glob(os.path.join(self.lake, "bronze", "*", "*", "*.log")):
            with open(path, "rb") as file:
                counts.update(re.findall(rb'"event_id":"(evt_\d+)"', file.read()))
        return {name.decode() for name, n in counts.items() if n > 1}

    def test_the_first_copy_of_a_dropped_one_is_not_in_silver(self):
        doubled = self.doubled_ids()
        for path in self.data_files(SILVER, "page_view"):
            ids = pq.ParquetFile(path).read(columns=["event_id"]).column(0).to_pylist()
            row = next((i for i, name in enumerate(ids) if name in doubled), None)
            if row is not None:
                break
        self.assertIsNotNone(row, "no duplicate of a page_view")
        self.rewrite(SILVER, path, lambda rows: self.set_value(rows, row, "event_id", "evt_never_sent"))
        check = self.fails("duplicates", f"dropped as a duplicate of {ids[row]}, which is not in silver")
        self.assertEqual(check["wrong"], 1)
        self.passes("--no-bronze")

    def test_a_good_record_that_was_dropped_for_nothing(self):
        # A row leaves Silver and the ledger calls it a duplicate: sums close, but its id is nowhere.
        path = self.data_files(SILVER, "page_view")[0]
        gone = pq.ParquetFile(path).read(columns=["batch_id", "partition"]).slice(0, 1).to_pylist()[0]
        self.rewrite(SILVER, path, lambda rows: rows.slice(1))

        def change(account):
            for source in account["sources"]:
                if source["partition"] == gone["partition"]:
                    source["silver"] -= 1
                    source["duplicates"] = source.get("duplicates", 0) + 1
        self.edit_account(gone["batch_id"], change)
        self.fails("duplicates", "which is not in silver", also=["gold"])

    def test_more_duplicates_than_bronze_has(self):
        def change(account):
            source = next(s for s in account["sources"] if s.get("duplicates") and s.get("quarantined"))
            reason = next(iter(source["quarantined"]))
            source["quarantined"][reason] -= 1
            source["duplicates"] += 1
        self.edit_account(2, change)
        report = self.verify()
        self.assertEqual(report["by_name"]["duplicates"]["outcome"], "failed")
        self.assertIn("the ledger says", report["by_name"]["duplicates"]["rows"][0])


class FoldedLedger(Damaged):
    """Accounts that have left Silver's log are read from the table `ledger`."""

    def fold(self, accounts, copies=1):
        columns = collections.defaultdict(list)
        for account in accounts * copies:
            for s in account["sources"]:
                values = dict(batch_id=account["batch"], epoch=account["epoch"], commit_uuid=account["commit_uuid"], batch_time=account["batch_time"],
                              topic=s["topic"], topic_id=s["topic_id"], partition=s["partition"], start_offset=s["start"], end_offset=s["end"],
                              consumed=s["consumed"], skipped=[], silver=s["silver"], duplicates=s.get("duplicates", 0),
                              conflicting_duplicates=s.get("conflicting", 0), erased=0, quarantined=list(s.get("quarantined", {}).items()),
                              late=list(s.get("late", {}).items()), max_event_time=s["max_event_time"],
                              watermark_before=account["watermark_before"], watermark_after=account["watermark_after"], idle=s.get("idle", False),
                              event=None, detail=None)
                for name, value in values.items():
                    columns[name].append(value)
        counts, time = pa.map_(pa.string(), pa.int64()), pa.timestamp("us", "UTC")
        kinds = dict(partition=pa.int32(), skipped=counts, quarantined=counts, late=counts, idle=pa.bool_(), batch_time=time, max_event_time=time,
                     watermark_before=time, watermark_after=time)
        texts = ("commit_uuid", "topic", "topic_id", "event", "detail")
        table = pa.table({n: pa.array(v, kinds.get(n, pa.string() if n in texts else pa.int64())) for n, v in columns.items()})
        path = os.path.join(self.lake, LEDGER, "part-folded.parquet")
        pq.write_table(table, path)
        version = len(self.commit_files(LEDGER))
        add = {"path": "part-folded.parquet", "partitionValues": {}, "size": os.path.getsize(path), "modificationTime": 1, "dataChange": True,
               "stats": json.dumps({"numRecords": table.num_rows})}
        with open(os.path.join(self.lake, LEDGER, "_delta_log", f"{version:020}.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps({"add": add}) + "\n")

    def clean_silver_log(self):
        deltalake.DeltaTable(os.path.join(self.lake, SILVER)).create_checkpoint()
        for path in self.commit_files(SILVER)[:-1]:
            os.remove(path)

    def test_what_the_program_folded_is_enough(self):
        shutil.copytree(os.path.join(good, LEDGER), os.path.join(self.lake, LEDGER), dirs_exist_ok=True)
        if len(self.commit_files(LEDGER)) == 1:
            self.skipTest("nothing was folded")
        self.clean_silver_log()
        self.assertEqual(self.passes()["by_name"]["offsets"]["figures"]["batches"], last)

    def test_batches_in_both_count_once(self):
        self.fold([a for a in self.accounts() if a["batch"] <= 4])
        self.assertEqual(self.passes()["by_name"]["offsets"]["figures"]["batches"], last)

    def test_what_has_left_the_log_is_known_from_the_table(self):
        self.fold(self.accounts())
        self.clean_silver_log()
        report = self.passes()
        self.assertEqual(report["by_name"]["offsets"]["figures"]["batches"], last)
        self.assertEqual(report["by_name"]["ledger"]["figures"]["consumed"], 6000)

    def test_a_batch_that_was_never_folded(self):
        self.fold([a for a in self.accounts() if a["batch"] != 3])
        self.clean_silver_log()
        self.assertIn("batches 3 to 3 are missing", " ".join(self.verify()["by_name"]["offsets"]["rows"]))

    def test_a_batch_that_was_folded_twice(self):
        self.fold([a for a in self.accounts() if a["batch"] == 1], copies=2)
        self.fails("ledger", "is in the ledger table 2 times")

    def test_an_account_that_was_folded_otherwise(self):
        accounts = [a for a in self.accounts() if a["batch"] == 2]
        accounts[0]["sources"][0]["consumed"] += 1
        self.fold(accounts)
        self.fails("ledger", "tell different accounts")


class OtherReaders(Damaged):
    """delta-rs and DuckDB's own Delta reader see what the ledger says."""

    folded = True

    def expected(self):
        accounts = list(self.accounts())
        sources = [s for a in accounts for s in a["sources"]]
        closings = sum(a.get("closes_windows", False) for a in accounts)
        return {SILVER: sum(s["silver"] for s in sources), QUARANTINE: sum(sum(s.get("quarantined", {}).values()) for s in sources),
                GOLD: self.rows_by_log(GOLD), LEDGER: len(sources) + closings if self.rows_by_log(LEDGER) else 0}

    def rows_by_log(self, table):
        return sum(json.loads(a["add"]["stats"])["numRecords"] for a in self.actions(table) if "add" in a)

    def actions(self, table):
        for path in self.commit_files(table):
            with open(path, encoding="utf-8") as file:
                yield from map(json.loads, file)

    def txns(self, table):
        return {a["txn"]["appId"]: a["txn"]["version"] for a in self.actions(table) if "txn" in a}

    def tables(self):
        return [t for t in TABLES + [LEDGER] if self.commit_files(t)]

    def test_delta_rs_agrees_on_rows_versions_and_txn(self):
        for table in self.tables():
            with self.subTest(table):
                seen = deltalake.DeltaTable(os.path.join(self.lake, table))
                self.assertEqual(seen.version(), len(self.commit_files(table)) - 1)
                files = [os.path.join(self.lake, table, f) for f in seen.get_add_actions().column("path").to_pylist()]
                self.assertEqual(sum(pq.read_metadata(f).num_rows for f in files), self.expected()[table])
                for app, version in self.txns(table).items():
                    self.assertEqual(seen.transaction_version(app), version)
        self.assertEqual(deltalake.DeltaTable(os.path.join(self.lake, GOLD)).transaction_version("main/batch"), last)

    def test_duckdb_agrees_on_rows_and_sums(self):
        con = duckdb.connect()
        con.execute(f"LOAD '{os.path.dirname(duckdb_extension_delta.__file__)}/extensions/v{duckdb.__version__}/delta.duckdb_extension'")
        for table in self.tables():
            with self.subTest(table):
                scan = f"delta_scan('{os.path.join(self.lake, table)}')"
                self.assertEqual(con.execute(f"SELECT count(*) FROM {scan}").fetchone()[0], self.expected()[table])
        per_batch = con.execute(f"SELECT batch_id, topic, \"partition\", count(*) FROM delta_scan('{os.path.join(self.lake, SILVER)}') GROUP BY ALL")
        told = {(a["batch"], s["topic"], s["partition"]): s["silver"] for a in self.accounts() for s in a["sources"] if s["silver"]}
        self.assertEqual({row[:3]: row[3] for row in per_batch.fetchall()}, told)


if __name__ == "__main__":
    main()
