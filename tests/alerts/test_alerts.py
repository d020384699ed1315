"""Alerts through the real program: each transition once, whatever the batches; listed, acknowledged, silenced, verified.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/alerts/test_alerts.py
"""

import collections
import datetime
import decimal
import json
import math
import pathlib
import shutil
import signal
import sys

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InALake, main  # noqa: E402

SLIDE, SIZE = datetime.timedelta(minutes=1), datetime.timedelta(minutes=10)
POINTS = ("batch.gold_committed", "alerts.files_written", "alerts.before_link", "alerts.linked")


class Lake(InALake):
    end = datetime.datetime(2025, 11, 29, 13)  # the same windows whenever a test runs

    def send(self, count=12_000, seed=7, rate=10):
        self.good("simulate", "--profile", "shop", "--count", count, "--rate", rate, "--fast", "--seed", seed, "--late-ratio", 0.01,
                  "--end", self.end.isoformat() + "Z", "--to", f"lake:{self.lake}")

    def run_job(self, *words, **how):
        return self.good("run", "--until-caught-up", *words, "--lake", self.lake, **how)

    def gold(self, table):
        return DeltaTable(self.lake / "gold" / table).to_pyarrow_table().to_pylist()

    def alerts(self):
        return sorted((a["product_id"], a["window_start"], a["state"], a["opened_window"], a["views"], a["purchases"])
                      for a in self.gold("alerts") if a["rule"] == "high_interest_low_conversion")

    def evidence(self):
        return sorted((a["batch_id"], a["product_id"], a["state"], a["opened_window"], a["views"], a["purchases"], a["other_views"],
                       a["other_purchases"], round(a["ln_evidence"], 6)) for a in self.gold("alerts") if a["rule"] == "low_conversion")

    def expected_evidence(self):
        """The e-process, said again: from Silver's rows by batch, each batch a look."""
        rows = DeltaTable(self.lake / "silver/events").to_pyarrow_table(
            columns=["batch_id", "processing_timestamp", "product_id", "product_category", "event_type"]).to_pylist()
        looks = collections.defaultdict(list)
        times = {}
        for r in rows:
            looks[r["batch_id"]].append(r)
            times[r["batch_id"]] = r["processing_timestamp"]
        out, period, told = [], None, {}
        for batch in sorted(looks):
            hour = times[batch].replace(minute=0, second=0, microsecond=0)
            if hour != period:
                out += [(batch, p, "resolved", period, *n) for p, n in told.items()]
                period, told, past, evidence = hour, {}, collections.Counter(), collections.Counter()
            now = collections.Counter()
            for r in looks[batch]:
                if r["product_id"] is not None and r["event_type"] in ("view", "purchase"):
                    now[r["product_id"], r["product_category"] or "", r["event_type"] == "purchase"] += 1
            in_category = lambda n, c, bought: sum(v for (_, cc, b), v in n.items() if cc == c and b == bought)
            totals = {c: tuple((in_category(now, c, b), in_category(past, c, b)) for b in (False, True)) for c in {c for _, c, _ in now}}
            of_product = collections.Counter()
            for (p, _, b), v in past.items():
                of_product[p, b] += v
            for p, c in {(p, c) for p, c, _ in now}:
                (views, all_views), (bought, all_bought) = totals[c]
                ya, fa = now[p, c, True], now[p, c, False]
                yb, fb = bought - ya, views - fa
                past_yb, past_fb = all_bought - past[p, c, True], all_views - past[p, c, False]
                if past_yb == 0 or past_fb == 0:
                    continue
                b = past_yb / (past_yb + past_fb)
                a = (of_product[p, True] + 10 * b) / (of_product[p, True] + of_product[p, False] + 20)
                if a < b:
                    mixed = ((ya + fa) * a + (yb + fb) * b) / (ya + fa + yb + fb)
                    evidence[p] += (ya * math.log(a / mixed) + fa * math.log((1 - a) / (1 - mixed)) + yb * math.log(b / mixed)
                                    + fb * math.log((1 - b) / (1 - mixed)))
            past.update(now)
            for p in {p for p, _, _ in now}:
                if evidence[p] < math.log(10_000) or (p in told and evidence[p] < told[p][4] + math.log(1000)):
                    continue
                mine = [sum(v for (q, _, b), v in past.items() if q == p and b == bought) for bought in (False, True)]
                mine_in = {c for q, c, _ in past if q == p}
                others = [sum(v for (q, c, b), v in past.items() if q != p and c in mine_in and b == bought) for bought in (False, True)]
                state = "update" if p in told else "open"
                told[p] = (*mine, *others, evidence[p])
                out.append((batch, p, state, period, *told[p]))
        return sorted((*o[:-1], round(o[-1], 6)) for o in out)

    def watermark(self):
        return datetime.datetime.fromisoformat(json.loads(self.good("status", "--json", "--lake", self.lake))["watermark"])

    def expected(self):
        """The rule, said again: from the final windows alone."""
        return self.transitions(self.gold("product_interest"), lambda r: r["views"] > 100 and r["purchases"] < 5)

    def transitions(self, rows, condition):
        """(product, window, state, opening, views, purchases) of these final windows, up to the watermark."""
        windows = collections.defaultdict(dict)
        for row in rows:
            windows[row["product_id"]][row["window_start"]] = row
        out, end = [], self.watermark()
        for product, by_start in windows.items():
            opened = last = None
            start = min(by_start)
            while start + SIZE <= end and start <= max(by_start) + SLIDE:
                row = by_start.get(start)
                numbers = (row["views"], row["purchases"]) if row else (0, 0)
                met = bool(row) and condition(row)
                if met and opened is None:
                    opened = start
                    out.append((product, start, "open", opened, *numbers))
                elif met and numbers != last:
                    out.append((product, start, "update", opened, *numbers))
                elif not met and opened is not None:
                    out.append((product, start, "resolved", opened, *numbers))
                    opened = None
                last = numbers
                start += SLIDE
        return sorted(out)


