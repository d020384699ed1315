"""Lakes of earlier releases: this one reads them, proves them and goes on with them, and no event enters twice.

They are the lake-<version>.tar.xz in this folder, made by make_lake.py. Run by ctest, or by hand:
PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/releases/test_releases.py
"""

import datetime
import json
import pathlib
import sys
import tarfile
import unittest

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from make_lake import TROUBLE, numbers  # noqa: E402
from program import TOPIC, InAFolder, main  # noqa: E402

ARCHIVES = sorted(pathlib.Path(__file__).resolve().parent.glob("lake-*.tar.xz"))


class ReleasedLake(InAFolder):
    archive = None  # each has a class of its own, made below

    def setUp(self):
        super().setUp()
        with tarfile.open(self.archive) as tar:
            tar.extractall(self.folder)  # our own archives; Debian 12 has no filters yet
        self.lake = self.folder / "lake"
        self.expected = json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))

    def pactolus(self, *words):
        return json.loads(self.good(*words, "--lake", "lake", "--json"))

    def silver(self, *columns):
        return DeltaTable(self.lake / "silver/events").to_pyarrow_table(columns=list(columns) or None).to_pylist()

    def copies(self):
        """Every row of Silver as an event again, a line each."""
        lines = []
        for row in self.silver():
            event = {name: row[name] for name in ("event_id", "user_id", "product_id", "session_id", "product_category", "device_type",
                                                  "page_url", "referrer", "quantity", "currency", "order_id", "event_type")}
            event.update(timestamp=row["event_timestamp"].isoformat(), price=row["price"] and float(row["price"]))
            lines.append(json.dumps({name: value for name, value in event.items() if value is not None}))
        return "".join(line + "\n" for line in lines)

    def test_it_is_the_lake_of_its_name(self):
        self.assertEqual(self.archive.name, f"lake-{self.expected['version']}.tar.xz")

    def test_verify_passes(self):
        self.assertEqual(self.pactolus("verify")["verdict"], "ok")

    def test_it_holds_what_it_held(self):
        self.assertEqual({"version": self.expected["version"], **numbers(self.lake)}, self.expected)

    def test_status_and_gold_show_read_it(self):
        status = self.pactolus("status")
        self.assertEqual((status["running"], status["clean_stop"]), (False, True))
        self.assertEqual(status["batch"], DeltaTable(self.lake / "silver/events").transaction_version("main/batch"))
        self.assertIn("stopped     last commit: batch", self.good("status", "--lake", "lake"))
        shown = self.pactolus("gold", "show", "product_interest", "--limit", 1000)
        gold = DeltaTable(self.lake / "gold/product_interest").to_pyarrow_table().to_pylist()
        newest = max(row["window_start"] for row in gold)
        self.assertTrue(shown["final"])
        self.assertEqual({row["product_id"]: row["views"] for row in shown["rows"]},
                         {row["product_id"]: row["views"] for row in gold if row["window_start"] == newest})

    def later(self):
        """Than all that the release has seen."""
        watermark = datetime.datetime.fromisoformat(self.pactolus("status")["watermark"])
        return (watermark + datetime.timedelta(hours=2)).isoformat(timespec="seconds")

    def test_it_goes_on_and_no_event_enters_twice(self):
        before = self.silver("event_id", "topic")
        live = sum(row["topic"] == TOPIC for row in before)  # the others are of 2019, long forgotten by those who come live
        self.write("copies.ndjson", self.copies())
        self.good("simulate", "--replay", "copies.ndjson", "--speed", "max", "--to", "lake:lake")
        done = self.run_it("run", "--until-caught-up", "--lake", "lake", "--json")
        words = [line for line in done.stderr.splitlines() if "is new here" not in line]  # views that the release did not have
        self.assertEqual((done.returncode, words), (0, []), "the release's state snapshot is taken without a word")
        again = json.loads(done.stdout)
        self.assertEqual((again["records"], again["silver"], again["duplicates"], again["quarantined"]),
                         (len(before), 0, live, {"too_late": len(before) - live}))

        truth = json.loads(self.good("simulate", "--profile", "shop", "--count", 300, "--rate", 0.4, "--fast", "--seed", 8,
                                     "--end", self.later(), *TROUBLE, "--to", "lake:lake"))
        more = self.pactolus("run", "--until-caught-up", "--close-windows")
        self.assertEqual((more["silver"], more["duplicates"]), (truth["events"], truth["duplicates"]))
        ids = [row["event_id"] for row in self.silver("event_id")]
        self.assertEqual(len(ids), len(before) + truth["events"])
        self.assertEqual(len(set(ids)), len(ids))
        self.assertGreater(numbers(self.lake)["gold"], self.expected["gold"], "the windows that were open then are final now")
        self.assertEqual(self.pactolus("verify")["verdict"], "ok")


def load_tests(loader, _, __):
    classes = [type(archive.name.removesuffix(".tar.xz"), (ReleasedLake,), {"archive": archive}) for archive in ARCHIVES]
    return unittest.TestSuite(loader.loadTestsFromTestCase(made) for made in classes)


if __name__ == "__main__":
    if not ARCHIVES:
        sys.exit("there is no lake of a release here: make_lake.py makes one")
    main()
