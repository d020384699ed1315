"""A person is erased by the real program: from every table, topic and file, while the ledger still closes.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/tables/test_erase.py
"""

import json
import pathlib
import re
import shutil
import signal
import sys

import duckdb
import pyarrow.parquet as pq
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import TOPIC, InALake, main  # noqa: E402

WHO = "mallory.7"
# Where the program is killed. More often where several files are written one after the other.
POINTS = ("erase.noted", "erase.file_written:2", "erase.ids_saved", "silver.before_link:2", "silver.linked:2", "erase.silver_committed",
          "quarantine.before_link", "quarantine.linked", "erase.quarantine_committed", "erase.segment_closed",
          "erase.segment_written", "erase.segment_replaced", "erase.segment_replaced:2", "erase.bronze_done", "erase.recovered",
          "batch.silver_committed", "ledger.before_link", "snapshot.current", "vacuum.removed", "erase.vacuumed",
          "erase.vacuumed:2", "erase.log_cleaned", "erase.log_cleaned:2", "ledger.linked:2", "erase.forgotten")


def event(n, user, **fields):
    body = {"event_id": f"e{n}", "user_id": user, "event_type": "view", "product_id": f"p{n % 3}", "price": 2.5,
            "timestamp": f"2025-11-29T10:{n // 60 % 60:02}:{n % 60:02}Z"}
    body.update(fields)
    return json.dumps({k: v for k, v in body.items() if v is not None})


class Lake(InALake):
    def send(self, *lines):
        """As live traffic, in one go."""
        path = self.write("events.ndjson", "".join(line + "\n" for line in lines))
        self.good("simulate", "--replay", path, "--speed", "max", "--to", f"lake:{self.lake}")

    def run_job(self, *words, **how):
        return json.loads(self.good("run", "--until-caught-up", "--batch-records", 50, *words, "--lake", self.lake, **how))

    def erase(self, *words, user=WHO):
        return self.pactolus("tables", "erase", "--user", user, *words)

    def verify(self):
        return {c["name"]: c for c in self.pactolus("verify")["checks"]}

    def rows(self, table="silver/events", but_of=None):
        rows = DeltaTable(self.lake / table).to_pyarrow_table().to_pylist()
        return sorted(repr(r) for r in rows if but_of is None or (r.get("user_id") != but_of and r.get("kafka_key") != but_of))

    def where_they_stand(self, who=WHO, but_not="mallory.70"):
        """Files of the lake that hold the name, as bytes, in a footer or as a value of a Parquet column. Another name that
        begins so does not count, nor what Ann has searched for: that is hers."""
        def is_in(path):
            texts = [path.read_bytes().decode("latin-1")]
            if path.suffix == ".parquet":
                texts += [repr(pq.read_table(path).to_pydict()), repr(pq.read_metadata(path).to_dict())]
            return any(who in re.sub(rf'"search": ?"{WHO}"', "", text).replace(but_not, "") for text in texts)
        return sorted(str(p.relative_to(self.lake)) for p in self.lake.rglob("*") if p.is_file() and is_in(p))

    def fill(self):
        """Views and purchases of seven persons, copies, rejects of every kind, and a history with the same persons."""
        users = ["ann", "bob", "cleo", "dan", "eve", "mallory.70", WHO]
        of = lambda n: users[n * n % 7 if n % 11 else 6]
        lines = [event(n, of(n), event_type="purchase" if n % 5 == 0 else "view") for n in range(400)]
        lines += [event(n, of(n)) for n in range(0, 400, 9)]  # copies, some with other content
        lines += [event(700 + n, WHO, **bad) for n, bad in enumerate(
            ({"price": -1}, {"event_type": "wishlist"}, {"product_id": None}, {"user_id": [WHO]}, {"timestamp": "no time"}))]
        lines += ['{"event_id":"torn","user_id":"mallory.7","pro', '{"event_id":"torn","user_id":"mallory.70","pro',
                  event(800, "ann", search=WHO), event(801, WHO).replace(WHO, "mallory\\u002e7")]
        self.send(*lines)
        self.run_job()
        path = self.write("history.ndjson", "".join(event(n, of(n), timestamp="2024-02-03T04:05:06Z") + "\n" for n in range(2000, 2200)))
        self.pactolus("ingest", path)
        return path


