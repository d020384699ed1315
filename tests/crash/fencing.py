"""Two processes and one lake: one that sleeps through its successor's take-over, and one that comes too early."""

import os
import signal

from lake import Compared  # and with it the folder of program
from program import end, finish, main


class Fencing(Compared):
    LOG = {"count": 4000, "seed": 11, "rate": 1.5}

    def sleeper(self, point):
        """A run that has stopped itself at the point."""
        lake = self.new_lake()
        process = lake.start_run(fault=f"{point}:stop")
        self.addCleanup(end, process)
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status), f"{point} is never reached: {status}")
        return lake, process

    def wake(self, process):
        process.send_signal(signal.SIGCONT)
        return finish(process)

    def test_a_sleeper_before_its_commit_finds_that_it_is_fenced(self):
        for count in (3, 8):
            with self.subTest(count=count):
                lake, old = self.sleeper(f"silver.before_link:{count}")
                lake.catch_up("--take-over")
                done = self.wake(old)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertRegex(done.stderr, "fenced|has taken the job")
                self.check(lake)

    def test_a_sleeper_anywhere_changes_nothing_after_its_successor(self):
        points = ("parquet.half_written:20", "batch.files_written:5", "silver.linked:5", "batch.silver_committed:4",
                  "quarantine.before_link:4", "quarantine.linked:4", "batch.quarantine_committed:4",
                  "gold.files_written:4", "gold.before_link:4", "gold.linked:4", "batch.gold_committed:6",
                  "snapshot.run_written:4", "snapshot.current:4")
        for point in points:
            with self.subTest(point=point):
                lake, old = self.sleeper(point)
                lake.catch_up("--take-over")
                done = self.wake(old)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.check(lake)

    def test_a_successor_in_the_middle_of_the_log_is_not_disturbed(self):
        lake, old = self.sleeper("silver.before_link:4")
        done = lake.run("--take-over", fault="silver.linked:5")  # takes over, commits some and dies in its turn
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(self.wake(old).returncode, 3)
        lake.catch_up()
        self.check(lake)

    def test_a_sleeper_that_wakes_while_its_successor_works(self):
        """Where a sleeper could still write: nothing of the successor's is touched, in the tables and in the snapshots."""
        for point in ("batch.files_written:5", "batch.silver_committed:4", "gold.before_link:4", "snapshot.run_written:4"):
            with self.subTest(point=point):
                lake, old = self.sleeper(point)
                successor = lake.start_run("--take-over", fault="batch.gold_committed:6:stop")
                self.addCleanup(end, successor)
                _, status = os.waitpid(successor.pid, os.WUNTRACED)
                self.assertTrue(os.WIFSTOPPED(status), status)
                snapshots = lake.folder / "_pactolus/snapshots"
                epoch = max(path.name.split("-")[0] for path in snapshots.iterdir())
                before = {path.name: path.read_bytes() for path in snapshots.iterdir()}
                self.assertEqual(self.wake(old).returncode, 3)
                for name, content in before.items():
                    if name.startswith(f"{int(epoch):010d}-"):
                        self.assertEqual((snapshots / name).read_bytes(), content, name)
                self.assertEqual(self.wake(successor).returncode, 0, "the successor was not disturbed")
                self.check(lake)

    def test_a_second_process_waits_and_names_the_holder(self):
        lake, holder = self.sleeper("silver.before_link:4")
        second = lake.run("--lock-wait", "200ms")
        self.assertEqual(second.returncode, 3, second.stderr)
        self.assertIn(f"pid {holder.pid} ", second.stderr)
        self.assertIn("--take-over", second.stderr)
        holder.send_signal(signal.SIGCONT)
        self.assertEqual(finish(holder).returncode, 0, "the holder was not disturbed")
        self.check(lake)


if __name__ == "__main__":
    main()
