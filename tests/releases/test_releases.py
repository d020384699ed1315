"""The lakes of earlier releases, made by make_lake.py when they were tagged: this one opens, judges and continues them.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/releases/test_releases.py
"""

import json
import pathlib
import sys
import tarfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from make_lake import EVENTS, HISTORY, contents  # noqa: E402
from program import InAFolder  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


class Releases(InAFolder):
    def test_every_lake_is_opened_judged_and_continued(self):
        archives = sorted(HERE.glob("lake-*.tar.xz"))
        self.assertGreater(len(archives), 0)
        for archive in archives:
            with self.subTest(archive=archive.name):
                self.follow(archive, self.folder / archive.name.removesuffix(".tar.xz"))

    def follow(self, archive, folder):
        folder.mkdir()
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        lake = folder / "lake"
        before = json.loads((HERE / archive.name.replace(".tar.xz", ".json")).read_text())
        self.assertEqual(contents(lake), before)
        self.good("verify", "--lake", lake)
        status = json.loads(self.good("status", "--json", "--lake", lake))
        self.assertEqual((status["running"], status["batch"]), (False, before["batches"]))
        self.assertIn("prod_", self.good("gold", "show", "product_interest", "--lake", lake))

        # All that comes now has ids that the lake has seen, in a state snapshot that this release has to take.
        self.good(*EVENTS, "--to", f"lake:{lake}")
        self.assertEqual(self.run_it("run", "--until-caught-up", "--lake", lake).stderr, "")
        self.write("history.csv", HISTORY)
        self.good("ingest", "--dialect", "rees46", "history.csv", "--lake", lake)
        self.assertEqual(contents(lake)["silver"], before["silver"])

        other_ids = [10_000_000 if EVENTS[i - 1] == "--first-id" else word for i, word in enumerate(EVENTS)]
        truth = json.loads(self.good(*other_ids, "--to", f"lake:{lake}"))
        self.good("run", "--until-caught-up", "--close-windows", "--lake", lake)
        self.assertEqual(contents(lake)["silver"], before["silver"] + truth["events"])
        self.good("verify", "--lake", lake)


if __name__ == "__main__":
    unittest.main()
