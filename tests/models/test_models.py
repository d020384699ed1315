"""Daily models through the real program: the built-in ones against other code, a user's own, days, reports, mistakes.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/models/test_models.py
"""

import collections
import datetime
import decimal
import html.parser
import json
import math
import pathlib
import shutil
import signal
import sys
import zoneinfo

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InALake, main  # noqa: E402

DAY = "2025-11-20"
MODELS = ("daily_conversion", "daily_top_products", "daily_user_segments")
LOST = ("model.files_written", "model.before_link")  # the day is as before


class Lake(InALake):
    def ingest(self, *events):
        """Each event: fields over those of a view of p1 by u1 at DAY."""
        lines = []
        for n, fields in enumerate(events):
            body = {"event_id": f"e{self.next_id}", "user_id": "u1", "event_type": "view", "product_id": "p1", "price": 10,
                    "timestamp": f"{DAY}T10:00:00Z", **fields}
            self.next_id += 1
            lines.append(json.dumps({k: v for k, v in body.items() if v is not None}) + "\n")
        self.pactolus("ingest", self.write("events.ndjson", "".join(lines)))

    def setUp(self):
        super().setUp()
        self.next_id = 0

    def run_model(self, *words):
        """What a scheduler reads: a line for each."""
        return [json.loads(line) for line in self.good("model", "run", *words, "--json", "--lake", self.lake).splitlines()]

    def refused(self, *words, code=2):
        return self.bad(code, "model", "run", *words, "--lake", self.lake)

    def table(self, model):
        return DeltaTable(self.lake / "gold" / model)

    def rows(self, model, *columns):
        rows = self.table(model).to_pyarrow_table().to_pylist()
        return sorted(tuple(r[c] for c in columns or r) for r in rows)

    def model(self, name, text):
        (self.folder / "models").mkdir(exist_ok=True)
        (self.folder / "models" / f"{name}.sql").write_text(text)

    def silver(self):
        return DeltaTable(self.lake / "silver/events").to_pyarrow_table().to_pylist()


def wilson(k, n):
    """R. G. Newcombe, Statistics in Medicine 17 (1998), method 3, as the roots of its quadratic equation."""
    z2 = 1.959963984540054 ** 2
    low, high = ((2 * k + z2 + s * math.sqrt(z2 * z2 + 4 * k * z2 * (1 - k / n))) / (2 * (n + z2)) for s in (-1, 1))
    return (0.0 if k == 0 else low, 1.0 if k == n else high)


