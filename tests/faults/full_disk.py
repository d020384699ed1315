"""The disk fills up: the run says so and waits; once there is space it goes on, and nothing differs from a run that
always had enough. Asked to stop while it waits, it stops, and a later run is exact too.

The lake lies on a small tmpfs of its own. Mounting needs root; without it every case is skipped with the reason.
"""

import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from crash.lake import Compared, Lake, start  # noqa: E402
from program import finish, main  # noqa: E402

KIB = 1024


class FullDisk(Compared):
    LOG = {"count": 3000, "seed": 31, "rate": 1}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        finished = cls.root / f"reference{cls.BATCH_RECORDS}"
        cls.bronze_bytes, cls.lake_bytes = size_on_disk(finished / "bronze"), size_on_disk(finished)

    def disk(self, size):
        folder = self.new_folder()
        words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        mounted = subprocess.run(words, stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no small disk can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)])
        return folder

    def grow(self, folder, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)

    def lake_on(self, folder):
        return self.log.copy_to(folder / "lake")

    def sizes(self):
        """Disks that fill at different moments: with room for a tenth of what is to come, for two tenths, and so on."""
        to_come = self.lake_bytes - self.bronze_bytes
        return [self.bronze_bytes + to_come * tenths // 10 for tenths in (1, 2, 4, 6, 8, 9)]

    def wait_until_full(self, process):
        """Its messages up to the one that says that the disk is full; None when it ended without."""
        lines, said = queue.Queue(), []

        def read():
            for line in process.stderr:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while (line := lines.get(timeout=60)) is not None:
            said.append(line)
            if "full" in line and "waiting" in line:
                return said
        return None

    def ended(self, process):
        code = process.wait(60)
        process.stdout.close()
        process.stderr.close()
        return code

    def test_it_waits_and_goes_on_exactly(self):
        waited = 0
        for size in self.sizes():
            with self.subTest(size=size):
                folder = self.disk(size)
                lake = self.lake_on(folder)
                process = lake.start_run()
                if self.wait_until_full(process):
                    waited += 1
                    time.sleep(1.5)  # more than one attempt while it is full
                    self.assertIsNone(process.poll(), "it waits")
                    self.grow(folder, "64m")
                    self.assertEqual(self.ended(process), 0)
                elif self.ended(process) != 0:  # it was full before the first batch
                    self.assertEqual(process.returncode, 3)
                    self.grow(folder, "64m")
                    lake.catch_up()
                self.check(lake)
        self.assertGreater(waited, 3)

    def test_asked_to_stop_while_it_waits_it_stops_and_a_later_run_is_exact(self):
        for size in self.sizes()[1::2]:
            with self.subTest(size=size):
                folder = self.disk(size)
                lake = self.lake_on(folder)
                process = lake.start_run()
                self.assertIsNotNone(self.wait_until_full(process))
                process.send_signal(signal.SIGTERM)
                self.assertIn(self.ended(process), (3, 143))
                again = lake.start_run()  # still full: it must not make anything worse
                if self.wait_until_full(again):
                    again.send_signal(signal.SIGTERM)
                self.assertIn(self.ended(again), (3, 143))
                self.grow(folder, "64m")
                lake.catch_up()
                self.check(lake)

    def test_killed_while_it_waits_a_later_run_is_exact(self):
        folder = self.disk(self.sizes()[3])
        lake = self.lake_on(folder)
        process = lake.start_run()
        self.assertIsNotNone(self.wait_until_full(process))
        process.kill()
        self.assertEqual(self.ended(process), -signal.SIGKILL)
        self.grow(folder, "64m")
        lake.catch_up()
        self.check(lake)

    def test_what_an_attempt_wrote_in_vain_does_not_eat_the_space_that_is_given_back(self):
        """Space comes back in steps that are each too small for a batch, but together enough."""
        size = self.sizes()[3]
        folder = self.disk(size)
        lake = self.lake_on(folder)
        process = lake.start_run()
        self.assertIsNotNone(self.wait_until_full(process))
        before = lake.silver_versions()
        for step in range(1, 13):
            self.grow(folder, size + step * 16 * KIB)
            time.sleep(1.2)  # one attempt at least
            if lake.silver_versions() > before:
                break
        self.assertGreater(lake.silver_versions(), before, "192 KiB were not enough for a batch")
        self.grow(folder, "64m")
        self.assertEqual(self.ended(process), 0)
        self.check(lake)

    def test_the_simulator_stops_with_an_error_and_the_log_stays_whole(self):
        folder = self.disk(300 * KIB)
        to = ("--to", f"lake:{folder / 'lake'}")
        done = finish(start("simulate", "--count", 20000, "--fast", "--rate", 5, *to, folder=self.root))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("No space left", done.stderr)
        self.grow(folder, "64m")
        again = finish(start("simulate", "--count", 500, "--fast", "--rate", 1, *to, folder=self.root))
        self.assertEqual(again.returncode, 0, again.stderr)
        lake = Lake(folder / "lake")
        lake.catch_up()
        self.assertEqual(lake.contents().problems, [])


def size_on_disk(folder):
    """As a tmpfs counts: whole pages."""
    return sum(-(-p.stat().st_size // 4096) * 4096 if p.is_file() else 4096 for p in pathlib.Path(folder).rglob("*"))


if __name__ == "__main__":
    main()