class Told(Lake):
    def test_each_transition_once_whatever_the_batches(self):
        self.send()
        shutil.copytree(self.lake, self.folder / "log")
        self.run_job("--close-windows")
        straight = self.alerts()
        self.assertEqual(straight, self.expected())
        self.assertEqual({a[2] for a in straight}, {"open", "update", "resolved"})
        self.assertIn("prod_0042", {a[0] for a in straight})
        self.assertGreater(len(straight), 20)
        self.assertEqual(self.evidence(), self.expected_evidence())
        # In small batches, each by a process of its own that is killed somewhere behind Silver's commit.
        shutil.rmtree(self.lake)
        shutil.copytree(self.folder / "log", self.lake)
        killed = 0
        for n in range(60):
            done = self.run_it("run", "--until-caught-up", "--batch-records", 600, "--close-windows", "--lake", self.lake,
                               PACTOLUS_FAULT=f"{POINTS[n % len(POINTS)]}")
            self.assertIn(done.returncode, (0, -signal.SIGKILL), done.stderr)
            killed += done.returncode != 0
            if done.returncode == 0:
                break
        self.run_job("--close-windows")
        self.assertGreater(killed, 10)
        self.assertEqual(self.alerts(), self.expected())
        self.assertEqual(self.evidence(), self.expected_evidence())
        self.assertIn(("prod_0042", "open"), {e[1:3] for e in self.evidence()})
        self.good("verify", "--lake", self.lake)

    def test_the_product_that_nobody_buys_is_found_within_one_window(self):
        """The classic profile: 5 events a second, a fifth of them of prod_0042, for ten minutes."""
        self.good("simulate", "--profile", "classic", "--count", 3000, "--rate", 5, "--fast", "--seed", 11, "--end", "2025-11-29T13:00:00Z",
                  "--to", f"lake:{self.lake}")
        self.run_job("--batch-records", 15)
        self.assertEqual({e[1] for e in self.evidence()}, {"prod_0042"})
        self.assertLess(self.evidence()[0][4], 400, "views of it when it was found")
        self.assertEqual(self.evidence(), self.expected_evidence())

    def test_nothing_is_told_again_when_the_log_is_read_on(self):
        self.send(6000)
        self.run_job()
        before = self.alerts()
        self.assertEqual(before, self.expected())
        self.run_job()
        self.assertEqual(self.alerts(), before)
        shutil.rmtree(self.lake / "_pactolus/snapshots")
        self.run_job()
        self.assertEqual(self.alerts(), before)
        self.end += datetime.timedelta(minutes=10)
        self.send(2000, seed=9)
        shutil.rmtree(self.lake / "_pactolus/snapshots")
        self.run_job("--batch-records", 300)
        self.assertEqual((self.alerts(), self.evidence()), (self.expected(), self.expected_evidence()))

    def test_a_lake_without_the_table_gets_what_is_open(self):
        self.send(6000)
        self.run_job()
        open_now = {a["product_id"]: a for a in self.pactolus("alerts", "ls")["alerts"] if a["rule"] == "high_interest_low_conversion"}
        self.assertGreater(len(open_now), 0)
        shutil.rmtree(self.lake / "gold/alerts")
        self.run_job()
        self.assertEqual({a[0]: a[2] for a in self.alerts()}, {product: "open" for product in open_now})
        self.end += datetime.timedelta(minutes=10)
        self.send(6000, seed=8)
        self.run_job("--close-windows")
        self.assertEqual([a for a in self.pactolus("alerts", "ls")["alerts"] if a["rule"] == "high_interest_low_conversion"], [])
        self.good("verify", "--lake", self.lake)