class BuiltIn(Lake):
    """A day of simulated shoppers, with late, doubled and broken records, said again in Python."""

    def setUp(self):
        super().setUp()
        self.good("simulate", "--profile", "shop", "--count", 8000, "--rate", 0.05, "--fast", "--seed", 5, "--late-ratio", 0.05,
                  "--dup-ratio", 0.02, "--bad-ratio", 0.02, "--to", f"lake:{self.lake}")
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)
        self.zone = zoneinfo.ZoneInfo("America/New_York")
        self.write("pactolus.toml", '[shop]\ntime_zone = "America/New_York"\n')
        days = collections.Counter(self.day_of(e) for e in self.silver())
        self.day = sorted(days)[1]
        self.assertGreater(days[self.day], 1000)

    def day_of(self, event):
        return event["event_timestamp"].astimezone(self.zone).date()

    def events(self):
        return [e for e in self.silver() if self.day_of(e) == self.day]

    @staticmethod
    def amount(events):
        return sum((e["price"] * e["quantity"] for e in events if e["event_type"] == "purchase" and e["currency"] in (None, "USD")),
                   decimal.Decimal(0))

    def test_user_segments(self):
        (done,) = self.run_model("daily_user_segments", "--date", self.day)
        users = collections.defaultdict(list)
        for e in self.events():
            users[e["user_id"]].append(e)
        before = {e["user_id"] for e in self.silver() if self.day_of(e) < self.day}
        wanted = []
        for user, events in users.items():
            n = collections.Counter(e["event_type"] for e in events)
            segment = "buyer" if n["purchase"] else "cart_abandoner" if n["add_to_cart"] else "window_shopper"
            wanted.append((user, segment, user not in before, n["view"], n["add_to_cart"], n["purchase"], self.amount(events)))
        have = self.rows("daily_user_segments", "user_id", "segment", "is_new", "views", "carts", "purchases", "revenue")
        self.assertEqual(have, sorted(wanted))
        self.assertEqual({w[1] for w in wanted}, {"buyer", "cart_abandoner", "window_shopper"})
        self.assertEqual({w[2] for w in wanted}, {True, False})
        self.assertEqual((done["rows"], done["events"], done["date"], done["time_zone"]),
                         (len(wanted), len(self.events()), str(self.day), "America/New_York"))

    def test_top_products(self):
        self.run_model("daily_top_products", "--date", self.day)
        products = collections.defaultdict(list)
        for e in self.events():
            if e["product_id"] is not None:
                products[e["product_id"]].append(e)
        wanted = []
        for product, events in products.items():
            views = [e for e in events if e["event_type"] == "view"]
            prices = [e["price"] for e in views if e["currency"] in (None, "USD")]
            average = float(sum(prices) / len(prices)) if prices else None
            wanted.append((product, len(views), len({e["user_id"] for e in views}), average,
                           sum(e["event_type"] == "purchase" for e in events), self.amount(events)))
        wanted.sort(key=lambda w: (-w[1], w[0]))
        have = self.rows("daily_top_products", "rank", "product_id", "views", "unique_viewers", "average_price", "purchases", "revenue")
        self.assertEqual([h[1:4] + h[5:] for h in have], [w[:3] + w[4:] for w in wanted])
        for (rank, *_, price, _, _), w in zip(have, wanted):
            if w[3] is not None:
                self.assertAlmostEqual(float(price), w[3], delta=0.00011)
        self.assertEqual([h[0] for h in have], list(range(1, len(wanted) + 1)))

    def test_conversion(self):
        self.run_model("daily_conversion", "--date", self.day)
        count = {"category": collections.Counter(), "product": collections.Counter()}
        for e in self.events():
            if e["product_id"] is not None and e["event_type"] in ("view", "purchase"):
                count["category"][e["product_category"] or "", e["event_type"]] += 1
                count["product"][e["product_id"], e["event_type"]] += 1
        by = {scope: {name: (n[name, "view"], n[name, "purchase"]) for name, _ in n} for scope, n in count.items()}
        seen = {p: (v, k) for p, (v, k) in by["product"].items() if v >= 10}
        self.assertGreater(len(seen), 12)
        top = sorted(seen, key=lambda p: (-(seen[p][1] / seen[p][0]), -seen[p][0], p))[:5]
        bottom = sorted(seen, key=lambda p: (seen[p][1] / seen[p][0], -seen[p][0], p))[:5]
        wanted = [("bottom", i + 1, p, *seen[p]) for i, p in enumerate(bottom)]
        wanted += [("category", i + 1, c, *by["category"][c]) for i, c in enumerate(sorted(by["category"]))]
        wanted += [("top", i + 1, p, *seen[p]) for i, p in enumerate(top)]
        have = self.rows("daily_conversion", "scope", "rank", "name", "views", "purchases", "conversion_rate", "conversion_low",
                         "conversion_high")
        self.assertEqual([h[:5] for h in have], wanted)
        for *_, views, purchases, rate, low, high in have:
            self.assertAlmostEqual(rate, purchases / views, places=12)
            for bound, expected in zip((low, high), wilson(purchases, views)):
                self.assertAlmostEqual(bound, expected, places=12)


