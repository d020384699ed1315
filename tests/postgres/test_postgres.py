"""Gold in a real PostgreSQL: equal to the lake's tables, once each, whoever is away or killed.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/postgres/test_postgres.py
"""

import datetime
import decimal
import json
import pathlib
import signal
import sys

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from program import NOW, InALake, finish, main  # noqa: E402
from server import Server  # noqa: E402

VIEWS = ("product_interest", "category_conversion", "shop_activity", "sessions", "funnel", "alerts")
OURS = ("_row", "_final", "_epoch")


def plain(value):
    """A value of either side in one form: text, number, list."""
    if isinstance(value, float):
        return float(repr(value))
    if isinstance(value, (decimal.Decimal, int)) and not isinstance(value, bool):
        return decimal.Decimal(value).normalize()
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, list):
        return sorted((k, plain(v)) for k, v in value)
    if isinstance(value, dict):
        return sorted((k, plain(v)) for k, v in value.items())
    return value


def as_rows(rows):
    return sorted(repr(sorted((k, plain(v)) for k, v in row.items())) for row in rows)


class Copy(InALake):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()

    def setUp(self):
        super().setUp()
        if self.server.process is None:
            self.server.start()
        self.server.psql("DROP SCHEMA IF EXISTS pactolus CASCADE")
        self.configure()

    def configure(self, more="", **postgres):
        keys = {"url": self.server.url, "password_file": str(self.server.password_file), **postgres}
        (self.folder / "pactolus.toml").write_text(
            "[postgres]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in keys.items()) + more)

    def send(self, count=20_000, seed=1, end=NOW, rate=5, profile="classic", **flags):
        words = [w for k, v in flags.items() for w in (f"--{k.replace('_', '-')}", v)]
        self.good("simulate", "--profile", profile, "--count", count, "--rate", rate, "--fast", "--seed", seed, "--end", end,
                  *words, "--to", f"lake:{self.lake}")

    def run_job(self, *words, code=0, **how):
        if code == 4:
            words += ("--deliver-within", "1s")
        done = self.run_it("run", "--until-caught-up", *words, "--lake", self.lake, **how)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def gold(self, table):
        return DeltaTable(self.lake / "gold" / table).to_pyarrow_table().to_pylist()

    def copy(self, table, where="true"):
        """Rows of the copy, without our own columns, and with the types that JSON loses."""
        types = dict(self.server.rows("SELECT column_name, data_type FROM information_schema.columns "
                                      f"WHERE table_schema = 'pactolus' AND table_name = '{table}'"))
        out = []
        for (text,) in self.server.rows(f'SELECT row_to_json(t) FROM pactolus."{table}" t WHERE {where}'):
            row = json.loads(text, parse_float=decimal.Decimal)
            for name in OURS:
                row.pop(name, None)
            for name, value in row.items():
                if value is None:
                    continue
                if types[name] == "double precision":
                    row[name] = float(value)
                elif types[name].startswith("timestamp"):
                    row[name] = datetime.datetime.fromisoformat(value)
            out.append(row)
        return out

    def assert_equal(self, tables=VIEWS):
        for table in tables:
            with self.subTest(table=table):
                self.assertEqual(as_rows(self.copy(table, self.final(table))), as_rows(self.gold(table)))
        alerts = self.gold("alerts")
        opened = {(a["product_id"], a["window_start"].isoformat()) for a in alerts
                  if a["state"] == "open" and a["rule"] == "high_interest_low_conversion"}
        sales = self.server.rows("SELECT product_id, window_start, total_views, total_purchases, alert_triggered "
                                 "FROM pactolus.flash_sale_alerts")
        self.assertEqual({(p, datetime.datetime.fromisoformat(w + ":00" if w[-3] == "+" else w).isoformat())
                          for p, w, *_ in sales}, opened)
        self.assertEqual(len(sales), len(opened))
        self.assertTrue(all(int(v) > 100 and int(p) < 5 and t == "t" for _, _, v, p, t in sales))

    def final(self, table):
        return "_final" if table != "alerts" and not table.startswith("daily_") else "true"

    def everything(self):
        """All rows with our own columns and when each was last written."""
        return {t: self.server.psql(f'SELECT xmin, * FROM pactolus."{t}" ORDER BY 2').stdout for t in (*VIEWS, "flash_sale_alerts")}

    def told(self):
        return json.loads((self.lake / "_pactolus/status.json").read_text())["deliveries"][0]


class Equal(Copy):
    def test_every_table_is_the_lakes(self):
        self.send(profile="shop", late_ratio=0.01, dup_ratio=0.02, rate=20)
        self.run_job("--batch-records", 3000, "--close-windows")
        self.assert_equal()
        self.assertGreater(len(self.copy("flash_sale_alerts")), 0)
        self.assertEqual(self.server.one("SELECT count(*) FROM pactolus.product_interest WHERE NOT _final"), "0")
        self.assertEqual(self.told()["error"], None)

    def test_what_comes_again_changes_nothing(self):
        self.send()
        self.run_job("--close-windows")
        before = self.everything()
        self.run_job()
        self.assertEqual(self.everything(), before)
        # As if the answer to the last commit had been lost.
        self.server.psql("UPDATE pactolus._progress SET gold_version = 0, batch = 0")
        self.run_job()
        self.assertEqual(self.everything(), before)

    def test_killed_around_a_commit(self):
        self.send()
        for point in ("postgres.before_commit", "postgres.committed"):
            for n in (1, 2, 4):
                self.server.psql("DROP SCHEMA IF EXISTS pactolus CASCADE")
                self.run_job("--batch-records", 5000, code=-signal.SIGKILL, PACTOLUS_FAULT=f"{point}:{n}")
                self.run_job("--batch-records", 5000)
                self.assert_equal(("product_interest", "alerts"))
        self.run_job("--close-windows")
        self.assert_equal()

    def test_texts_of_all_kinds(self):
        names = ["a\tb", "a\\b", "a\nb", "a\\N", "\\N", "a\0b", "a\u2400b", "a\u24000b", "'; DROP TABLE x; --", "naïve ☂", "\""]
        lines = []
        for i, name in enumerate(names):
            lines.append({"event_id": f"e{i}", "user_id": "u", "product_id": name, "event_type": "view", "price": 1,
                          "timestamp": f"2026-03-10T14:0{i % 10}:00Z", "product_category": None if i % 2 else "", "currency": "EUR"})
        lines.append({"event_id": "old", "user_id": "u", "product_id": "old", "event_type": "view", "price": 1,
                      "timestamp": "0001-01-01T00:00:01Z"})
        (self.folder / "events.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n")
        self.good("simulate", "--replay", self.folder / "events.ndjson", "--speed", "max", "--to", f"lake:{self.lake}")
        self.run_job("--close-windows")
        escaped = [n.replace("\u2400", "\u2400\u2400").replace("\0", "\u24000") for n in names]
        self.assertEqual({r[0] for r in self.server.rows(
            "SELECT DISTINCT replace(replace(product_id, chr(10), '<lf>'), chr(9), '<tab>') FROM pactolus.product_interest "
            "WHERE product_id <> 'old'")}, {n.replace("\n", "<lf>").replace("\t", "<tab>") for n in escaped})
        self.assertEqual(self.server.rows("SELECT views, window_start FROM pactolus.product_interest WHERE product_id = 'old' "
                                          "ORDER BY window_start LIMIT 1"), [["1", "0001-12-31 23:51:00+00 BC"]])
        # No category is one group, and one row of the copy.
        self.assertEqual(self.server.rows("SELECT coalesce(product_category, 'none'), sum(views) FROM pactolus.category_conversion "
                                          "WHERE window_start > '2026-01-01' GROUP BY 1"), [["none", "11"]])

    def test_days_that_were_made_anew(self):
        self.send(profile="shop", late_ratio=0.05)
        self.run_job("--close-windows")
        self.good("model", "run", "--all", "--date", "2026-03-10", "--lake", self.lake)
        self.good("gold", "rebuild", "--from", "2026-03-10", "--to", "2026-03-10", "--lake", self.lake)
        self.run_job()
        self.assert_equal()
        daily = ("daily_conversion", "daily_top_products", "daily_user_segments")
        self.assert_equal(daily)
        self.send(seed=2, first_id=500_000_000, end="2026-03-10T15:50:00Z")
        self.run_job()
        self.good("model", "run", "--all", "--date", "2026-03-10", "--lake", self.lake)
        self.run_job()
        self.assert_equal(VIEWS + daily)

    def test_a_person_who_is_erased(self):
        self.send()
        self.run_job("--close-windows")
        user = self.gold("sessions")[0]["user_id"]
        self.assertGreater(int(self.server.one(f"SELECT count(*) FROM pactolus.sessions WHERE user_id = '{user}'")), 0)
        self.configure('[[gold.view]]\nname = "buyers"\nkeys = ["user_id"]\nsize = "1h"\nmeasures = ["count(purchase) as n"]\n')
        self.good("tables", "erase", "--user", user, "--lake", self.lake)
        self.run_job()
        self.assert_equal(tuple(t for t in VIEWS if t != "alerts"))


class Views(Copy):
    OWN = '[[gold.view]]\nname = "own"\nkeys = [{}]\nsize = "10m"\nmeasures = [{}]\n'

    def test_that_change(self):
        self.configure(self.OWN.format('"device_type"', '"count(view) as views"'))
        self.send(end="2026-03-10T13:00:00Z", count=5000)
        self.run_job("--close-windows")
        self.assert_equal(("own",))
        # A column more: the table is widened, its rows stay.
        self.configure(self.OWN.format('"device_type"', '"count(view) as views", "count(purchase) as sold"'))
        self.send(end="2026-03-10T17:00:00Z", count=5000, seed=2, first_id=10_000_000)
        self.run_job("--close-windows")
        self.assert_equal(("own",))
        # Another key: it is made anew.
        self.configure(self.OWN.format('"product_category"', '"count(view) as views", "count(purchase) as sold"'))
        self.send(end="2026-03-10T21:00:00Z", count=5000, seed=3, first_id=20_000_000)
        self.run_job("--close-windows")
        self.assert_equal(("own", "product_interest"))

    def test_of_other_measures_and_long_keys(self):
        """A key of 8 KB, and measures that a later declaration does not have: no row twice, whatever the file."""
        sessions = ('[[gold.view]]\nname = "sessions"\nkeys = ["session"]\ngap = "30m"\nmeasures = [{}]\n'
                    '[[gold.view]]\nname = "pages"\nkeys = ["page_url"]\nsize = "1h"\nmeasures = ["count(view) as views"]\n')
        self.configure(sessions.format('"count(view) as views", "count(purchase) as purchases", "any(purchases) as converted", '
                                       '"other_currencies(price*quantity, purchase, -refund) as other", '
                                       '"sum(price*quantity, purchase) as revenue"'))
        self.send(count=4000, end="2026-03-10T13:00:00Z")
        events = [{"event_id": f"long{i}", "user_id": "u", "session_id": f"s{i}", "product_id": "p", "event_type": "view", "price": 1,
                   "timestamp": "2026-03-10T12:59:00Z", "page_url": "/" + "".join(chr(97 + (i * j * j) % 26) for j in range(8000))}
                  for i in range(1, 4)]
        self.write("long.ndjson", "".join(json.dumps(e) + "\n" for e in events))
        self.good("simulate", "--replay", self.folder / "long.ndjson", "--speed", "max", "--to", f"lake:{self.lake}")
        self.run_job("--close-windows")
        self.assert_equal(("sessions", "pages"))
        self.configure(sessions.format('"count(view) as views"'))
        self.send(count=4000, end="2026-03-10T17:00:00Z", seed=2, first_id=10_000_000)
        self.run_job("--close-windows")
        self.assert_equal(("sessions", "pages"))
        before = self.everything()
        self.server.psql("UPDATE pactolus._progress SET gold_version = -1")
        self.run_job()
        self.assertEqual(self.server.one("SELECT count(*) FROM pactolus.sessions"), str(len(self.gold("sessions"))))
        self.assertEqual([r.split(",")[1] for r in before["sessions"].splitlines()],
                         [r.split(",")[1] for r in self.everything()["sessions"].splitlines()])  # the same keys

    def test_open_windows_are_shown_and_never_over_final_ones(self):
        self.send()
        self.run_job()
        opened = self.copy("product_interest", "NOT _final")
        self.assertGreater(len(opened), 500)
        final = {(r["product_id"], r["window_start"]) for r in self.copy("product_interest", "_final")}
        self.assertFalse(final & {(r["product_id"], r["window_start"]) for r in opened})
        self.assertEqual(len(self.copy("product_interest", "_final")), len(self.gold("product_interest")))
        newest = max(r["window_end"] for r in opened)
        self.assertGreater(newest, max(r["window_end"] for r in self.gold("product_interest")))
        # One that is final already is not replaced, whatever an open one says.
        self.server.psql("UPDATE pactolus.product_interest SET _final = true, views = -1 WHERE window_end = "
                         f"'{newest.isoformat()}'")
        self.send(seed=2, first_id=500_000_000, end="2026-03-10T14:50:01Z", count=1000, rate=100)
        self.run_job()
        self.assertEqual(self.server.one("SELECT DISTINCT views FROM pactolus.product_interest WHERE window_end = "
                                         f"'{newest.isoformat()}' AND _final"), "-1")

    def test_without_open_rows(self):
        self.configure(open_rows=0)
        self.send()
        self.run_job()
        self.assertEqual(self.copy("product_interest", "NOT _final"), [])


class Away(Copy):
    def stream(self):
        return self.start("run", "--lake", self.lake)

    def test_a_server_that_is_away_stops_nothing_and_loses_nothing(self):
        for how in ("stopped", "frozen"):
            with self.subTest(how=how):
                self.send(end="2026-03-10T14:00:00Z", first_id=1 if how == "stopped" else 700_000_000)
                process = self.stream()
                self.wait_for("the copy", lambda: self.status_batch() and self.told()["batch"] == self.status_batch())
                if how == "stopped":
                    self.server.stop()
                else:
                    self.server.freeze()
                    self.addCleanup(self.server.thaw)
                before = self.status_batch()
                self.send(seed=2, first_id=100_000_000 if how == "stopped" else 800_000_000)
                self.wait_for("a commit without PostgreSQL", lambda: self.status_batch() > before)
                if how == "stopped":
                    self.wait_for("an error in the status", lambda: self.told()["error"])
                    self.server.start()
                else:
                    self.server.thaw()
                self.wait_for("all of Gold", lambda: self.told()["batch"] == self.status_batch() and not self.told()["error"])
                process.send_signal(signal.SIGINT)
                done = finish(process)
                self.assertEqual(done.returncode, 130, done.stderr)
                self.run_job("--close-windows")
                self.assert_equal()

    def status_batch(self):
        path = self.lake / "_pactolus/status.json"
        return json.loads(path.read_text())["batch"] if path.exists() else 0

    def test_made_but_not_delivered_is_exit_code_4(self):
        self.send()
        self.server.stop()
        done = self.run_job("--close-windows", code=4)
        self.assertIn("postgres has not taken everything", done.stderr)
        self.assertRegex(self.good("status", "--lake", self.lake), r"(?m)^to +postgres: nothing yet in this run, then PostgreSQL: .*refused")
        self.assertEqual(json.loads(done.stdout)["silver"], 20_000)
        self.server.start()
        self.run_job()
        self.assert_equal()


class Refused(Copy):
    def test_a_later_process_and_another_lake(self):
        self.send(count=2000)
        self.run_job("--close-windows")
        before = self.everything()
        self.server.psql("UPDATE pactolus._progress SET epoch = 99")
        self.assertIn("a later process: its epoch is 99", self.run_job(code=4).stderr)
        self.server.psql("UPDATE pactolus._lake SET lake_id = gen_random_uuid()")
        self.assertIn("the rows of another lake", self.run_job(code=4).stderr)
        self.server.psql("INSERT INTO pactolus._migrations VALUES (1000)")
        self.assertIn("has version 1000, this release knows", self.run_job(code=4).stderr)
        self.assertEqual(self.everything(), before)

    def test_a_table_that_something_hangs_on_holds_up_no_other(self):
        self.configure(Views.OWN.format('"device_type"', '"count(view) as views"'))
        self.send(count=5000)
        self.run_job("--close-windows")
        self.server.psql("CREATE VIEW public.mine AS SELECT * FROM pactolus.own")
        self.addCleanup(self.server.psql, "DROP VIEW IF EXISTS public.mine")
        self.configure(Views.OWN.format('"product_category"', '"count(view) as views"'))
        self.send(count=5000, seed=2, first_id=10_000_000, end="2026-03-10T18:50:00Z")
        self.assertIn("own: PostgreSQL: cannot drop table pactolus.own", self.run_job("--close-windows", code=4).stderr)
        self.assert_equal()
        self.server.psql("DROP VIEW public.mine")
        self.run_job()
        self.assert_equal(("own", *VIEWS))

    def test_what_somebody_has_dropped_is_made_again(self):
        self.send(count=3000)
        self.run_job("--close-windows")
        self.server.psql("DROP TABLE pactolus.sessions")
        self.send(count=3000, seed=2, first_id=10_000_000, end="2026-03-10T17:50:00Z")
        self.run_job("--close-windows")
        self.assert_equal()
        process = self.start("run", "--lake", self.lake)
        self.wait_for("the copy", lambda: self.told()["batch"] is not None and json.loads(
            (self.lake / "_pactolus/status.json").read_text())["running"])
        self.server.psql("DROP SCHEMA pactolus CASCADE")
        self.send(count=3000, seed=3, first_id=20_000_000, end="2026-03-10T20:50:00Z")
        self.wait_for("all of it again", lambda: self.server.psql("SELECT 1 FROM pactolus.alerts", check=False).returncode == 0)
        process.send_signal(signal.SIGINT)
        finish(process)
        self.run_job("--close-windows")
        self.assert_equal()

    def test_what_else_was_dropped_is_told_with_the_way_out(self):
        self.send(count=1000)
        self.run_job("--close-windows")
        self.server.psql("DROP TABLE pactolus._progress")
        self.assertIn("DROP SCHEMA \"pactolus\" CASCADE, it is made anew", " ".join(self.run_job(code=4).stderr.split()))
        self.server.psql("DROP SCHEMA pactolus CASCADE")
        self.run_job()
        self.assert_equal()

    def test_a_table_of_somebody_else_is_not_touched(self):
        self.send(count=1000)
        self.server.psql("CREATE SCHEMA pactolus; CREATE TABLE pactolus.sessions (mine int); INSERT INTO pactolus.sessions VALUES (7)")
        self.assertIn("sessions: the schema pactolus has a table of that name that is not ours", self.run_job("--close-windows", code=4).stderr)
        self.assertEqual(self.server.one("SELECT mine FROM pactolus.sessions"), "7")
        self.assert_equal(tuple(v for v in VIEWS if v != "sessions"))
        self.server.psql("DROP TABLE pactolus.sessions, pactolus.flash_sale_alerts")
        self.run_job()
        self.assert_equal()

    def test_passwords(self):
        self.send(count=1000)
        wrong = self.folder / "wrong"
        wrong.write_text("not this\n")
        self.configure(password_file=str(wrong))
        done = self.run_job(code=4)
        self.assertIn("password authentication failed", done.stderr)
        self.assertNotIn("not this", done.stdout + done.stderr)
        self.configure(password_file=str(self.folder / "nowhere"))
        self.assertIn("postgres.password_file: cannot open", self.bad(78, "run", "--until-caught-up", "--lake", self.lake))
        for url in ("postgresql://shop:secret@localhost/x", "host=localhost password=secret"):
            self.configure(url=url)
            done = self.run_it("run", "--until-caught-up", "--lake", self.lake)
            self.assertEqual(done.returncode, 78)
            self.assertIn("expected a URL without a password", done.stderr)
            self.assertNotIn("secret", done.stderr)
        self.configure(schema="pg_mine")
        self.assertIn("pactolus.toml:4 postgres.schema", self.bad(78, "config", "check"))


if __name__ == "__main__":
    main()