class Rules(Lake):
    """Rules of the shop's own, in pactolus.toml."""

    DEAR = ("dear_and_left", "carts > 12 and revenue < 900.5", lambda r: r["carts"] > 12 and r["revenue"] < decimal.Decimal("900.5"))
    RATE = ("poor_rate", "views >= 60 AND conversion_high<0.12",
            lambda r: r["views"] >= 60 and r["conversion_high"] is not None and r["conversion_high"] < 0.12)
    SHOPS = ("high_interest_low_conversion", "views > 100 and purchases < 5", lambda r: r["views"] > 100 and r["purchases"] < 5)
    WIDER = ("high_interest_low_conversion", "views > 60 and purchases < 8", lambda r: r["views"] > 60 and r["purchases"] < 8)

    def configure(self, *rules, without=(), evidence=None):
        tables = [f'[[alert]]\nname = "{name}"\nwhen = "{when}"\n' for name, when, _ in rules]
        tables += [f'[[alert]]\nname = "{name}"\nenabled = false\n' for name in without]
        if evidence:
            tables.append(f'[[alert]]\nname = "low_conversion"\nevidence = {evidence}\n')
        self.write("pactolus.toml", "".join(tables))

    def told(self, rule, after=datetime.datetime.min):
        return sorted((a["product_id"], a["window_start"].replace(tzinfo=None), a["state"], a["opened_window"].replace(tzinfo=None),
                       a["views"], a["purchases"]) for a in self.gold("alerts") if a["rule"] == rule[0]
                      and a["opened_window"].replace(tzinfo=None) + SIZE > after)

    def judged(self, rule, after=datetime.datetime.min):
        """From the final windows that end after that time."""
        rows = [r for r in self.gold("product_interest") if r["window_end"].replace(tzinfo=None) > after]
        return [(product, start.replace(tzinfo=None), state, opened.replace(tzinfo=None), *numbers)
                for product, start, state, opened, *numbers in self.transitions(rows, rule[2])]

    def still_open(self, rule):
        last = {}
        for product, _, state, opened, *_ in sorted(self.told(rule), key=lambda t: (t[3], t[1], t[2] == "resolved")):
            last[product, opened] = state
        return [name for name, state in last.items() if state != "resolved"]

    def test_each_by_its_own_condition(self):
        self.configure(self.DEAR, self.RATE)
        self.send()
        for point in POINTS * 3:
            self.run_it("run", "--until-caught-up", "--batch-records", 900, "--lake", self.lake, PACTOLUS_FAULT=point)
        self.run_job("--batch-records", 900, "--close-windows")
        for rule in (self.DEAR, self.RATE, self.SHOPS):
            self.assertGreater(len(self.judged(rule)), 20, rule[0])
            self.assertEqual(self.told(rule), self.judged(rule))
        self.assertEqual({a["threshold"] for a in self.gold("alerts") if a["rule"] == "poor_rate"}, {"views >= 60 and conversion_high < 0.12"})
        self.good("verify", "--lake", self.lake)

    def test_one_that_changes_begins_anew_and_resolves_what_was_open(self):
        self.configure(self.DEAR)
        self.send(9000)
        self.run_job()
        changed = self.watermark().replace(tzinfo=None)
        before = {rule: self.told(rule) for rule in (self.SHOPS, self.DEAR)}
        self.assertTrue(self.still_open(self.SHOPS) and self.still_open(self.DEAR))
        self.configure(self.WIDER, self.RATE, without=["dear_and_left"])
        self.assertIn("the rules of alerts have changed", self.run_it("run", "--until-caught-up", "--lake", self.lake).stderr)
        self.assertEqual(self.still_open(self.DEAR) + self.still_open(self.SHOPS), [])
        self.end += datetime.timedelta(minutes=20)
        self.send(9000, seed=9)
        shutil.rmtree(self.lake / "_pactolus/snapshots")
        self.run_job("--batch-records", 900, "--close-windows")
        for rule in (self.WIDER, self.RATE):
            self.assertGreater(len(self.judged(rule, changed)), 10)
            self.assertEqual(self.told(rule, changed), self.judged(rule, changed))
        # What was told before stands, and of the rule that is gone there is nothing new.
        for rule, told in before.items():
            self.assertFalse(collections.Counter(told) - collections.Counter(self.told(rule)))
        self.assertEqual({t[2] for t in (collections.Counter(self.told(self.DEAR)) - collections.Counter(before[self.DEAR]))}, {"resolved"})
        (alerts,) = [c for c in json.loads(self.good("verify", "--json", "--lake", self.lake))["checks"] if c["name"] == "alerts"]
        judged = sum(len(self.told(rule, changed)) for rule in (self.WIDER, self.RATE))
        others = sum(a["rule"] != "low_conversion" for a in self.gold("alerts")) - judged
        self.assertGreater(others, 0)
        self.assertEqual((alerts["figures"]["judged"], alerts["figures"]["transitions_of_earlier_rules"]), (judged, others))
        self.assertIn(f"{others} of rules that were are not judged", alerts["summary"].replace(",", ""))

    def test_how_strong_evidence_must_be(self):
        self.configure(evidence=1000)
        self.send(9000)
        self.run_job("--batch-records", 300)
        found = [math.exp(a["ln_evidence"]) for a in self.gold("alerts") if a["rule"] == "low_conversion" and a["state"] == "open"]
        self.assertTrue(found and min(found) >= 1000)
        self.assertLess(min(found), 10_000)
        self.configure(without=["low_conversion"])
        self.run_job()
        rows = [a for a in self.gold("alerts") if a["rule"] == "low_conversion"]
        self.assertEqual(len([a for a in rows if a["state"] == "open"]), len([a for a in rows if a["state"] == "resolved"]))
        self.end += datetime.timedelta(minutes=20)
        self.send(9000, seed=9)
        self.run_job("--batch-records", 300)
        self.assertEqual(len([a for a in self.gold("alerts") if a["rule"] == "low_conversion"]), len(rows))


