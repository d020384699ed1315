"""What goes wrong around the program: each case gives one clear error and the right exit code, and loses nothing.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/faults/faults.py
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import deltalake

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from crash.lake import BronzeLog, Compared, Lake, start  # noqa: E402
from program import FIVE_MISTAKES, TOPIC, finish, main  # noqa: E402


class Faults(Compared):
    LOG = {"count": 1500, "seed": 29, "rate": 0.5}

    def finished_lake(self):
        lake = self.new_lake()
        lake.catch_up()
        return lake

    def mount(self, *words):
        """Needs root; elsewhere the case is skipped with the reason."""
        mounted = subprocess.run(["mount", *map(str, words)], stderr=subprocess.PIPE, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no read-only folder can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(words[-1])])

    def assert_error(self, done, code, *parts):
        """One error on stderr, nothing on stdout, the exit code, and what the message must name."""
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(sum(line.startswith("error:") for line in done.stderr.splitlines()), 1, done.stderr)
        for part in parts:
            self.assertIn(str(part), done.stderr)

    def assert_nothing_lost(self, lake):
        lake.catch_up()
        self.check(lake)

    # The command line and its surroundings

    def test_an_unknown_flag_is_told_with_the_closest_one(self):
        lake = self.new_lake()
        self.assert_error(lake.run("--until-cought-up"), 2, "--until-cought-up", "did you mean", "--until-caught-up")
        self.assert_nothing_lost(lake)

    def test_a_configuration_with_five_mistakes_shows_five(self):
        folder = self.new_folder()
        (folder / "pactolus.toml").write_text(FIVE_MISTAKES)
        done = finish(start("run", "--until-caught-up", folder=folder))
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertEqual(sum(line.startswith("error:") for line in done.stderr.splitlines()), 5, done.stderr)
        for line in (1, 3, 4, 6, 8):
            self.assertIn(f"pactolus.toml:{line} ", done.stderr)
        self.assertEqual(os.listdir(folder), ["pactolus.toml"], "nothing was begun")

    def test_a_lake_below_a_file_cannot_be_made(self):
        folder = self.new_folder()
        (folder / "file").write_text("in the way")
        done = finish(start("run", "--lake", folder / "file/lake", "--until-caught-up", folder=folder))
        self.assert_error(done, 3, folder / "file")

    def test_a_lake_in_a_missing_folder_is_not_made(self):
        folder = self.new_folder()
        for words in (("run", "--lake", folder / "a/lake", "--until-caught-up"),
                      ("simulate", "--count", 1, "--to", f"lake:{folder}/a/lake")):
            self.assert_error(finish(start(*words, folder=folder)), 3, folder / "a/lake", "not there")
        self.assertEqual(os.listdir(folder), [])

    def test_a_lake_inside_a_lake_is_not_made(self):
        lake = self.finished_lake()
        inner = lake.folder / "silver/events"
        done = finish(start("simulate", "--count", 1, "--to", f"lake:{inner}", folder=lake.folder))
        self.assert_error(done, 2, inner, "lies inside the lake")
        self.assertFalse((inner / "_pactolus").exists())

    def test_status_of_a_folder_without_a_lake_says_so(self):
        folder = self.new_folder()
        done = finish(start("status", "--lake", folder / "none", folder=folder))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(str(folder / "none"), done.stderr)
        self.assertFalse((folder / "none").exists(), "looking makes nothing")

    def test_a_read_only_folder_is_told_and_left_as_it_was(self):
        folder = self.new_folder()
        self.mount("-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", folder)
        self.assert_error(Lake(folder / "lake").run(), 3, folder / "lake", "Read-only file system")

    def test_a_lake_that_became_read_only_goes_on_when_it_is_writable_again(self):
        folder = self.new_folder()
        lake = self.log.copy_to(folder / "lake")
        self.mount("--bind", folder, folder)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        self.assert_error(lake.run(), 3, folder / "lake", "Read-only file system")
        subprocess.run(["mount", "-o", "remount,bind,rw", str(folder)], check=True)
        self.assert_nothing_lost(lake)

    # The lake

    def test_a_lake_of_a_later_format_is_refused_and_both_versions_named(self):
        lake = self.finished_lake()
        format_file = lake.folder / "_pactolus/format.json"
        before = format_file.read_text()
        format_file.write_text(json.dumps({"format": 99}))
        self.assert_error(lake.run(), 3, "format 99", f"up to {json.loads(before)['format']}")
        format_file.write_text(before)
        self.assert_nothing_lost(lake)

    def test_a_format_file_that_is_no_json_is_corrupt(self):
        lake = self.finished_lake()
        (lake.folder / "_pactolus/format.json").write_text("gibberish")
        self.assert_error(lake.run(), 1, "format.json")

    def test_a_silver_file_that_is_gone_is_noticed(self):
        lake = self.finished_lake()
        victim = max(lake.folder.glob("silver/events/*/*/part-*.parquet"), key=lambda p: p.stat().st_size)
        kept = victim.read_bytes()
        victim.unlink()
        complaint = lake.verify()
        self.assertIsNotNone(complaint, "verify did not miss the file")
        self.assertIn(victim.name, complaint)
        victim.write_bytes(kept)
        self.assert_nothing_lost(lake)

    # Bronze

    def half_done_lake(self):
        """Some batches are committed, most of the log is still to come."""
        lake = self.new_lake()
        self.assertEqual(lake.run(fault="batch.gold_committed:4").returncode, -9)
        return lake

    def segments(self, lake, partition=0):
        topic = lake.folder / "bronze" / TOPIC
        files = sorted(p for p in topic.rglob("*") if p.is_file() and p.stat().st_size > 20_000)
        self.assertGreaterEqual(len(files), 1, "no segment was found")
        return [p for p in files if p.parent == files[partition].parent]

    def test_a_topic_made_anew_under_the_same_name_is_data_loss(self):
        lake = self.half_done_lake()
        other = BronzeLog.make(self.new_folder() / "other", count=300, seed=1, rate=0.5)
        shutil.move(lake.folder / "bronze", lake.folder.parent / "bronze.kept")
        shutil.copytree(other.folder / "bronze", lake.folder / "bronze")
        self.assert_error(lake.run(), 1, "made anew", TOPIC)
        self.assert_error(lake.run(), 1, "made anew")  # and it stays so
        shutil.rmtree(lake.folder / "bronze")
        shutil.move(lake.folder.parent / "bronze.kept", lake.folder / "bronze")
        self.assert_nothing_lost(lake)

    def accept(self, lake, topic=TOPIC, reason="the folder was restored"):
        return finish(start("offsets", "accept-loss", "--topic", topic, "--reason", reason, "--lake", lake.folder, "--json",
                            folder=lake.folder.parent))

    def accepted(self, lake):
        """Goes on after a loss: what was accepted, and what verify says of it then."""
        shown = json.loads(finish(start("offsets", "show", "--lake", lake.folder, "--json", folder=lake.folder.parent)).stdout)
        losses = json.loads(self.accept(lake).stdout)["accepted"]
        self.assertGreater(len(losses), 0)
        self.assertEqual([dict(loss, reason="") for loss in losses], shown["losses"])
        lake.catch_up()
        self.assertEqual(json.loads(self.accept(lake, reason="again").stdout)["accepted"], [])
        done = finish(start("verify", "--lake", lake.folder, "--json", folder=lake.folder.parent))
        checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(checks["offsets"]["figures"]["accepted_losses"], len(losses))
        self.assertTrue(all('"the folder was restored"' in note for note in checks["offsets"]["notes"]))
        events = [row for row in deltalake.DeltaTable(lake.folder / "ledger").to_pyarrow_table().to_pylist()
                  if row["event"] == "accepted_loss"]
        self.assertEqual(len(events), len(losses))
        self.assertTrue(all(row["detail"].endswith(": the folder was restored") for row in events))
        return losses, checks

    def test_an_accepted_loss_is_told_for_ever(self):
        lake = self.half_done_lake()
        before = len(lake.contents().silver.rows)
        other = BronzeLog.make(self.new_folder() / "other", count=300, seed=1, rate=0.5)
        shutil.rmtree(lake.folder / "bronze")
        shutil.copytree(other.folder / "bronze", lake.folder / "bronze")
        self.assert_error(self.accept(lake, topic="clicks"), 2, "--topic " + TOPIC, "clicks")
        self.assert_error(self.accept(lake, reason=" "), 2, "--reason")
        self.assert_error(self.accept(lake, reason="two\nlines"), 2, "one line")
        losses, checks = self.accepted(lake)
        self.assertEqual({loss["kind"] for loss in losses}, {"made_anew"})
        figures = checks["ledger"]["figures"]
        self.assertEqual(figures["consumed"], sum(loss["start"] for loss in losses) + 300)
        self.assertGreater(figures["silver"], before)
        # A record of either topic is a record of its own, though they share partition and offset.
        listed = json.loads(finish(start("quarantine", "show", "--lake", lake.folder, "--limit", 1000, "--json",
                                         folder=lake.folder.parent)).stdout)
        positions = [record["position"] for record in listed["records"]]
        self.assertEqual(len(positions), figures["quarantined"])
        self.assertEqual(len({p.split("@")[1].split("/")[0] for p in positions}), 2)

    def test_one_partition_falls_back_and_grows_again(self):
        """The others have lost nothing; duplicates of all are read again, those of the new life too."""
        lake = Lake(self.new_folder() / "lake")
        def shop(count, seed):
            done = finish(start("simulate", "--profile", "shop", "--fast", "--count", count, "--seed", seed, "--rate", 50,
                                "--dup-ratio", 0.1, "--to", f"lake:{lake.folder}", folder=lake.folder.parent))
            self.assertEqual(done.returncode, 0, done.stderr)
        shop(2000, 1)
        kept = shutil.copytree(lake.folder / "bronze" / TOPIC / "0", self.new_folder() / "0")
        shop(1500, 2)
        run = lambda: finish(start("run", "--lake", lake.folder, "--until-caught-up", folder=lake.folder.parent))
        self.assertEqual(run().returncode, 0)
        shutil.rmtree(lake.folder / "bronze" / TOPIC / "0")
        shutil.copytree(kept, lake.folder / "bronze" / TOPIC / "0")
        self.assert_error(run(), 1, "--lake", "accept-loss")
        ((loss,), _) = self.accepted(lake)
        self.assertEqual((loss["kind"], loss["partition"]), ("fell_back", 0))
        shop(4000, 3)
        self.assertEqual(run().returncode, 0)
        done = finish(start("verify", "--lake", lake.folder, "--json", folder=lake.folder.parent))
        self.assertEqual(done.returncode, 0, done.stdout)
        figures = {c["name"]: c["figures"] for c in json.loads(done.stdout)["checks"]}
        self.assertEqual(figures["offsets"]["before_start"], 0)
        # Of the two batches with records only what partition 0 had before is written anew.
        self.assertEqual((figures["duplicates"]["ranges"], figures["duplicates"]["ranges_gone"]), (5, 1))

    def test_a_log_that_ends_below_the_committed_offset_is_data_loss(self):
        lake = self.finished_lake()
        segment = self.segments(lake)[-1]
        kept = {p: p.read_bytes() for p in segment.parent.iterdir() if p.is_file()}
        with open(segment, "r+b") as file:
            file.truncate(0)
        for other in segment.parent.iterdir():
            if other != segment:
                other.unlink()  # the mark that says how much is durable
        done = lake.run()
        self.assert_error(done, 1)
        self.assertRegex(done.stderr, r"partition 0, asked for \d+, but the log ends at \d+")
        copy = Lake(shutil.copytree(lake.folder, self.new_folder() / "lake"))
        ((loss,), _) = self.accepted(copy)
        self.assertEqual((loss["kind"], loss["end"]), ("fell_back", 0))
        for path, content in kept.items():
            path.write_bytes(content)
        self.assert_nothing_lost(lake)

    def test_a_damaged_byte_in_the_middle_of_the_log_names_the_offset(self):
        lake = self.new_lake()
        segment = self.segments(lake)[0]
        content = segment.read_bytes()
        damaged = bytearray(content)
        damaged[len(damaged) // 2] ^= 0x40
        segment.write_bytes(damaged)
        done = lake.run()
        self.assert_error(done, 1)
        self.assertRegex(done.stderr, r"offset \d+")
        copy = Lake(shutil.copytree(lake.folder, self.new_folder() / "lake"))
        ((loss,), checks) = self.accepted(copy)
        self.assertEqual(loss["kind"], "unreadable")
        self.assertEqual(checks["offsets"]["figures"]["lost_offsets"], loss["end"] - loss["start"])
        segment.write_bytes(content)
        self.assert_nothing_lost(lake)


if __name__ == "__main__":
    main()
