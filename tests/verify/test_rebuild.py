"""gold rebuild through the real program: equal to the stream where nothing was late, and equal to Silver where it was.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/verify/test_rebuild.py
"""

import collections
import datetime
import json
import pathlib
import signal
import sys

import duckdb
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InALake, main  # noqa: E402

# What a window of a product is, said by other code: every event in each of its ten windows.
EXPECTED = """
SELECT product_id, w AS window_start, count(*) FILTER (event_type = 'view') AS views,
       count(*) FILTER (event_type = 'add_to_cart') AS carts, count(*) FILTER (event_type = 'purchase') AS purchases,
       coalesce(sum(price * quantity) FILTER (event_type = 'purchase' AND coalesce(currency, 'USD') = 'USD'), 0) AS revenue,
       coalesce(sum(price * quantity) FILTER (event_type = 'refund' AND coalesce(currency, 'USD') = 'USD'), 0) AS refunds,
       count(DISTINCT user_id) FILTER (event_type = 'view') AS viewers
FROM (SELECT *, unnest(range(epoch_us(event_timestamp) // 60000000 - 9, epoch_us(event_timestamp) // 60000000 + 1)) AS w
      FROM silver)
WHERE product_id IS NOT NULL AND event_type IN ('view', 'add_to_cart', 'purchase', 'refund')
  AND w >= $first AND w < $last AND w + 10 <= $closed GROUP BY ALL ORDER BY ALL
"""
COLUMNS = ["product_id", "window_start", "views", "carts", "purchases", "revenue", "refunds", "viewers"]


