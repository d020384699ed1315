"""The process dies at each named fault point, at several counts, and starts again: nothing may differ from a run that
was never interrupted. The names come from the sources, and a point that is never reached fails.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/crash/crash_points.py
"""

import itertools
import shutil

from lake import DIFFERS_BY_NATURE, KILLED, Compared, Lake, compare, fault_points, start  # and the folder of program
from program import finish, main

SMALL_BATCH_RECORDS = 16  # more than a hundred batches
# Killed in tests of their own: ingest/test_quarantine.py, verify/test_rebuild.py, tables/test_tables.py, models/test_models.py,
# and alerts/test_alerts.py, since no product of this log is viewed often enough for an alert.
OTHER_COMMANDS = ("replay.", "rebuild.", "vacuum.", "optimize.", "erase.", "model.", "alerts.", "postgres.",
                  "webhook.")
RARE_IN_INGEST = {"ingest.flushed"}  # after every 8 MiB of rows
COUNTS = (1, 2, 3, 7)  # the first two of a table's links are its making and, in Silver, the epoch


class CrashPoints(Compared):
    LOG = {"count": 2000, "seed": 5, "rate": 0.55}

    def test_the_reference_is_worth_comparing_with(self):
        ledger = self.reference.ledger
        count = lambda what: sum(n for (_, _, name), n in ledger.items() if name.startswith(what))
        self.assertEqual(count("consumed"), 2000)
        self.assertEqual(self.reference.problems, [])
        for what, least in (("silver", 1700), ("duplicates", 30), ("quarantined", 20), ("late", 10)):
            self.assertGreater(count(what), least, what)
        self.assertEqual(len(self.reference.silver.rows), count("silver"))
        self.assertEqual(len(self.reference.quarantine.rows), count("quarantined"))
        view = self.reference.gold["product_interest"]
        windows = {row[view.columns.index("window_start")] for row in view.rows}
        self.assertGreater(len(windows), 30, "many windows close")

    def test_the_same_log_gives_the_same_rows_again(self):
        lake = self.new_lake()
        lake.catch_up()
        self.check(lake)

    def test_a_finished_lake_does_not_change_when_run_again(self):
        lake = self.new_lake()
        lake.catch_up()
        lake.catch_up()
        self.check(lake)

    def test_a_damaged_snapshot_is_not_used(self):
        cut = lambda content: content[: len(content) // 2]
        flip = lambda content: content[:50] + bytes([content[50] ^ 1]) + content[51:]
        empty = lambda content: b""
        for damage, suffix in itertools.product((cut, flip, empty), ("state", "ids")):
            with self.subTest(damage=damage, suffix=suffix):
                lake = self.new_lake()
                self.assertEqual(lake.run(fault="batch.gold_committed:9").returncode, KILLED)
                snapshots = lake.folder / "_pactolus/snapshots"
                state = max(snapshots.glob("*.state"))  # another run has been begun since: it counts for nothing yet
                named = [run for run in snapshots.glob("*.ids") if run.name.encode() in state.read_bytes()]
                newest = state if suffix == "state" else max(named)
                newest.write_bytes(damage(newest.read_bytes()))
                self.assertIn("is not used", lake.catch_up().stderr)
                self.check(lake)

    def test_without_snapshots_state_comes_from_silver(self):
        lake = self.new_lake()
        self.assertEqual(lake.run(fault="batch.gold_committed:9").returncode, KILLED)
        shutil.rmtree(lake.folder / "_pactolus/snapshots")
        lake.catch_up()
        self.check(lake)

    # The methods for each point are added below.
    def die_at(self, point):
        reached = self.die_at_counts(point, self.BATCH_RECORDS, COUNTS)
        if not reached:  # what happens once in a hundred commits needs a lake with more of them
            reached = self.die_at_counts(point, SMALL_BATCH_RECORDS, (1, 2))
        self.assertGreater(reached, 0, f"{point} is never reached")

    def die_at_counts(self, point, batch_records, counts):
        reached = 0
        for count in counts:
            with self.subTest(point=point, count=count):
                lake = self.new_lake(batch_records)
                done = lake.run(fault=f"{point}:{count}")
                if done.returncode == 0:
                    break  # this lake has no more of them
                self.assertEqual(done.returncode, KILLED, done.stderr)
                reached += 1
                lake.catch_up()
                self.check(lake)
                shutil.rmtree(lake.folder)
        return reached

    def die_again_and_again_at(self, point):
        """At the same point each time, and each time a little further in the log."""
        lake = self.new_lake()
        for _ in range(3):
            if lake.run(fault=f"{point}:4").returncode == 0:
                break
        lake.catch_up()
        self.check(lake)
        shutil.rmtree(lake.folder)

    def die_while_writing_bronze(self, point):
        """The writer dies; what it wrote is a log that can be read from the first offset to the last."""
        for count in COUNTS:
            with self.subTest(point=point, count=count):
                lake = Lake(self.new_folder() / "lake")
                done = finish(start("simulate", "--count", 3000, "--rate", 3000, "--to", f"lake:{lake.folder}",
                                    folder=self.root, fault=f"{point}:{count}"))
                self.assertEqual(done.returncode, KILLED, f"{point}:{count} is never reached: {done.stderr}")
                lake.catch_up()
                first = lake.contents()
                self.assertEqual(first.problems, [])
                again = finish(start("simulate", "--count", 500, "--fast", "--rate", 2, "--to", f"lake:{lake.folder}",
                                     folder=self.root))
                self.assertEqual(again.returncode, 0, again.stderr)
                lake.catch_up()
                consumed = lambda c: sum(n for (_, _, what), n in c.ledger.items() if what == "consumed")
                second = lake.contents()
                self.assertEqual(second.problems, [])
                self.assertEqual(consumed(second), consumed(first) + 500)

    def die_while_ingesting(self, point):
        """A file as history: the same command again takes it up where it stopped, and a third run adds nothing."""
        count = 40_000 if point in RARE_IN_INGEST else 3000
        file = self.root / f"history{count}.ndjson"
        if not file.exists():
            made = finish(start("simulate", "--count", count, "--rate", count / 3000, "--seed", 41, "--dup-ratio", 0.03,
                                "--bad-ratio", 0.02, "--to", f"file:{file}", folder=self.root))
            self.assertEqual(made.returncode, 0, made.stderr)
        reference = self.ingest_lake()
        done = self.ingest(reference, file)
        self.assertEqual(done.returncode, 0, done.stderr)
        expected, reached = reference.contents(), 0
        self.assertGreater(len(expected.silver.rows), 2500)
        for nth in (1, 2, 3):
            with self.subTest(point=point, nth=nth):
                lake = self.ingest_lake()
                done = self.ingest(lake, file, fault=f"{point}:{nth}")
                if done.returncode == 0:
                    break
                self.assertEqual(done.returncode, KILLED, done.stderr)
                reached += 1
                for _ in range(2):
                    done = self.ingest(lake, file)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    difference = compare(expected, lake.contents())
                    if difference:
                        self.fail(str(difference))
                self.assertIsNone(lake.verify())
        self.assertGreater(reached, 0, f"{point} is never reached")

    def ingest_lake(self):
        # The record time of an ingested row is when it was appended; the detail of a reject may name it.
        return Lake(self.new_folder() / "lake", differs_by_nature=DIFFERS_BY_NATURE | {"kafka_timestamp", "detail"})

    def ingest(self, lake, file, fault=None):
        return finish(start("ingest", "--dialect", "native", file, "--lake", lake.folder, folder=self.root, fault=fault))


def add_cases():
    for point in fault_points():
        if point.startswith(OTHER_COMMANDS):
            continue
        name = point.replace(".", "_")
        if point.startswith("bronze."):
            setattr(CrashPoints, f"test_{name}", lambda self, p=point: self.die_while_writing_bronze(p))
        elif point.startswith("ingest."):
            setattr(CrashPoints, f"test_{name}", lambda self, p=point: self.die_while_ingesting(p))
        else:
            setattr(CrashPoints, f"test_{name}", lambda self, p=point: self.die_at(p))
            setattr(CrashPoints, f"test_{name}_again_and_again", lambda self, p=point: self.die_again_and_again_at(p))


add_cases()

if __name__ == "__main__":
    main()