class Erased(Lake):
    def test_everywhere_and_nobody_else(self):
        history = self.fill()
        before, quarantined = self.rows(but_of=WHO), self.rows("quarantine/events")
        all_rows, gold = self.rows(), self.rows("gold/product_interest")
        theirs = len(all_rows) - len(before)
        their_rejects = [r for r in quarantined if repr(WHO) in r or f'"{WHO}"' in r]
        self.assertGreater(theirs, 50)
        self.assertGreaterEqual(len(their_rejects), 6)
        self.assertGreater(len(self.where_they_stand()), 20)
        told = self.erase("--dry-run")
        self.assertEqual((told["silver_rows"], told["quarantine_rows"]), (theirs, len(their_rejects)))
        self.assertEqual(self.rows(), all_rows)

        receipt = self.erase()
        self.assertEqual((receipt["users"], receipt["silver_rows"], receipt["quarantine_rows"]), ([WHO], theirs, len(their_rejects)))
        self.assertEqual(receipt["bronze_records"], told["bronze_records"])
        self.assertGreater(receipt["bronze_records"], theirs + len(their_rejects))  # copies too
        self.assertEqual(receipt["bronze_topics"], 2)
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.rows("quarantine/events"), [r for r in quarantined if r not in their_rejects])
        self.assertEqual(self.rows("gold/product_interest"), gold)  # sums stay
        self.assertEqual(self.where_they_stand(), [])
        self.assertGreater(len(self.where_they_stand("ann", "nobody")), 10)
        checks = self.verify()
        figures = checks["ledger"]["figures"]
        self.assertEqual((figures["erased"], figures["erased_rejects"]), (theirs, len(their_rejects)))
        self.assertIn("erased since", checks["ledger"]["summary"])

        # The account, as everybody can read it.
        ledger = DeltaTable(self.lake / "ledger").to_pyarrow_table()
        con = duckdb.connect()
        con.register("ledger", ledger)
        self.assertEqual(con.sql("SELECT sum(silver) - (SELECT sum(erased) FROM ledger WHERE event = 'erase') FROM ledger WHERE event IS NULL")
                         .fetchone()[0], len(before))
        self.assertEqual(con.sql("SELECT DISTINCT detail FROM ledger WHERE event = 'erase'").fetchall(), [(receipt["receipt"],)])
        # Nothing of before can be read.
        for table in ("silver/events", "quarantine/events"):
            with self.assertRaises(Exception):
                DeltaTable(self.lake / table, version=1).to_pyarrow_table()

        # Once more finds nothing; the history is known still; the job goes on.
        versions = lambda: [DeltaTable(self.lake / t).history() for t in ("silver/events", "quarantine/events")]
        known = versions()
        again = self.erase()
        self.assertEqual((again["receipt"], versions()[1]), (None, known[1]))
        self.assertIn("nothing was taken out", self.good("tables", "erase", "--user", "nobody", "--lake", self.lake))
        self.assertEqual([again[k] for k in ("silver_rows", "quarantine_rows", "bronze_records")], [0, 0, 0])
        self.assertEqual(self.pactolus("ingest", history)["files"][0]["appended"], 0)
        self.send(*(event(n, "ann") for n in range(5000, 5050)))
        self.assertEqual(self.run_job("--close-windows")["silver"], 50)
        self.assertEqual(self.verify()["gold"]["outcome"], "ok")

    def test_the_log_can_be_read_again(self):
        self.fill()
        erased = self.erase()["bronze_records"]
        ids = lambda: sorted(DeltaTable(self.lake / "silver/events").to_pyarrow_table()["event_id"].to_pylist())
        before = ids()
        again = self.folder / "again"
        again.mkdir()
        (again / "bronze").symlink_to(self.lake / "bronze")
        self.lake = again
        self.run_job()
        self.assertEqual(ids(), before)
        skipped = sum(dict(row["skipped"] or []).get("erased", 0) for row in DeltaTable(again / "ledger").to_pyarrow_table().to_pylist())
        self.assertEqual(skipped, erased)
        self.verify()

    def test_copies_of_erased_events_do_not_come_in_again(self):
        lines = [event(n, WHO if n % 3 == 0 else "ann") for n in range(90)]
        self.send(*lines)
        self.run_job()
        self.assertEqual(self.erase()["ids_kept"], 30)
        for snapshots in (True, False):
            with self.subTest(snapshots=snapshots):
                if not snapshots:  # all that is known is in the lake itself
                    shutil.rmtree(self.lake / "_pactolus/snapshots")
                self.send(*lines)
                summary = self.run_job()
                self.assertEqual((summary["silver"], summary["duplicates"]), (0, 90))
        self.verify()
        # What the copies brought into Bronze is theirs again.
        self.assertEqual(self.erase()["bronze_records"], 60)
        self.assertEqual(self.where_they_stand(), [])
        self.verify()
        # Once the horizon has passed nobody needs to know them.
        self.write("pactolus.toml", '[time]\nmax_skew = "365d"\n')
        self.send(event(1000, "ann", timestamp="2025-12-05T00:00:00Z"))
        self.run_job("--close-windows")
        self.run_job()
        self.assertEqual(list((self.lake / "_pactolus/erased").iterdir()), [])

    def test_what_a_history_brought_is_known_before_there_is_a_stream(self):
        lines = [event(n, WHO if n % 3 == 0 else "ann") for n in range(90)]
        self.pactolus("ingest", self.write("history.ndjson", "".join(line + "\n" for line in lines)))
        self.assertEqual(self.erase()["ids_kept"], 30)
        self.send(*lines, event(500, "ann"))
        summary = self.run_job()
        self.assertEqual((summary["silver"], summary["duplicates"]), (1, 90))
        self.verify()

    def test_copies_that_come_as_history_do_not_come_in_again(self):
        lines = [event(n, WHO if n % 3 == 0 else "ann") for n in range(90)]
        text = "".join(line + "\n" for line in lines)
        self.pactolus("ingest", self.write("history.ndjson", text))
        self.assertEqual(self.erase()["ids_kept"], 30)
        for n in (500, 501):  # before the lake has a watermark, and after
            again = self.pactolus("ingest", self.write(f"more{n}.ndjson", text + event(n, "ann") + "\n"))["files"][0]
            self.assertEqual((again["silver"], again["duplicates"]), (1, 90))
            self.assertEqual(self.erase("--dry-run")["silver_rows"], 0)
            self.verify()
            self.send(event(600, "ann"))
            self.run_job("--close-windows")

    def test_an_unfinished_one_needs_no_name(self):
        self.send(*(event(n, WHO) for n in range(20)))
        self.run_job()
        self.run_it("tables", "erase", "--user", WHO, "--lake", self.lake, PACTOLUS_FAULT="erase.silver_committed")
        self.assertIn("pactolus tables erase goes on", self.good("verify", "--lake", self.lake))
        self.assertEqual(self.pactolus("tables", "erase")["users"], [WHO])
        self.assertEqual(self.where_they_stand(), [])

    def test_what_is_not_read_yet_and_what_was_left_half_done(self):
        self.send(*(event(n, WHO if n % 2 else "ann") for n in range(20)))
        path = self.write("history.ndjson", "".join(event(n, WHO) + "\n" for n in range(100, 140)))
        killed = self.run_it("ingest", path, "--lake", self.lake, PACTOLUS_FAULT="ingest.appended")
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        half = self.folder / "half"
        shutil.copytree(self.lake, half)
        receipt = self.erase()
        self.assertEqual((receipt["silver_rows"], receipt["unfinished_topics"]), (10, 1))
        self.assertEqual(self.where_they_stand(), [])
        self.verify()
        # Killed while that topic is taken away: what is left of it is no topic any more, and goes all the same.
        killed = self.run_it("tables", "erase", "--user", WHO, "--lake", half, PACTOLUS_FAULT="erase.topic_renamed")
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        self.assertEqual(len(list((half / "bronze").glob("*~"))), 1)
        whole, self.lake = self.lake, half
        self.erase(user="nobody")
        self.assertEqual(self.where_they_stand(), [])
        self.lake = whole
        self.assertEqual(self.pactolus("ingest", path)["files"][0]["silver"], 40)  # who still has the file brings them back

    def test_replayed_records_too(self):
        self.send(*(event(n, WHO if n % 2 else "ann", product_id=None) for n in range(6)), event(50, "ann"))
        self.run_job()
        self.pactolus("quarantine", "replay", "--all")
        receipt = self.erase()
        self.assertEqual((receipt["quarantine_rows"], receipt["bronze_records"]), (6, 6))  # first and second rejection
        self.assertEqual(self.where_they_stand(), [])
        self.verify()
        self.assertEqual([r["waiting"] for r in self.pactolus("quarantine", "ls")["reasons"]], [3])
        self.assertEqual(self.pactolus("quarantine", "replay", "--all")["records"], 3)
        self.verify()

    def test_a_rebuilt_day_is_without_them(self):
        self.send(*(event(n, WHO if n % 2 else "ann") for n in range(300)))
        self.run_job("--close-windows")
        views = lambda: sum(DeltaTable(self.lake / "gold/product_interest").to_pyarrow_table()["views"].to_pylist())
        before = views()
        self.erase()
        self.assertEqual(views(), before)
        self.assertGreater(self.verify()["gold"]["figures"]["windows_with_erased_events"], 5)
        self.pactolus("gold", "rebuild", "--from", "2025-11-29", "--to", "2025-11-29")
        self.assertEqual(views() * 2, before)
        self.verify()

    def test_of_days_that_were_rebuilt_before(self):
        self.fill()
        self.run_job("--close-windows")
        for day in ("2024-02-03", "2025-11-29"):
            self.pactolus("gold", "rebuild", "--from", day, "--to", day)
        rebuilt = self.verify()["gold"]["figures"]["rebuilt_rows"]
        self.assertGreater(rebuilt, 50)
        sessions = DeltaTable(self.lake / "gold/sessions").to_pyarrow_table(columns=["user_id"])["user_id"].to_pylist()
        rebuilt -= sessions.count(WHO)
        self.erase()
        gold = self.verify()["gold"]
        self.assertEqual(gold["figures"]["rebuilt_rows"], rebuilt)
        self.assertGreater(gold["figures"]["windows_with_erased_events"], 5)
        self.assertIn("held erased events", gold["summary"])
        # What is made anew after the erasure has to be exact again.
        for day in ("2024-02-03", "2025-11-29"):
            self.pactolus("gold", "rebuild", "--from", day, "--to", day)
        self.assertEqual(self.verify()["gold"]["figures"]["windows_with_erased_events"], 0)


    def test_rows_of_gold_that_are_about_a_user(self):
        self.write("pactolus.toml", '[[gold.view]]\nname = "of_users"\nkeys = ["user_id"]\nsize = "1m"\nmeasures = ["count() as events"]\n')
        self.fill()
        self.run_job("--close-windows")
        self.good("gold", "rebuild", "--view", "of_users", "--from", "2024-02-03", "--to", "2024-02-03", "--lake", self.lake)
        users = lambda: set(DeltaTable(self.lake / "gold/of_users").to_pyarrow_table()["user_id"].to_pylist())
        before, others = users(), self.rows("gold/of_users", but_of=WHO)
        self.assertIn(WHO, before)
        self.verify()
        plan = self.erase("--dry-run")
        killed = self.run_it("tables", "erase", "--user", WHO, "--lake", self.lake, PACTOLUS_FAULT="erase.gold_committed")
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        self.assertEqual(users(), before - {WHO})
        self.erase()
        self.assertEqual(users(), before - {WHO})
        self.assertEqual(self.rows("gold/of_users"), others)
        self.assertEqual([p for p in self.where_they_stand() if p.startswith("gold")], [])
        self.assertGreater(plan["gold_rows"], 5)
        self.verify()
        # The configuration that declares it no longer does: the table is still there, and so is another person.
        self.write("pactolus.toml", "")
        done = self.erase(user="ann")
        self.assertGreater(done["gold_rows"], 5)
        self.assertNotIn("ann", users())
        self.verify()

    def test_windows_between_the_erased_events_are_guarded_as_before(self):
        hours = [event(3000 + n, "ann", timestamp=f"2024-02-03T{n // 12:02}:{n % 12 * 5:02}:00Z") for n in range(288)]
        of_them = [event(4000 + n, WHO, timestamp=f"2024-02-03T{hour}:30:00Z") for n, hour in enumerate(("00", "23"))]
        self.pactolus("ingest", self.write("day.ndjson", "".join(line + "\n" for line in hours + of_them)))
        self.pactolus("gold", "rebuild", "--from", "2024-02-03", "--to", "2024-02-03")
        self.erase()
        # Twice 19 windows of ten minutes, and what lies around them in the same stretch, of product_interest; an hour each, twice.
        self.assertLess(self.verify()["gold"]["figures"]["windows_with_erased_events"], 100)
        gold = DeltaTable(self.lake / "gold/product_interest")
        gold.update(updates={"views": "views + 1"}, predicate="window_start = '2024-02-03T12:00:00Z' AND product_id = 'p0'")
        done = self.run_it("verify", "--json", "--lake", self.lake)
        rows = {c["name"]: c["rows"] for c in json.loads(done.stdout)["checks"]}
        self.assertEqual(done.returncode, 1, rows)
        self.assertIn("views ", rows["gold"][0])


