"""pactolus sql through the real program: what it answers, what it refuses, and the prompt on a terminal.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/sql/test_sql.py
"""

import csv
import io
import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import time

import duckdb
import pyarrow.parquet
from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import BIN, InALake, environment, main  # noqa: E402


class Lake(InALake):
    def setUp(self):
        super().setUp()
        self.send(3)

    def send(self, seed):
        self.good("simulate", "--profile", "shop", "--count", 3000, "--rate", 20, "--fast", "--seed", seed, "--bad-ratio", 0.02,
                  "--to", f"lake:{self.lake}")
        self.good("run", "--until-caught-up", "--close-windows", "--lake", self.lake)

    def sql(self, query, *words, **how):
        return self.good("sql", query, *words, "--lake", self.lake, **how)

    def rows(self, query, *words):
        return json.loads(self.sql(query, "--format", "json", *words))

    def refused(self, query, *words, code=2):
        return self.bad(code, "sql", query, *words, "--lake", self.lake)


class Answers(Lake):
    def test_every_table_as_another_reader_sees_it(self):
        for name, folder in (("silver", "silver/events"), ("quarantine", "quarantine/events"), ("ledger", "ledger"),
                             ("gold.product_interest", "gold/product_interest"), ("product_interest", "gold/product_interest"),
                             ("gold.category_conversion", "gold/category_conversion")):
            table = DeltaTable(self.lake / folder).to_pyarrow_table()
            with self.subTest(name):
                (have,) = self.rows(f"SELECT count(*) AS n, sum(hash(t::VARCHAR)) AS h FROM (SELECT COLUMNS(*)::VARCHAR FROM {name}) t")
                names = self.rows(f"SELECT column_name FROM (DESCRIBE {name})")
                self.assertEqual(have["n"], table.num_rows)
                self.assertGreater(table.num_rows, 0)
                self.assertEqual([r["column_name"] for r in names], table.column_names)
        silver = DeltaTable(self.lake / "silver/events").to_pyarrow_table()  # noqa: F841
        wanted = duckdb.sql("SELECT event_type, count(*), sum(price * quantity)::VARCHAR, min(epoch_us(event_timestamp)) FROM silver "
                            "GROUP BY ALL ORDER BY ALL").fetchall()
        have = self.rows("SELECT event_type, count(*) AS n, sum(price * quantity)::VARCHAR AS s, min(epoch_us(event_timestamp)) AS t "
                         "FROM silver GROUP BY ALL ORDER BY ALL")
        self.assertEqual([tuple(r.values()) for r in have], wanted)

    VALUES = ("SELECT 1 AS a, 2.50::DECIMAL(18,4) AS b, 'x,\"y\"' || chr(10) || chr(27) || '[31m|' AS c, NULL AS d, true AS e, "
              "MAP {'EUR': 1.5} AS f, TIMESTAMPTZ '2025-11-29 10:00:00Z' AS g, '' AS h, 1e300 * 10 AS i, [1, 2] AS j")

    def test_json(self):
        text = self.sql(self.VALUES, "--format", "json")
        self.assertIn('"b":2.5000', text)  # every digit of a decimal
        self.assertEqual(json.loads(text), [{"a": 1, "b": 2.5, "c": 'x,"y"\n\x1b[31m|', "d": None, "e": True, "f": {"EUR": 1.5},
                                             "g": "2025-11-29 10:00:00+00", "h": "", "i": 1e301, "j": [1, 2]}])
        self.assertEqual(self.rows("SELECT 'nan'::DOUBLE AS x, 'inf'::DOUBLE AS y"), [{"x": None, "y": None}])
        self.assertEqual(self.rows("SELECT [1e308 * 10, 1] AS l, {'x': 'nan'::DOUBLE, 'y': 'NaN \\\\\"Infinity'} AS s"),
                         [{"l": [None, 1], "s": {"x": None, "y": 'NaN \\\\"Infinity'}}])
        self.assertEqual(self.sql("SELECT 1 WHERE false", "--json"), "[]\n")
        self.assertEqual(len(self.rows("FROM range(100000)")), 100_000)

    def test_csv(self):
        text = subprocess.run([BIN, "sql", self.VALUES, "--format", "csv", "--lake", self.lake], cwd=self.folder,
                              env=environment(self.folder), capture_output=True, check=True).stdout.decode()
        heading, row = csv.reader(io.StringIO(text, newline=""))
        self.assertEqual(heading, list("abcdefghij"))
        self.assertEqual(row[:5], ["1", "2.5000", 'x,"y"\n\x1b[31m|', "", "true"])
        self.assertTrue("\r" not in text and ',"",' in text, "an empty text is not null")
        self.assertEqual(self.sql("SELECT 1 AS a WHERE false", "--format", "csv"), "a\n")

    def test_for_people(self):
        box = self.sql(self.VALUES)
        self.assertIn("│ a │      b │ c ", box)  # numbers on the right
        self.assertIn("\\n\\x1b[31m|", box)
        self.assertNotIn("\x1b", box)
        self.assertEqual(len({len(line) for line in box.splitlines()}), 1)
        markdown = self.sql("SELECT 'a|b' AS x, 7 AS number", "--format", "markdown")
        self.assertEqual(markdown, "| x    | number |\n|------|-------:|\n| a\\|b |      7 |\n")
        self.assertEqual(self.sql("SELECT 'a\\|' AS \"x|y\"", "--format", "markdown"), "| x\\|y  |\n|-------|\n| a\\\\\\| |\n")
        self.assertIn("a\\u009b1mb\\u202ec", self.sql("SELECT 'a' || chr(155) || '1mb' || chr(8238) || 'c' AS x"))
        done = self.run_it("sql", "FROM range(10005)", "--lake", self.lake)
        self.assertEqual(len(done.stdout.splitlines()), 10_004)
        self.assertIn("5 more rows are not shown", done.stderr)

    def test_parquet(self):
        bytes_ = subprocess.run([BIN, "sql", "FROM silver", "--format", "parquet", "--lake", self.lake], cwd=self.folder,
                                env=environment(self.folder), capture_output=True, check=True).stdout
        rows = pyarrow.parquet.read_table(io.BytesIO(bytes_))
        silver = DeltaTable(self.lake / "silver/events").to_pyarrow_table()
        self.assertEqual(sorted(rows["event_id"].to_pylist()), sorted(silver["event_id"].to_pylist()))
        self.assertEqual(str(rows.schema.field("price").type), "decimal128(18, 4)")
        self.assertFalse(list((self.lake / "_pactolus/tmp").iterdir()), "nothing is left behind")

    def test_from_stdin(self):
        done = subprocess.run([BIN, "sql", "--json", "--lake", self.lake], input="SELECT count(*) AS n\nFROM silver -- all\n;\n",
                              cwd=self.folder, env=environment(self.folder), capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(done.stdout), self.rows("SELECT count(*) AS n FROM silver"))

    def test_earlier_versions_and_times(self):
        count = "SELECT count(*) AS n FROM silver"
        table = DeltaTable(self.lake / "silver/events")
        (first,), version = self.rows(count), table.version()
        committed = table.history(1)[0]["timestamp"]
        self.send(4)
        (both,) = self.rows(count)
        self.assertGreater(both["n"], first["n"])
        self.assertEqual(self.rows(count, "--at", f"silver={version}"), [first])
        then = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(committed / 1000)) + f".{committed % 1000:03}Z"
        self.assertEqual(self.rows(count, "--as-of", then), [first])
        self.assertRegex(self.refused(count, "--as-of", "2001-01-01", code=3), "no table at 2001-01-01.*\n.*the lake begins at 20")
        self.assertIn("the newest is", self.refused(count, "--at", "silver=99999", code=3))
        for name in ("product_interest", "gold/product_interest", "gold.product_interest"):
            self.assertEqual(self.rows("SELECT count(*) AS n FROM product_interest", "--at", f"{name}=0"), [{"n": 0}])
        self.assertIn("no such table", self.refused(count, "--at", "bronze=1"))
        self.assertIn("two versions of silver", self.refused(count, "--at", "silver=1", "--at", "silver=2"))
        self.assertIn("expected TABLE=N", self.refused(count, "--at", "silver=x"))
        self.assertIn("no time", self.refused(count, "--as-of", "yesterday"))

    def test_any_view_can_be_shown(self):
        shown = json.loads(self.good("gold", "show", "shop_activity", "--limit", 2, "--json", "--lake", self.lake))
        gold = DeltaTable(self.lake / "gold/shop_activity").to_pyarrow_table().to_pylist()
        last = max(r["window_start"] for r in gold)
        rows = sorted((r for r in gold if r["window_start"] == last), key=lambda r: -r["events"])[:2]
        self.assertEqual([r["events"] for r in shown["rows"]], [r["events"] for r in rows])
        self.assertEqual(set(shown["rows"][0]), set(rows[0]) - {"window_start", "window_end", "window_date", "batch_id", "basis"}
                         - {k for k, v in rows[0].items() if isinstance(v, bytes)})
        shown = json.loads(self.good("gold", "show", "sessions", "--limit", 3, "--json", "--lake", self.lake))
        sessions = DeltaTable(self.lake / "gold/sessions").to_pyarrow_table().to_pylist()
        newest = sorted(sessions, key=lambda row: (row["window_end"], row["session"]), reverse=True)[:3]
        self.assertEqual({row["session"] for row in shown["rows"]}, {row["session"] for row in newest})
        self.assertIn("sessions, the newest of ", self.good("gold", "show", "sessions", "--lake", self.lake))
        self.assertIn("│ device_type │", self.good("gold", "show", "shop_activity", "--lake", self.lake))
        self.assertIn('did you mean "shop_activity"', self.bad(2, "gold", "show", "shop_activty", "--lake", self.lake))