class Rebuilt(InALake):
    def simulate(self, *words):
        self.good("simulate", "--profile", "shop", "--count", 6000, "--rate", 2, "--fast", "--seed", 3, *words,
                  "--to", f"lake:{self.lake}")

    def gold(self):
        return DeltaTable(self.lake / "gold/product_interest").to_pyarrow_table()

    def rows(self, *leave_out):
        table = self.gold()
        return sorted(map(repr, table.drop_columns(["batch_id", "basis", *leave_out]).to_pylist()))

    def bases(self):
        return dict(collections.Counter(self.gold()["basis"].to_pylist()))

    def rebuild(self, *days):
        """What became of product_interest; the other views are rebuilt too."""
        done = self.pactolus("gold", "rebuild", *days)
        self.assertEqual([v["view"] for v in done["views"]], ["product_interest", "category_conversion", "shop_activity", "sessions", "funnel"])
        return {"from": done["from"], "to": done["to"], **done["views"][0]}

    def verify(self):
        """Every row that a rebuild made has been made again, by other code."""
        gold = {c["name"]: c for c in self.pactolus("verify")["checks"]}["gold"]
        bases = collections.Counter()
        for view in ("product_interest", "category_conversion", "shop_activity", "sessions", "funnel"):
            bases.update(DeltaTable(self.lake / "gold" / view).to_pyarrow_table()["basis"].to_pylist())
        self.assertEqual(gold["figures"]["rebuilt_rows"] + gold["figures"]["rows_of_earlier_declarations"], bases["rebuild"])
        return gold

    def days(self):
        dates = sorted(set(map(str, self.gold()["window_date"].to_pylist())))
        return ("--from", dates[0], "--to", dates[-1])

    @staticmethod
    def minute_of(time):
        return int(datetime.datetime.fromisoformat(time).timestamp()) // 60

    def expect_silver(self, first, last, closed=10**12):
        """Gold's rows of these days are what Silver says. `first` and `last`: dates, both included."""
        silver = DeltaTable(self.lake / "silver/events").to_pyarrow_table()  # noqa: F841
        minute = lambda day: (datetime.date.fromisoformat(day) - datetime.date(1970, 1, 1)).days * 1440
        sql = duckdb.connect()
        sql.execute("SET TimeZone = 'UTC'")
        query = EXPECTED.replace("$first", str(minute(first))).replace("$last", str(minute(last) + 1440)).replace("$closed", str(closed))
        wanted = sql.execute(query).fetchall()
        gold = self.gold()  # noqa: F841
        got = sql.execute(f"""SELECT product_id, epoch_us(window_start) // 60000000, {', '.join(COLUMNS[2:])} FROM gold
                              WHERE window_date BETWEEN DATE '{first}' AND DATE '{last}' ORDER BY ALL""").fetchall()
        self.assertEqual(got, wanted)
        return len(wanted)

    def test_equal_to_the_stream_where_nothing_was_late(self):
        self.simulate()
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        before = self.rows()
        self.assertGreater(len(before), 1000)
        done = self.rebuild(*self.days())
        self.assertEqual((done["rows"], done["removed_rows"]), (len(before), len(before)))
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.bases(), {"rebuild": len(before)})
        again = self.rebuild(*self.days())  # twice changes nothing
        self.assertEqual((again["rows"], again["version"]), (len(before), done["version"] + 1))
        # However many days: one commit, and the table is at it.
        self.assertEqual(DeltaTable(self.lake / "gold/product_interest").version(), again["version"])
        self.assertEqual(self.rows(), before)
        self.verify()
        self.expect_silver(done["from"], done["to"])

    def test_late_events_and_histories_are_in_it(self):
        self.simulate("--late-ratio", 0.3)
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        before = self.rows()
        first = self.days()[1]
        history = self.write("h.ndjson", "".join(
            json.dumps({"event_id": f"h{n}", "user_id": f"u{n}", "product_id": "prod_0001", "event_type": "view", "price": 1,
                        "timestamp": f"{first}T00:{n % 10:02}:00Z"}) + "\n" for n in range(50)))
        self.good("ingest", history, "--lake", self.lake)
        done = self.rebuild(*self.days())
        self.assertNotEqual(self.rows(), before)
        self.assertEqual(self.expect_silver(done["from"], done["to"], self.minute_of(done["watermark"])), done["rows"])
        self.verify()

    def test_of_a_history_that_was_never_streamed(self):
        self.good("simulate", "--profile", "shop", "--count", 3000, "--rate", 2, "--fast", "--seed", 5, "--to", "file:e.ndjson")
        self.good("ingest", "e.ndjson", "--lake", self.lake)
        day = min(map(str, DeltaTable(self.lake / "silver/events").to_pyarrow_table(columns=["event_date"])["event_date"].to_pylist()))
        done = self.rebuild("--from", day, "--to", day)
        self.assertGreater(done["rows"], 500)
        self.assertNotIn("watermark", done)
        self.expect_silver(day, day)
        # A stream that begins later leaves these days to rebuilds.
        self.good("simulate", "--profile", "shop", "--count", 3000, "--rate", 2, "--fast", "--seed", 6, "--to", f"lake:{self.lake}")
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        dates = collections.Counter((str(d), b) for d, b in zip(self.gold()["window_date"].to_pylist(), self.gold()["basis"].to_pylist()))
        self.assertNotIn((day, "stream"), dates)
        self.verify()
        done = self.rebuild("--from", day, "--to", day)
        self.expect_silver(day, day, self.minute_of(done["watermark"]))

    def test_a_view_without_a_final_window_is_left_alone(self):
        self.simulate("--end", "2026-03-10T15:01:00Z")  # the watermark is before 15:00, where the first whole hour ends
        self.good("run", "--until-caught-up", "--lake", self.lake)
        done = {v["view"]: v for v in self.pactolus("gold", "rebuild", *self.days())["views"]}
        self.assertGreater(done["product_interest"]["rows"], 500)
        self.assertEqual((done["category_conversion"]["rows"], done["category_conversion"]["version"]), (0, -1))
        self.verify()

    def test_beside_a_running_stream_nothing_is_doubled(self):
        self.simulate()
        job = self.start("run", "--lake", self.lake, "--commit-interval", "50ms")
        self.wait_for("rows in Gold", lambda: (self.lake / "gold/product_interest/_delta_log").exists() and self.gold().num_rows > 0)
        days = self.days()
        for seed in range(4, 10):
            self.good("simulate", "--profile", "shop", "--count", 1000, "--rate", 100, "--fast", "--seed", seed, "--to", f"lake:{self.lake}")
            self.rebuild(*days)
        job.send_signal(signal.SIGINT)
        self.assertIn(job.wait(60), (0, 130))
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        keys = collections.Counter(zip(self.gold()["product_id"].to_pylist(), self.gold()["window_start"].to_pylist()))
        self.assertEqual(max(keys.values()), 1)
        self.verify()
        done = self.rebuild(*self.days())
        self.expect_silver(done["from"], done["to"])

    def test_killed_at_every_point(self):
        self.simulate()
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        before, days = self.rows(), self.days()
        for point in ("parquet.half_written", "rebuild.files_written", "rebuild.before_link", "rebuild.linked"):
            with self.subTest(point):
                killed = self.run_it("gold", "rebuild", *days, "--lake", self.lake, PACTOLUS_FAULT=point)
                self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
                self.assertEqual(self.rows(), before)
        self.verify()

    def test_verify_finds_a_rebuilt_row_that_is_wrong(self):
        self.simulate("--late-ratio", 0.1)
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        self.rebuild(*self.days())
        self.verify()
        table = DeltaTable(self.lake / "gold/product_interest")
        row = next(r for r in table.to_pyarrow_table().to_pylist() if r["views"] > 3)
        one = f"product_id = '{row['product_id']}' AND window_start = '{row['window_start'].isoformat()}'"
        for change in ({"views": "views - 1"}, {"views": "views + 1"}, {"refunds": "refunds + 1"}):
            table.update(updates=change, predicate=one)
            done = self.run_it("verify", "--json", "--lake", self.lake)
            self.assertEqual(done.returncode, 1)
            table.restore(table.version() - 1)
            self.verify()
        table.delete(one)
        done = self.run_it("verify", "--lake", self.lake)
        self.assertRegex(done.stdout, r"FAIL gold .*\n.*the window is missing")

    def test_rows_by_another_currency_are_not_held_against_it(self):
        self.simulate("--late-ratio", 0.1)
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        self.rebuild(*self.days())
        self.write("pactolus.toml", '[shop]\ncurrency = "EUR"\n')
        self.good("run", "--until-caught-up", "--lake", self.lake)
        self.verify()
        self.rebuild(*self.days())
        self.assertEqual(self.verify()["figures"]["rows_of_earlier_declarations"], 0, "the new rows are judged as such")
        table = DeltaTable(self.lake / "gold/product_interest")
        table.update(updates={"views": "views + 1"}, predicate="views > 3")
        self.assertIn("FAIL gold", self.run_it("verify", "--lake", self.lake).stdout)

    def test_mistakes_are_told(self):
        self.simulate()
        self.good("run", "--until-caught-up", "--lake", self.lake)
        lake = ("--lake", self.lake)
        self.assertIn("which days?", self.bad(2, "gold", "rebuild", *lake))
        self.assertIn("before it begins", self.bad(2, "gold", "rebuild", "--from", "2025-02-02", "--to", "2025-02-01", *lake))
        self.assertIn("no lake", self.bad(3, "gold", "rebuild", "--from", "2025-02-02", "--lake", "nowhere").lower())
        self.assertIn("no closed window", self.good("gold", "rebuild", "--from", "2001-01-01", *lake))


if __name__ == "__main__":
    main()