class Refused(Lake):
    def test_without_a_user_or_a_lake(self):
        self.assertIn("who is to be erased", self.bad(2, "tables", "erase", "--lake", self.lake))
        self.assertIn("no lake", self.bad(3, "tables", "erase", "--user", "u", "--lake", self.lake))

    def test_beside_others(self):
        self.send(event(1, WHO))
        self.run_job()
        writer = self.start("simulate", "--rate", 5, "--to", f"lake:{self.lake}")
        self.wait_for("the writer", lambda: (self.lake / f"bronze/{TOPIC}/writer.lock").read_text() == str(writer.pid))
        self.assertIn("is being written by process", self.bad(3, "tables", "erase", "--user", WHO, "--lake", self.lake))
        writer.send_signal(signal.SIGINT)
        writer.communicate()
        runner = self.start("run", "--lake", self.lake)
        self.wait_for("the runner", lambda: str(runner.pid) in (self.lake / "_pactolus/lock").read_text())
        self.assertIn(f"pid {runner.pid}", self.bad(3, "tables", "erase", "--user", WHO, "--lock-wait", "0s", "--lake", self.lake))
        self.assertIn(WHO, repr(self.rows()))
        runner.send_signal(signal.SIGINT)
        runner.communicate()
        self.assertEqual(self.erase()["silver_rows"], 1)


