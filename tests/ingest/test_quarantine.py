"""The quarantine through the real program: listed, shown, and replayed exactly once after what was wrong is mended.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/ingest/test_quarantine.py
"""

import collections
import json
import pathlib
import signal
import sys

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InALake, main  # noqa: E402

POINTS = ("replay.topic_made", "replay.flushed", "replay.complete", "batch.files_written", "silver.before_link",
          "silver.linked:2", "batch.silver_committed", "batch.quarantine_committed")


def event(n, **fields):
    body = {"event_id": f"e{n}", "user_id": f"u{n % 7}", "event_type": "view", "product_id": f"p{n % 5}", "price": 2.5,
            "timestamp": f"2025-11-29T10:{n // 60 % 60:02}:{n % 60:02}Z"}
    body.update(fields)
    return json.dumps({k: v for k, v in body.items() if v is not None})


class Lake(InALake):
    def ingest(self, *lines):
        path = self.write("events.ndjson", "".join(line + "\n" for line in lines))
        return self.pactolus("ingest", path)

    def ingest_rows(self, *rows):
        header = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
        return self.pactolus("ingest", self.write("events.csv", "".join(row + "\n" for row in (header, *rows))), "--dialect", "rees46")

    def configure(self, text):
        (self.folder / "pactolus.toml").write_text(text)

    def waiting(self, *words):
        return {r["reason"]: r["waiting"] for r in self.pactolus("quarantine", "ls", *words)["reasons"]}

    def records(self, *words):
        return self.pactolus("quarantine", "show", "--limit", 1000, *words)["records"]

    def silver(self, *columns):
        return DeltaTable(self.lake / "silver/events").to_pyarrow_table(columns=list(columns or ["event_id"])).to_pylist()

    def verify(self):
        self.good("verify", "--lake", self.lake)


class Listed(Lake):
    def setUp(self):
        super().setUp()
        self.ingest(event(1), event(2, event_type="wishlist"), event(3, event_type="wishlist"), event(4, price=-1), "no json",
                    event(5, user_id=None))

    def test_by_reason_with_counts_times_and_samples(self):
        listed = self.pactolus("quarantine", "ls")["reasons"]
        self.assertEqual([(r["reason"], r["waiting"], r["in_flight"]) for r in listed],
                         [("unknown_event_type", 2, 0), ("malformed_json", 1, 0), ("missing_user_id", 1, 0),
                          ("non_positive_price", 1, 0)])
        self.assertIn("wishlist", listed[0]["sample"]["detail"])
        self.assertTrue(listed[0]["sample"]["position"].endswith("/0/2"), listed[0])
        self.assertLessEqual(listed[0]["first"], listed[0]["last"])
        self.assertEqual(self.waiting("--reason", "malformed_json"), {"malformed_json": 1})
        self.assertEqual(self.waiting("--since", "1h"), self.waiting())
        self.assertEqual(self.waiting("--since", "2999-01-01"), {})
        text = self.good("quarantine", "ls", "--lake", self.lake)
        self.assertRegex(text, r"unknown_event_type +2  20\d\d-")

    def test_the_records_themselves(self):
        shown = self.records("--reason", "unknown_event_type")
        self.assertEqual([json.loads(r["value"])["event_id"] for r in shown], ["e3", "e2"])  # the newest first
        self.assertEqual((shown[0]["key"], shown[0]["attempts"], shown[0]["field"]), ("u3", 1, "event_type"))
        (one,) = self.records(shown[1]["position"])
        self.assertEqual(one, shown[1])
        topic, rest = shown[1]["position"].split("@")
        (again,) = self.records(topic + rest[rest.index("/"):])  # without the topic's id
        self.assertEqual(again, one)
        raw = self.good("quarantine", "show", one["position"], "--raw", "--lake", self.lake)
        self.assertEqual(raw, event(2, event_type="wishlist"))
        self.assertIn("no json", self.good("quarantine", "show", "--reason", "malformed_json", "--lake", self.lake))

    def test_mistakes_are_told(self):
        lake = ("--lake", self.lake)
        self.assertIn("no such reason", self.bad(2, "quarantine", "ls", "--reason", "late", *lake))
        self.assertIn("no time", self.bad(2, "quarantine", "ls", "--since", "yesterday", *lake))
        self.assertIn("which records?", self.bad(2, "quarantine", "replay", *lake))
        self.assertIn("FIELD=text", self.bad(2, "quarantine", "replay", "--all", "--set-types", "price", *lake))
        self.assertIn("leave one out", self.bad(2, "quarantine", "replay", "--all", "--reason", "too_late", *lake))
        self.assertIn("topic/partition/offset", self.bad(2, "quarantine", "show", "clicks", *lake))
        self.assertIn("does not wait", self.bad(3, "quarantine", "show", "clicks/0/7", *lake))
        self.assertIn("no lake", self.bad(3, "quarantine", "ls", "--lake", "nowhere").lower())