class Days(Lake):
    def test_a_day_of_the_shop_also_when_clocks_change(self):
        # In Berlin 2025-10-26 lasts from 22:00 UTC of the 25th to 23:00 UTC, 25 hours.
        hours = [datetime.datetime(2025, 10, 25, 20) + datetime.timedelta(hours=h) for h in range(30)]
        self.ingest(*({"timestamp": h.isoformat() + "Z"} for h in hours), {"timestamp": "2025-10-26T22:59:59.999999Z"})
        self.write("pactolus.toml", '[shop]\ntime_zone = "Europe/Berlin"\n')
        self.model("hours", "SELECT count(*) AS events, min(event_timestamp) AS first, max(event_timestamp) AS last, "
                            "(model_end() - model_start())::VARCHAR AS length FROM events")
        done = self.run_model("hours", "--from", "2025-10-25", "--to", "2025-10-28")
        self.assertEqual([(d["date"], d["events"]) for d in done], [("2025-10-25", 2), ("2025-10-26", 26), ("2025-10-27", 3)])
        (row,) = (r for r in self.table("hours").to_pyarrow_table().to_pylist() if str(r["day"]) == "2025-10-26")
        self.assertEqual((row["events"], row["first"].isoformat(), row["last"].isoformat(), row["length"]),
                         (26, "2025-10-25T22:00:00+00:00", "2025-10-26T22:59:59.999999+00:00", "1 day 01:00:00"))
        # In Havana the day itself begins twice, at 4:00 and 5:00 UTC.
        self.write("pactolus.toml", '[shop]\ntime_zone = "America/Havana"\n')
        hours = [datetime.datetime(2025, 11, 1, 23) + datetime.timedelta(hours=h) for h in range(32)]
        self.ingest(*({"timestamp": h.isoformat() + "Z"} for h in hours))
        done = self.run_model("hours", "--from", "2025-11-01", "--to", "2025-11-03")
        self.assertEqual([(d["date"], d["events"]) for d in done], [("2025-11-01", 5), ("2025-11-02", 25), ("2025-11-03", 2)])

    def test_twice_changes_nothing_and_late_events_come_in(self):
        self.ingest(*({"user_id": f"u{n % 7}", "event_type": ("view", "purchase")[n % 2]} for n in range(40)))
        for model in MODELS:
            (first,) = self.run_model(model, "--date", DAY)
            rows = self.rows(model)
            (again,) = self.run_model(model, "--date", DAY)
            self.assertEqual((again["rows"], again["replaced_rows"], again["version"]), (first["rows"], first["rows"], first["version"] + 1))
            self.assertEqual(self.rows(model), rows)
        self.ingest({"user_id": "late", "product_id": "p9"}, {"timestamp": "2025-11-21T10:00:00Z"})
        self.run_model("--all", "--from", DAY, "--to", "2025-11-22")
        self.assertEqual([r for r in self.rows("daily_user_segments", "day", "user_id", "views") if r[1] == "late"],
                         [(datetime.date(2025, 11, 20), "late", 1)])
        days = collections.Counter(str(d) for d in self.table("daily_top_products").to_pyarrow_table()["day"].to_pylist())
        self.assertEqual(days, {DAY: 2, "2025-11-21": 1})
        self.assertEqual(self.pactolus("verify")["verdict"], "ok")
        listed = {m["model"]: m for m in self.pactolus("model", "list")["models"]}
        self.assertEqual((listed["daily_conversion"]["days"], listed["daily_conversion"]["last_day"]), (2, "2025-11-21"))

    def test_killed_at_every_point(self):
        self.ingest({}, {"event_type": "purchase"})
        self.run_model("daily_top_products", "--date", DAY)
        before = self.rows("daily_top_products")
        self.ingest({"product_id": "p2"})
        for point in LOST:
            killed = self.run_it("model", "run", "daily_top_products", "--date", DAY, "--lake", self.lake, PACTOLUS_FAULT=point)
            self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
            self.assertEqual(self.rows("daily_top_products"), before)
        killed = self.run_it("model", "run", "daily_top_products", "--date", DAY, "--lake", self.lake, PACTOLUS_FAULT="model.linked")
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        after = self.rows("daily_top_products")
        self.assertEqual(len(after), 2)
        self.run_model("daily_top_products", "--date", DAY)
        self.assertEqual(self.rows("daily_top_products"), after)
        self.good("verify", "--lake", self.lake)
        # The very first run too.
        killed = self.run_it("model", "run", "daily_conversion", "--date", DAY, "--lake", self.lake, PACTOLUS_FAULT="model.files_written")
        self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
        self.run_model("daily_conversion", "--date", DAY)
        self.assertEqual(len(self.rows("daily_conversion")), 1)

    def test_at_once_the_day_is_never_doubled(self):
        self.ingest(*({"user_id": f"u{n}"} for n in range(30)))
        at_once = [self.start("model", "run", "daily_user_segments", "--date", DAY, "--lake", self.lake) for _ in range(6)]
        for process in at_once:
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(len(self.rows("daily_user_segments")), 30)
        self.assertGreaterEqual(self.table("daily_user_segments").version(), 6)

    def test_an_erased_person_is_gone_from_them(self):
        self.ingest({"user_id": "ann"}, {"user_id": "bob"})
        self.run_model("daily_user_segments", "--date", DAY)
        self.good("tables", "erase", "--user", "ann", "--lake", self.lake)
        self.assertEqual(self.rows("daily_user_segments", "user_id"), [("bob",)])
        self.good("verify", "--lake", self.lake)

    def test_also_where_the_column_is_in_capitals(self):
        self.ingest({"user_id": "ann"}, {"user_id": "bob"})
        self.model("mixed", "SELECT user_id AS User_Id, count(*) AS n FROM events GROUP BY 1")
        self.run_model("mixed", "--date", DAY)
        self.good("tables", "erase", "--user", "ann", "--lake", self.lake)
        self.assertEqual(self.rows("mixed", "User_Id"), [("bob",)])

    def test_a_column_of_that_name_that_names_nobody_is_left_alone(self):
        self.ingest({"user_id": "ann"}, {"user_id": "bob"})
        self.model("counted", "SELECT count(DISTINCT user_id) AS user_id FROM events")
        self.run_model("counted", "--date", DAY)
        self.good("tables", "erase", "--user", "ann", "--lake", self.lake)
        self.assertEqual(self.rows("counted", "user_id"), [(2,)])