class Proved(Lake):
    def test_verify_finds_what_the_account_does_not_say(self):
        self.fill()
        self.erase()
        self.verify()
        # A row of somebody else goes, as if it had been erased.
        DeltaTable(self.lake / "silver/events").delete("event_id = 'e13'")
        done = self.run_it("verify", "--json", "--lake", self.lake)
        self.assertEqual(done.returncode, 1)
        ledger = {c["name"]: c for c in json.loads(done.stdout)["checks"]}["ledger"]
        self.assertEqual(ledger["outcome"], "failed")

    def test_killed_at_every_point(self):
        self.fill()
        self.run_job("--close-windows")
        whole = self.folder / "whole"
        shutil.copytree(self.lake, whole)
        before, gold = self.rows(but_of=WHO), self.rows("gold/product_interest")
        for point in POINTS:
            with self.subTest(point):
                shutil.rmtree(self.lake)
                shutil.copytree(whole, self.lake)
                killed = self.run_it("tables", "erase", "--user", WHO, "--lake", self.lake, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, f"{point}: {killed.stderr}")
                unfinished = self.verify()["ledger"]["figures"]["unfinished_erasure"]  # as it lies there
                self.assertEqual(unfinished, point != "erase.forgotten")
                self.assertEqual(self.pactolus("status")["unfinished_erasure"], bool(unfinished))
                # Whoever asks for whatever erasure next: who was to be erased before goes too.
                users = self.erase(user="nobody")["users"]
                self.assertEqual(users, [WHO, "nobody"] if unfinished else ["nobody"])
                self.assertEqual(self.rows(), before)
                self.assertEqual(self.rows("gold/product_interest"), gold)
                self.assertEqual(self.erase("--dry-run"), {"dry_run": True, "users": [WHO], "silver_rows": 0, "quarantine_rows": 0, "gold_rows": 0,
                                                           "bronze_records": 0})
                self.assertEqual(self.where_they_stand(), [])
                self.verify()


if __name__ == "__main__":
    main()