class Replayed(Lake):
    def test_after_the_cause_is_mended_each_record_once(self):
        self.ingest(*(event(n, event_type="wishlist" if n % 3 == 0 else "view") for n in range(300)), "no json")
        self.assertEqual(self.waiting(), {"unknown_event_type": 100, "malformed_json": 1})
        # Not mended yet: all of them fail again, and are listed as often as before.
        again = self.pactolus("quarantine", "replay", "--reason", "unknown_event_type")
        self.assertEqual((again["records"], again["silver"], again["quarantined"]), (100, 0, {"unknown_event_type": 100}))
        self.assertEqual(self.waiting(), {"unknown_event_type": 100, "malformed_json": 1})
        (record,) = self.records("--reason", "unknown_event_type", "--limit", 1)
        self.assertEqual(record["attempts"], 2)
        self.assertTrue(record["position"].startswith("_ingest."))
        self.verify()

        self.configure('[events]\ntypes = ["wishlist"]\n')
        self.assertEqual(self.pactolus("quarantine", "replay", "--all", "--dry-run")["records"], 101)
        done = self.pactolus("quarantine", "replay", "--reason", "unknown_event_type")
        self.assertEqual((done["records"], done["silver"], done["duplicates"], done["quarantined"]), (100, 100, 0, {}))
        self.assertEqual(self.waiting(), {"malformed_json": 1})
        rows = self.silver("event_id", "origin", "event_type")
        self.assertEqual(len(rows), 300)
        self.assertEqual(len({r["event_id"] for r in rows}), 300)
        origins = [r["origin"] for r in rows if r["event_type"] == "wishlist"]
        self.assertEqual(len(set(origins)), 100)
        self.assertTrue(all(origin.startswith("_ingest.") for origin in origins))
        # Twice adds nothing.
        version = DeltaTable(self.lake / "silver/events").version()
        self.assertEqual(self.pactolus("quarantine", "replay", "--reason", "unknown_event_type")["records"], 0)
        self.assertEqual(DeltaTable(self.lake / "silver/events").version(), version)
        self.verify()

    def test_a_row_that_no_dialect_can_read_keeps_its_reason(self):
        self.ingest_rows(*(f"2019-10-01 00:00:0{n} UTC,{what},1,2,a.b,c,3.10,4,s{n}" for n, what in enumerate(("view", "swap"))),
                         "cut,short")
        self.ingest(event(1), "no json")
        before = {"unknown_event_type": 1, "malformed_row": 1, "malformed_json": 1}
        self.assertEqual(self.waiting(), before)
        # Two topics, judged as one replay.
        again = self.pactolus("quarantine", "replay", "--all")
        self.assertEqual((again["records"], len(again["topics"]), again["silver"], again["quarantined"]), (3, 2, 0, before))
        self.assertEqual(self.waiting(), before)
        (row,) = self.records("--reason", "malformed_row")
        self.assertEqual((row["value"], row["attempts"]), ("cut,short", 2))
        self.configure('[events]\ntypes = ["swap"]\n')
        done = self.pactolus("quarantine", "replay", "--all")
        self.assertEqual((done["silver"], done["quarantined"]), (1, {"malformed_row": 1, "malformed_json": 1}))
        self.assertEqual(self.waiting(), {"malformed_row": 1, "malformed_json": 1})
        self.verify()

    def test_one_bad_record_holds_back_no_others(self):
        self.ingest(event(1, event_type="wishlist"), event(2, event_type="swap"), event(3, event_type="wishlist"))
        self.configure('[events]\ntypes = ["wishlist"]\n')
        done = self.pactolus("quarantine", "replay", "--reason", "unknown_event_type")
        self.assertEqual((done["silver"], done["quarantined"]), (2, {"unknown_event_type": 1}))
        (left,) = self.records()
        self.assertEqual((json.loads(left["value"])["event_id"], left["attempts"]), ("e2", 2))
        self.verify()

    def test_what_has_come_another_way_meanwhile_is_a_duplicate(self):
        self.ingest(event(1, event_type="wishlist"))
        self.configure('[events]\ntypes = ["wishlist"]\n')
        self.ingest(event(1, event_type="wishlist"), "")
        done = self.pactolus("quarantine", "replay", "--all")
        self.assertEqual((done["silver"], done["duplicates"]), (0, 1))
        self.assertEqual(self.waiting(), {})
        self.assertEqual(len(self.silver()), 1)
        self.verify()

    def test_fields_are_brought_to_their_types(self):
        self.ingest(event(1, user_id=42, price=1.10), event(2, quantity="3"), event(3, user_id={"id": 1}))
        self.assertEqual(self.waiting(), {"wrong_type": 3})
        done = self.pactolus("quarantine", "replay", "--reason", "wrong_type", "--set-types", "user_id=text,quantity=number")
        self.assertEqual((done["records"], done["changed"], done["silver"], done["quarantined"]), (3, 2, 2, {"wrong_type": 1}))
        rows = {r["event_id"]: r for r in self.silver("event_id", "user_id", "quantity", "price")}
        self.assertEqual((rows["e1"]["user_id"], str(rows["e1"]["price"]), rows["e2"]["quantity"]), ("42", "1.1000", 3))
        # What was sent is kept as it was.
        first = min(DeltaTable(self.lake / "quarantine/events").to_pyarrow_table(columns=["value", "offset"]).to_pylist(),
                    key=lambda r: r["offset"])
        self.assertEqual(json.loads(first["value"])["user_id"], 42)
        self.verify()

    def test_only_those_since_a_time(self):
        self.ingest(event(1), event(2, event_type="wishlist"))
        self.ingest(event(3, event_type="wishlist"), event(4, event_type="wishlist"))
        newest = self.pactolus("quarantine", "ls")["reasons"][0]["last"]
        self.configure('[events]\ntypes = ["wishlist"]\n')
        words = ("quarantine", "replay", "--reason", "unknown_event_type", "--since")
        self.assertEqual(self.pactolus(*words, "2999-01-01")["records"], 0)
        self.assertEqual(self.pactolus(*words, newest, "--dry-run")["records"], 2)
        done = self.pactolus(*words, newest)
        self.assertEqual((done["records"], done["silver"]), (2, 2))
        self.assertEqual(self.waiting(), {"unknown_event_type": 1})
        self.assertEqual(sorted(r["event_id"] for r in self.silver()), ["e1", "e3", "e4"])
        self.assertEqual(self.pactolus(*words, "1h")["records"], 1)
        self.verify()

    def test_what_came_too_late_passes_as_it_is(self):
        send = ("simulate", "--profile", "classic", "--count", 50, "--rate", 50, "--fast", "--seed", 1, "--to", f"lake:{self.lake}")
        self.good(*send)
        self.good("run", "--until-caught-up", "--lake", self.lake)
        old = self.write("old.ndjson", "".join(event(n) + "\n" for n in range(20)))
        self.good("simulate", "--replay", old, "--speed", "max", "--to", f"lake:{self.lake}")
        self.good("run", "--until-caught-up", "--lake", self.lake)
        self.assertEqual(self.waiting(), {"too_late": 20})
        self.ingest(event(3))  # one of them is in Silver by now
        done = self.pactolus("quarantine", "replay", "--reason", "too_late")
        self.assertEqual((done["silver"], done["duplicates"]), (19, 1))
        self.assertEqual((len(self.silver()), self.waiting()), (70, {}))
        self.verify()