class Own(Lake):
    def setUp(self):
        super().setUp()
        self.ingest({"page_url": "/a"}, {"page_url": "/b<i>|x"}, {"page_url": "/b<i>|x", "event_type": "page_view", "product_id": None, "price": None},
                    {"event_type": "purchase", "quantity": 3}, {"event_type": "refund"}, {"event_type": "purchase", "currency": "EUR"})

    def test_a_file_is_a_model(self):
        self.model("top_pages", "-- Pages by views.\n-- plot: views by page_url\nSELECT page_url, count(*) AS views FROM events\n"
                                "WHERE page_url IS NOT NULL GROUP BY page_url ORDER BY views DESC;\n")
        (done,) = self.run_model("top_pages", "--date", DAY)
        self.assertEqual((done["model"], done["rows"], done["events"]), ("top_pages", 2, 6))
        self.assertEqual(self.rows("top_pages"), [(datetime.date(2025, 11, 20), "/a", 1), (datetime.date(2025, 11, 20), "/b<i>|x", 2)])
        listed = {m["model"]: m for m in self.pactolus("model", "list")["models"]}
        self.assertEqual(sorted(listed), sorted([*MODELS, "top_pages"]))
        self.assertEqual((listed["top_pages"]["title"], listed["top_pages"]["built_in"]), ("Pages by views.", False))
        shown = self.pactolus("gold", "show", "top_pages")
        self.assertEqual((shown["day"], shown["rows"][0]), (DAY, {"page_url": "/b<i>|x", "views": 2}))
        self.assertEqual(json.loads(self.good("sql", "SELECT sum(views) AS n FROM top_pages", "--json", "--lake", self.lake)), [{"n": 3}])

    def test_amounts(self):
        self.model("money", "SELECT event_type, currency, amount FROM events WHERE amount <> 0 OR amount IS NULL")
        self.run_model("money", "--date", DAY)
        self.assertEqual(sorted(self.table("money").to_pyarrow_table().to_pylist(), key=repr),
                         sorted(({"day": datetime.date(2025, 11, 20), "event_type": t, "currency": c, "amount": a and decimal.Decimal(a)}
                                 for t, c, a in (("purchase", None, "30.0000"), ("refund", None, "-10.0000"), ("purchase", "EUR", None))), key=repr))

    def test_takes_the_place_of_a_built_in_one(self):
        self.model("daily_conversion", "SELECT 1 AS one")
        self.run_model("daily_conversion", "--date", DAY)
        self.assertEqual(self.rows("daily_conversion", "one"), [(1,)])

    def test_columns_may_be_added(self):
        self.model("m", "SELECT 1 AS a")
        self.run_model("m", "--date", DAY)
        self.ingest({"timestamp": "2025-11-21T00:00:00Z"})
        self.model("m", "SELECT 'x' AS b, 2 AS a, sum(2::BIGINT) AS c FROM range(3)")
        self.run_model("m", "--date", "2025-11-21")
        self.assertEqual(sorted(self.rows("m", "day", "a", "b", "c"), key=str),
                         [(datetime.date(2025, 11, 20), 1, None, None), (datetime.date(2025, 11, 21), 2, "x", 6)])
        self.model("m", "SELECT 1.5::DOUBLE AS a")
        before = self.table("m").version()
        self.assertRegex(self.refused("m", "--date", DAY), r"a.*int.*double[^\n]*\n *--> models/m.sql")
        self.assertEqual(self.table("m").version(), before)
        self.model("m", "SELECT 1 AS A")
        self.assertRegex(self.refused("m", "--date", DAY), r"A is a there[^\n]*\n *--> models/m.sql")
        self.assertEqual(self.table("m").version(), before)
        self.good("sql", "SHOW TABLES", "--lake", self.lake)

    def test_a_comment_behind_the_last_semicolon(self):
        self.model("m", "SELECT 1 AS a, 2.5 AS b;\n-- that was all;\n/* really */\n")
        self.run_model("m", "--date", DAY)
        self.assertEqual(self.rows("m", "a", "b"), [(1, decimal.Decimal("2.5"))])

    def test_reports(self):
        self.model("top_pages", "-- Pages & <views>.\n-- plot: views by page_url\nSELECT page_url, count(*) AS views FROM events\n"
                                "WHERE page_url IS NOT NULL GROUP BY page_url ORDER BY views DESC")
        self.run_model("--all", "--date", DAY, "--report", "day.html")
        page = (self.folder / "day.html").read_text()
        seen = collections.Counter()

        class Tags(html.parser.HTMLParser):
            def handle_starttag(self, tag, attrs):
                seen[tag] += 1

        Tags().feed(page)
        self.assertEqual((seen["h2"], seen["table"], seen["svg"], seen["script"], seen["i"]), (4, 4, 4, 0, 0), page)
        self.assertIn("Pages &amp; &lt;views&gt;.", page)
        self.assertNotIn("http", page.replace("http://www.w3.org", ""))
        self.run_model("top_pages", "--date", DAY, "--report", "day.md")
        text = (self.folder / "day.md").read_text()
        self.assertIn("| /b\\<i\\>\\|x | 2 |", text)
        self.assertRegex(text, r"/b<i>\|x +█{40} 2\n/a +█{20} 1")
        self.ingest(*[{"page_url": "\n```\n<img src=x>\x1b[31m"}] * 4)
        for report in ("day.md", "day.html"):
            self.run_model("top_pages", "--date", DAY, "--report", report)
            text = (self.folder / report).read_text()
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\n<img", text)
            self.assertIn(r"\n```\n<img src=x>" if report == "day.md" else r"\n```\n&lt;img src=x&gt;", text)

    def test_mistakes_are_told_and_write_nothing(self):
        for name, text, said in (
                ("typo", "-- t\nSELECT page_url,\n  count(*) AS n\nFROM evnts\nGROUP BY ALL", r"evnts.*\n[^$]*--> models/typo.sql:4"),
                ("syntax", "SELEC 1", "--> models/syntax.sql:1"),
                ("twice", "SELECT 1 AS n, 2 AS N", r"two columns are called N\n *--> models/twice.sql"),
                ("unnamed", "SELECT count(*) FROM events", r"cannot be called count_star\(\)\n *--> models/unnamed.sql\n *hint: .*AS events"),
                ("its_day", "SELECT model_day() AS day", "the column day is added"),
                ("nested", "SELECT [1] AS a", r"a type that no table has: INTEGER\[\]"),
                ("two", "SELECT 1 AS a; SELECT 2 AS a", "one statement is expected"),
                ("writes", "CREATE TABLE t AS SELECT 1", "only statements that read"),
                ("outside", "SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
                ("fails", "SELECT ('x' || page_url)::INTEGER AS n FROM events WHERE page_url IS NOT NULL", "Could not convert"),
                ("plotted", "-- t\n-- plot: vieews by page_url\nSELECT page_url, count(*) AS views FROM events GROUP BY ALL",
                 r'not there: vieews; did you mean "?views"?\?\n *--> models/plotted.sql'),
                ("its_date", 'SELECT 1 AS "DAY"', "the column day is added"),
                ("hidden", "SELECT 1 AS ctid", "cannot be called ctid"),
                ("long", f"SELECT 1 AS {'x' * 64}", "cannot be called x"),
                ("endless", "SELECT 'infinity'::TIMESTAMP AS t", "time outside the years 1 to 9999: infinity"),
                ("old", "SELECT DATE '0044-03-15 (BC)' AS d", "time outside the years 1 to 9999: 0044"),
                ("third", "-- t\nSELECT product_id,\n  (product_id || 'x')::INTEGER AS n\nFROM events", "--> models/third.sql:3\n"),
                ("empty", "", "there is no query")):
            with self.subTest(name):
                self.model(name, text)
                self.assertRegex(self.refused(name, "--date", DAY), said)
                self.assertFalse((self.lake / "gold" / name).exists())
        self.assertFalse((self.lake / "_pactolus/tmp").exists() and list((self.lake / "_pactolus/tmp").iterdir()))
        self.assertIn('did you mean "daily_conversion"', self.refused("daily_convertion", "--date", DAY))
        said = self.refused("daily_conversion", "--date", "2025-01-01", code=3)
        self.assertIn("no events on 2025-01-01 (UTC)", said)
        self.assertIn(f"Silver has events of {DAY} to {DAY}", said)
        self.refused("daily_conversion", "--date", "2025-01-01", "--report", "none.html", code=3)
        shutil.rmtree(self.folder / "models")
        self.refused("--all", "--date", "2025-01-01", "--report", "none.html", code=3)
        self.assertFalse((self.folder / "none.html").exists())
        self.assertIn("no events on 2025-01-01 to 2025-01-03", self.refused("--all", "--from", "2025-01-01", "--to", "2025-01-03", code=3))
        for words, what in ((("daily_conversion",), "which day?"), (("--date", DAY), "which model?"),
                            (("--all", "--date", DAY, "--to", DAY), "leave one of them out"),
                            (("--all", "--from", DAY, "--to", "2025-11-01"), "before it begins"),
                            (("--all", "--date", DAY, "--report", "x.pdf"), ".md or .html"),
                            (("daily_conversion", "--date", "2025-13-01"), "date")):
            self.assertIn(what, self.refused(*words))
        self.assertIn("no lake", self.bad(3, "model", "run", "--all", "--date", DAY, "--lake", "nowhere").lower())

    def test_names(self):
        self.model("product_interest", "SELECT 1 AS a")
        self.assertIn("a view has the name product_interest", self.refused("--all", "--date", DAY))
        (self.folder / "models/product_interest.sql").unlink()
        for name in ("Top Pages", "events", "silver"):
            self.model(name, "SELECT 1 AS a")
            self.assertRegex(self.refused(name, "--date", DAY), "cannot be called")
            self.assertIn("cannot be called", {m["model"]: m["problem"] for m in self.pactolus("model", "list")["models"]}[name])
        (self.folder / "models/folder.sql").mkdir()
        (self.folder / "models/.#away.sql").symlink_to("nowhere")
        self.assertIn("folder.sql", {m["model"]: m["problem"] for m in self.pactolus("model", "list")["models"]}["folder"])
        (self.folder / "models/folder.sql").rmdir()
        # The others go on, and the exit code tells.
        self.model("broken", "SELECT nothing")
        done = self.run_it("model", "run", "--all", "--date", DAY, "--json", "--lake", self.lake)
        self.assertEqual(done.returncode, 2)
        lines = {line["model"]: line for line in map(json.loads, done.stdout.splitlines())}
        self.assertEqual({m for m, line in lines.items() if "rows" in line}, set(MODELS))
        self.assertEqual({m for m, line in lines.items() if "error" in line}, {"Top Pages", "events", "silver", "broken"})
        self.assertEqual(done.stderr.count("error: "), 4)
        self.assertFalse((self.lake / "gold/events").exists())


if __name__ == "__main__":
    main()
