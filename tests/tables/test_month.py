"""The logs of a lake that is written every second for long: small, soon opened, and proved from first to last.

PACTOLUS_MONTH_COMMITS says for how long: a month is 2,592,000 commits, half an hour of work for one core.
"""

import json
import os
import pathlib
import subprocess
import sys

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import InAFolder, main  # noqa: E402

COMMITS = int(os.environ.get("PACTOLUS_MONTH_COMMITS", 50_000))
LOG_MONTH = os.environ.get("PACTOLUS_LOG_MONTH", pathlib.Path(__file__).resolve().parents[2] / "build/release/tests/log_month")


class Month(InAFolder):
    def test_the_log_stays_small_and_every_batch_is_proved(self):
        lake = self.folder / "lake"
        made = subprocess.run([LOG_MONTH, lake, str(COMMITS)], capture_output=True, text=True, timeout=7200)
        self.assertEqual(made.returncode, 0, made.stderr)
        found = json.loads(made.stdout)
        print(found, file=sys.stderr)
        self.assertLess(found["largest_log_bytes"], 100_000_000)
        self.assertLess(found["largest_ledger_log_bytes"], 100_000_000)
        self.assertLessEqual(found["most_files_in_a_partition"], 200)
        self.assertGreater(found["oldest_commit"], COMMITS - 12_000)
        report = json.loads(self.good("verify", "--json", "--lake", lake, timeout=3600))
        checks = {c["name"]: c for c in report["checks"]}
        self.assertEqual(checks["offsets"]["figures"]["offsets"], 100 * COMMITS, checks["offsets"])
        self.assertEqual(checks["ledger"]["outcome"], "ok", checks["ledger"])
        table = DeltaTable(lake / "silver/events")
        self.assertEqual(len(table.file_uris()), found["live_files"])
        self.assertLess(found["slowest_open_cpu_ms"], 200)
        # Three files a commit, kept for 10,000 commits and as long as it takes until somebody looks.
        self.assertLess(len(list((lake / "silver").rglob("*.parquet"))), 3 * 12_000)


if __name__ == "__main__":
    main()