class Commands(Lake):
    def test_listed_acknowledged_and_silenced(self):
        self.assertIn("no lake", self.bad(3, "alerts", "ls", "--lake", "nowhere").lower())
        self.send()
        self.run_job()
        last = {}
        for product, start, state, *rest in self.expected():
            last[product] = (state, *rest[1:])
        still_open = {p: numbers for p, (state, *numbers) in last.items() if state != "resolved"}
        shop_rule = "high_interest_low_conversion"
        listed = [a for a in self.pactolus("alerts", "ls")["alerts"] if a["rule"] == shop_rule]
        self.assertEqual({a["product_id"]: [a["views"], a["purchases"]] for a in listed}, still_open)
        self.assertIn("prod_0042", still_open)
        self.assertEqual([a["views"] for a in listed], sorted((a["views"] for a in listed), reverse=True))
        everything = self.pactolus("alerts", "ls", "--all", "--limit", 5)
        self.assertEqual((everything["found"], len(everything["alerts"])), (len(self.expected()) + len(self.evidence()), 5))
        self.good("alerts", "ack", "prod_0042", "--note", "price was wrong", "--lake", self.lake)
        self.good("alerts", "silence", "prod_0042", "p-other", "--for", "2h", "--lake", self.lake)
        (mine,) = (a for a in self.pactolus("alerts", "ls")["alerts"] if a["product_id"] == "prod_0042" and a["rule"] == shop_rule)
        self.assertEqual(mine["note"], "price was wrong")
        self.assertIsNotNone(mine["acknowledged"])
        self.assertGreater(mine["silenced_until"], mine["acknowledged"])
        self.good("alerts", "ack", "prod_0042", "--lake", self.lake)  # once more, with nothing new to say
        self.assertRegex(self.good("alerts", "ls", "--lake", self.lake), "prod_0042 .*acknowledged: price was wrong  silenced until")
        self.good("alerts", "silence", "prod_0042", "--off", "--lake", self.lake)
        (mine,) = (a for a in self.pactolus("alerts", "ls")["alerts"] if a["product_id"] == "prod_0042" and a["rule"] == shop_rule)
        self.assertIsNone(mine["silenced_until"])
        self.run_job("--close-windows")
        self.assertEqual([a for a in self.pactolus("alerts", "ls")["alerts"] if a["rule"] == shop_rule], [])
        self.assertIn("no alert of prod_4711 is open", self.bad(3, "alerts", "ack", "prod_4711", "--lake", self.lake))
        self.assertIn("for how long?", self.bad(2, "alerts", "silence", "prod_0042", "--lake", self.lake))

    def test_verify_finds_an_alert_that_is_missing_or_wrong(self):
        self.send()
        self.run_job("--close-windows")
        self.good("verify", "--lake", self.lake)
        table = DeltaTable(self.lake / "gold/alerts")
        for harm, said in ((lambda: table.delete("product_id = 'prod_0042' AND state = 'open'"), "prod_0042: open .* is missing"),
                           (lambda: table.update(updates={"views": "views + 1"}, predicate="product_id = 'prod_0042' AND state = 'open'"),
                            "should not be"),
                           (lambda: table.update(updates={"conversion_rate": "0.5"}, predicate="product_id = 'prod_0042' AND state = 'open'"),
                            r"prod_0042: open .* has a conversion of 0\.5"),
                           (lambda: table.update(updates={"state": "'update'"}, predicate="product_id = 'prod_0042' AND state = 'resolved'"),
                            "prod_0042: resolved .* is missing")):
            before = table.version()
            harm()
            done = self.run_it("verify", "--lake", self.lake)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, rf"FAIL alerts [^$]*{said}")
            table.restore(before)
            self.good("verify", "--lake", self.lake)


if __name__ == "__main__":
    main()
