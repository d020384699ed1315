"""The power goes: the process dies and the disk keeps only what was fsynced. What was promised must be there.

Every write goes through a file layer that notes it (PACTOLUS_DISK_JOURNAL, base/file.h); power_loss_tool then takes
away what no fsync has covered: bytes, names and folders.

Run by ctest, or by hand with PACTOLUS_BIN and POWER_LOSS_TOOL in the environment.
"""

import os
import random
import shutil
import subprocess
import time

from lake import KILLED, Compared, Lake, start  # and with it the folder of program
from program import SOURCE, finish, main

TOOL = os.path.abspath(os.environ.get("POWER_LOSS_TOOL", SOURCE / "build/release/tests/power_loss_tool"))


def consumed(contents):
    return sum(n for (_, _, what), n in contents.ledger.items() if what == "consumed")


class PowerLoss(Compared):
    LOG = {"count": 3000, "seed": 17, "rate": 1}

    def forget(self, journal):
        done = subprocess.run([TOOL, journal], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout)

    def test_a_run_that_loses_power_again_and_again(self):
        choose = random.Random(17)
        undone = losses = 0
        for _ in range(6):
            folder = self.new_folder()
            lake = self.log.copy_to(folder / "lake")
            history = []
            for n in range(8):
                journal, fault = f"{folder}/journal{n}", f"*:{choose.randint(1, 120)}"
                history.append(fault)
                done = lake.run(fault=fault, journal=journal)
                if done.returncode == 0:
                    break
                self.assertEqual(done.returncode, KILLED, f"{history}\n{done.stderr}")
                undone += self.forget(journal)
                losses += 1
            with self.subTest(history=history):
                lake.catch_up()
                self.check(lake)
            shutil.rmtree(folder)
        self.assertGreater(losses, 15)
        self.assertGreater(undone, losses / 2, "the journal takes something away")

    def test_each_step_of_a_commit_survives_what_comes_after_it(self):
        points = ("batch.files_written", "silver.linked", "batch.silver_committed", "quarantine.linked", "gold.linked")
        for point in points:
            with self.subTest(point=point):
                folder = self.new_folder()
                lake = self.log.copy_to(folder / "lake")
                self.assertEqual(lake.run(fault=f"{point}:6", journal=f"{folder}/journal").returncode, KILLED)
                there = lake.silver_versions()
                self.forget(f"{folder}/journal")
                self.assertEqual(lake.silver_versions(), there, "a commit that was acknowledged is gone")
                lake.catch_up()
                self.check(lake)

    # All at once and in few large groups, or paced and in many small ones.
    WRITERS = [(("--fast", "--rate", 1), n) for n in (1, 2, 3)] + [(("--rate", 3000), n) for n in (2, 7, 20, 55)]

    def simulate(self, folder, words, fault=None, journal=None):
        return finish(start("simulate", "--count", 3000, "--seed", 3, *words, "--to", f"lake:{folder}/lake",
                            folder=folder, fault=fault, journal=journal))

    def test_what_the_log_has_fsynced_stays(self):
        for words, count in self.WRITERS:
            with self.subTest(words=words, count=count):
                folder = self.new_folder()
                done = self.simulate(folder, words, f"bronze.synced:{count}", f"{folder}/journal")
                self.assertEqual(done.returncode, KILLED, done.stderr)
                shutil.copytree(f"{folder}/lake", f"{folder}/killed")
                self.forget(f"{folder}/journal")
                after_power_loss, after_kill = Lake(f"{folder}/lake"), Lake(f"{folder}/killed")
                for lake in (after_power_loss, after_kill):
                    lake.catch_up()
                kept = consumed(after_power_loss.contents())
                self.assertGreater(kept, 0)
                self.assertEqual(kept, consumed(after_kill.contents()))
                self.assertEqual(after_power_loss.contents().problems, [])
                shutil.rmtree(folder)

    def test_what_was_not_fsynced_may_go_and_leaves_a_log_without_holes(self):
        for words, count in self.WRITERS:
            with self.subTest(words=words, count=count):
                folder = self.new_folder()
                done = self.simulate(folder, words, f"bronze.frame_written:{count}", f"{folder}/journal")
                self.assertEqual(done.returncode, KILLED, done.stderr)
                self.assertGreater(self.forget(f"{folder}/journal"), 0)
                lake = Lake(f"{folder}/lake")
                lake.catch_up()
                self.assertEqual(lake.contents().problems, [])
                before = consumed(lake.contents())
                again = self.simulate(folder, ("--fast", "--rate", 1))
                self.assertEqual(again.returncode, 0, again.stderr)
                lake.catch_up()
                self.assertEqual(lake.contents().problems, [])
                self.assertEqual(consumed(lake.contents()), before + 3000)
                shutil.rmtree(folder)

    def test_a_reader_never_commits_what_the_log_may_lose(self):
        """Simulator and run at once on one disk; both die, the power goes: no committed offset lies beyond the log."""
        choose = random.Random(23)
        for _ in range(4):
            folder = self.new_folder()
            lake, journal = Lake(folder / "lake"), folder / "journal"
            writer = start("simulate", "--count", 100000, "--rate", 3000, "--to", f"lake:{lake.folder}",
                           folder=folder, journal=journal)
            reader = start("run", "--lake", lake.folder, "--commit-interval", "50ms", folder=folder, journal=journal)
            time.sleep(choose.uniform(0.6, 1.5))  # how far they come does not matter
            for process in choose.sample([writer, reader], 2):
                process.kill()
            for process in (writer, reader):
                finish(process)
            self.forget(journal)
            lake.catch_up()
            contents = lake.contents()
            self.assertEqual(contents.problems, [])
            self.assertGreater(consumed(contents), 0)
            ids = [row[contents.silver.columns.index("event_id")] for row in contents.silver.rows]
            self.assertEqual(len(ids), len(set(ids)))


if __name__ == "__main__":
    main()