class BesideARun(Lake):
    def test_the_running_job_judges_them(self):
        self.ingest(*(event(n, event_type="wishlist") for n in range(20)))
        self.configure('[events]\ntypes = ["wishlist"]\n')
        job = self.start("run", "--lake", self.lake, "--commit-interval", "100ms")
        self.wait_for("the job", lambda: (self.lake / "_pactolus/status.json").exists() and job.poll() is None
                      and f'"pid":{job.pid}' in (self.lake / "_pactolus/status.json").read_text())
        done = self.pactolus("quarantine", "replay", "--all", "--wait")
        self.assertEqual((done["silver"], done["committed"]), (20, True))
        self.assertIsNone(job.poll())
        self.assertEqual(self.waiting(), {})


class Killed(Lake):
    """SIGKILL at every point; replaying again leaves each record once."""

    def test_a_killed_replay_is_replayed_again(self):
        lines = [event(n, event_type="wishlist" if n % 2 else "swap") for n in range(60)]
        for point in POINTS:
            with self.subTest(point):
                self.lake = self.folder / point.replace(":", "-")
                self.configure("")
                self.ingest(*lines)
                self.ingest_rows("cut,short")
                self.configure('[events]\ntypes = ["wishlist"]\n')
                killed = self.run_it("quarantine", "replay", "--all", "--lake", self.lake, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, point + killed.stderr)
                self.pactolus("quarantine", "replay", "--all")
                self.good("run", "--until-caught-up", "--lake", self.lake)
                self.assertEqual(self.waiting(), {"unknown_event_type": 30, "malformed_row": 1})
                ids = collections.Counter(r["event_id"] for r in self.silver())
                self.assertEqual((len(ids), max(ids.values())), (30, 1))
                self.verify()


if __name__ == "__main__":
    main()