class Refused(Lake):
    def test_what_is_outside_of_the_lake_or_changes_something(self):
        secret = self.write("secret.txt", "42")
        for query in (f"SELECT * FROM read_text('{secret}')", f"FROM read_csv('{secret}')", "FROM read_text('/etc/passwd')",
                      f"SELECT * FROM '{self.lake}/../secret.txt'", f"COPY silver TO '{self.folder}/out.csv'",
                      f"ATTACH '{self.folder}/x.db'", "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '100GB'",
                      "PRAGMA enable_external_access", "CREATE TABLE t AS SELECT 1", "DROP VIEW silver",
                      f"EXPORT DATABASE '{self.folder}/e'", "FROM read_parquet('https://example.org/x.parquet')",
                      "SELECT getenv('HOME')"):
            with self.subTest(query):
                said = self.refused(query)
                self.assertNotIn("42", said.replace(query, ""))
        self.assertEqual(sorted(os.listdir(self.folder)), ["lake", "secret.txt"])

    def test_a_statement_ends_with_its_last_word(self):
        self.assertEqual(self.rows("SELECT 1.5 AS a; -- done;"), [{"a": 1.5}])
        self.assertEqual(self.rows("\n-- first\nSELECT ';' AS a /* ; */ ;;\n"), [{"a": ";"}])

    def test_who_has_read_enough_is_no_error(self):
        done = subprocess.run(f"'{BIN}' sql --format csv 'FROM range(3000000)' --lake '{self.lake}' | head -1; exit ${{PIPESTATUS[0]}}",
                              shell=True, executable="/bin/bash", cwd=self.folder, env=environment(self.folder), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "range\n", ""))

    def test_mistakes_are_told(self):
        self.assertIn('Did you mean "silver"', self.refused("FROM silvr"))
        self.assertIn("one statement is expected, these are 2", self.refused("SELECT 1; SELECT 2"))
        self.assertIn("there is no query", self.refused(" ; "))
        self.assertIn("LINE 1", self.refused("SELEC 1"))
        for wrong in ("SELECT error('x')", "SELECT 9223372036854775807 + 1", "SELECT sqrt(-1)", "SELECT json_extract('{', '$.a')"):
            self.refused(wrong)
        self.assertIn("leave one of them out", self.refused("SELECT 1", "--json", "--format", "csv"))
        self.assertIn("box, json, csv, markdown, parquet", self.refused("SELECT 1", "--format", "xml"))
        self.assertIn("no lake", self.bad(3, "sql", "SELECT 1", "--lake", "nowhere").lower())

    def test_limits(self):
        self.assertIn("longer than 100 ms", self.refused("SELECT count(*) FROM range(1000000000000)", "--timeout", "100ms", code=3))
        said = self.refused("SELECT list(range) FROM range(100000000)", "--memory", "64MiB", code=3)
        self.assertRegex(said, "Out of Memory.*\n.*--memory gives it more")
        self.assertFalse((self.lake / "_pactolus/tmp").exists() and list((self.lake / "_pactolus/tmp").iterdir()))


class Prompt(Lake):
    def setUp(self):
        super().setUp()
        self.ours, theirs = pty.openpty()
        self.addCleanup(os.close, self.ours)
        self.process = subprocess.Popen([BIN, "sql", "--lake", self.lake], cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs,
                                        env=environment(self.folder, TERM="xterm", XDG_STATE_HOME=self.folder / "state", NO_COLOR=1,
                                                        LC_ALL="C.UTF-8"), start_new_session=True,
                                        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        os.close(theirs)
        self.text = ""
        self.until("pactolus> ")

    def until(self, what, seconds=60):
        """What has come since the last time, up to and with `what`."""
        end = time.monotonic() + seconds
        while what not in self.text:
            self.assertLess(time.monotonic(), end, self.text)
            if select.select([self.ours], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.ours, 1 << 16).decode(errors="replace")
                except OSError:
                    self.fail(f"ended before {what!r}: {self.text}")
        at = self.text.index(what) + len(what)
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def type(self, text):
        os.write(self.ours, text.encode())

    def test_statements_commands_history_and_ctrl_c(self):
        self.type("SELECT count(*) AS n\n")
        self.until("...> ")
        self.type("FROM quarantine;\n")
        rejects = DeltaTable(self.lake / "quarantine/events").to_pyarrow_table().num_rows
        self.until(f"│ {rejects} │")
        self.until("pactolus> ")
        self.type("SELECT 815 AS n\n\n")
        self.until("...> ")
        self.type("-- whatever;\n")
        self.until("...> ")
        self.type("; -- that is it\n")
        self.until("│ 815 │")
        self.until("pactolus> ")
        self.type(".tables\n")
        self.until("gold.product_interest")
        self.until("pactolus> ")
        self.type(".format csv\n")
        self.until("pactolus> ")
        self.type("FROM silvr;\n")
        self.until("error: ")
        self.until("pactolus> ")
        self.type("SELECT 'ü' AS x, 4711 AS y;\n")
        self.until("ü,4711")
        self.until("pactolus> ")
        self.type("SELECT count(*) FROM range(1000000000000);\n")
        time.sleep(0.5)
        self.type("\x03")
        self.until("pactolus> ")
        self.type("SELECT nonsense\x03")
        self.until("pactolus> ")
        self.type(".schema ledger\n")
        self.until("watermark_after")
        self.until("pactolus> ")
        self.type("\x04")
        self.assertEqual(self.process.wait(20), 0)
        history = (self.folder / "state/pactolus/sql_history").read_text()
        self.assertIn("4711", history)
        self.assertNotIn("nonsense", history)
        self.assertEqual((self.folder / "state/pactolus/sql_history").stat().st_mode & 0o077, 0)


if __name__ == "__main__":
    main()
