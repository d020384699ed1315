"""The program from outside: exit codes, messages, what goes to stdout and what to stderr.

Run by ctest, or by hand: PACTOLUS_BIN=build/dev/pactolus python3 tests/cli/test_cli.py
"""

import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import FIVE_MISTAKES, InAFolder, environment  # noqa: E402


class Help(InAFolder):
    def test_the_bare_name_lists_the_commands(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for part in ("Usage: pactolus COMMAND", "Set-up:", "config show", "--lake DIR"):
            self.assertIn(part, done.stdout)

    def test_every_command_explains_itself_with_an_example(self):
        for command in ("init", "config show", "config check", "completion", "version"):
            text = self.good(*command.split(), "--help")
            self.assertIn("Example: ", text)
            self.assertEqual(text, self.good("help", *command.split()))
            self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_help_needs_no_sound_configuration(self):
        self.write("pactolus.toml", FIVE_MISTAKES)
        self.good("config", "show", "--help")

    def test_the_version_flag(self):
        self.assertRegex(self.good("--version"), r"^pactolus \d+\.\d+\.\d+\n$")


class Usage(InAFolder):
    def test_an_unknown_command(self):
        self.assertIn('unknown command "verison"; did you mean "version"?', self.bad(2, "verison"))

    def test_an_unknown_second_word(self):
        self.assertIn('did you mean "show"?', self.bad(2, "config", "shw"))

    def test_a_family_without_its_command(self):
        self.assertIn("config needs one of its commands", self.bad(2, "config"))

    def test_an_unknown_flag(self):
        self.assertIn('unknown flag --jsn of version; did you mean "--json"?', self.bad(2, "version", "--jsn"))

    def test_a_flag_without_its_value(self):
        self.assertIn("--lake needs a value", self.bad(2, "config", "show", "--lake"))

    def test_a_word_too_many(self):
        self.assertIn('version has no use for "now"', self.bad(2, "version", "now"))

    def test_a_missing_argument(self):
        self.assertIn("completion needs SHELL", self.bad(2, "completion"))

    def test_a_value_that_is_not_among_the_choices(self):
        self.assertIn('did you mean "bash"?', self.bad(2, "completion", "bsh"))

    def test_global_flags_stand_anywhere(self):
        for words in (("--json", "version"), ("version", "--json")):
            json.loads(self.good(*words))
        for words in (("--lake", "L", "config", "show"), ("config", "--lake", "L", "show"),
                      ("config", "show", "--lake=L")):
            self.assertIn('lake = "L"', self.good(*words))


class Configuration(InAFolder):
    def test_five_mistakes_give_five_errors_at_once(self):
        self.write("pactolus.toml", FIVE_MISTAKES)
        for words in (("config", "show"), ("config", "check"), ("config", "check", "pactolus.toml")):
            text = self.bad(78, *words)
            self.assertEqual(text.count("error: "), 5)
            for line, key in ((1, "lake"), (3, "run.commit_interval"), (4, "run.batch_record"),
                              (6, "bronze.partitions"), (8, "shop.currency")):
                self.assertIn(f"\n  --> pactolus.toml:{line} {key}\n", text)
            self.assertIn('\n  expected a duration such as "5m", got "1 parsec"\n', text)
            self.assertIn('did you mean "run.batch_records"?', text)

    def test_mistakes_as_json(self):
        self.write("pactolus.toml", FIVE_MISTAKES)
        done = self.run_it("config", "check", "--json")
        self.assertEqual(done.returncode, 78)
        report = json.loads(done.stdout)
        self.assertFalse(report["ok"])
        self.assertEqual([error["where"].split()[0] for error in report["errors"]],
                         [f"pactolus.toml:{n}" for n in (1, 3, 4, 6, 8)])

    def test_a_sound_file(self):
        self.write("mine.toml", '[run]\ncommit_interval = "20s"\n')
        done = self.run_it("config", "check", "mine.toml")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", "mine.toml: no mistakes\n"))
        done = self.run_it("config", "check", "mine.toml", "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_file_that_is_not_there(self):
        self.assertIn("nowhere.toml", self.bad(78, "config", "check", "nowhere.toml"))
        self.assertIn("nowhere.toml", self.bad(78, "config", "show", "--config", "nowhere.toml"))

    def test_check_looks_for_the_files_that_run_will_read(self):
        self.write("secret", "hidden\n")
        text = '[kafka.properties]\n"sasl.password_file" = "{0}"\n[postgres]\nurl = "postgres://localhost/shop"\npassword_file = "{0}"\n' \
               '[[webhook]]\nname = "chat"\nurl_file = "{0}"\nsecret_file = "{0}"\nca_file = "{0}"\n'
        self.write("mine.toml", text.format("secret"))
        self.good("config", "check", "mine.toml")
        self.write("mine.toml", text.format("gone"))
        said = self.bad(78, "config", "check", "mine.toml")
        for key in ("kafka.properties.sasl.password_file", "postgres.password_file", "url_file", "secret_file", "ca_file"):
            self.assertIn(key, said)
        self.assertIn("mine.toml:5", said)

    def test_show_names_the_origin_of_each_value(self):
        self.write("pactolus.toml", '\n[run]\ncommit_interval = "20s"\n')
        (self.folder / "home/.config/pactolus").mkdir(parents=True)
        self.write("home/.config/pactolus/config.toml", 'job = "mine"\n')
        text = self.good("config", "show", "--lake", "L", PACTOLUS__TIME__MAX_SKEW="2h")
        self.assertRegex(text, r'lake = "L" +# flag --lake\n')
        self.assertRegex(text, r'job = "mine" +# \S+/config.toml:1\n')
        self.assertRegex(text, r'commit_interval = "20s" +# pactolus.toml:3\n')
        self.assertRegex(text, r'max_skew = "2h" +# environment PACTOLUS__TIME__MAX_SKEW\n')
        self.assertRegex(text, r"partitions = 3 +# default\n")

    def test_show_is_itself_a_configuration(self):
        first = self.good("config", "show", "--lake", "L", PACTOLUS__EVENTS__TYPES="wishlist=view",
                          PACTOLUS__KAFKA__PROPERTIES__LINGER_MS="5")
        self.write("again.toml", first)
        again = self.good("config", "show", "--config", "again.toml")

        def without_origins(text):
            return [line.split("  # ")[0].rstrip() for line in text.splitlines()]

        self.assertEqual(without_origins(first), without_origins(again))

    def test_show_as_json(self):
        values = json.loads(self.good("config", "show", "--json"))["values"]
        self.assertEqual(values["run.commit_interval"], {"value": "1s", "origin": "default"})

    def test_a_mistyped_variable(self):
        self.assertIn('did you mean "run.threads"?', self.bad(78, "config", "show", PACTOLUS__RUN__THRAEDS="2"))

    def test_a_secret_is_refused_and_not_repeated(self):
        self.write("pactolus.toml", '[kafka.properties]\n"sasl.password" = "hunter2"\n')
        text = self.bad(78, "config", "show")
        self.assertIn('"sasl.password_file"', text)
        self.assertNotIn("hunter2", text)

    def test_a_section_of_a_later_release(self):
        self.write("pactolus.toml", '[serve]\nlisten = "0.0.0.0:80"\n')
        self.assertIn("this one does not have it yet", self.bad(78, "config", "show"))


class Init(InAFolder):
    def test_writes_a_file_that_changes_nothing(self):
        self.good("init")
        self.good("config", "check")
        self.assertNotIn("pactolus.toml:", self.good("config", "show"))

    def test_does_not_overwrite(self):
        self.write("pactolus.toml", "# mine\n")
        self.bad(2, "init")
        self.assertEqual((self.folder / "pactolus.toml").read_text(encoding="utf-8"), "# mine\n")


class Version(InAFolder):
    def test_names_what_the_program_is_made_of(self):
        report = json.loads(self.good("version", "--json"))
        self.assertEqual(report["name"], "pactolus")
        self.assertRegex(report["version"], r"^\d+\.\d+\.\d+$")
        for library in ("Arrow", "DuckDB", "simdjson", "fmt", "CLI11", "toml++"):
            self.assertRegex(report["libraries"][library], r"^\d+\.\d+")


class Streams(InAFolder):
    def test_a_closed_stdout_ends_quietly(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = self.run_it("config", "show", stdout=writer)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = self.run_it("config", "show", stdout=full)
        self.assertEqual(done.returncode, 3)
        self.assertIn("No space left", done.stderr)

    def stderr_on_a_terminal(self, *words, **variables):
        ours, theirs = pty.openpty()
        self.run_it(*words, stdout=subprocess.DEVNULL, stderr=theirs, **{"TERM": "xterm", **variables})
        os.close(theirs)
        text = os.read(ours, 1 << 16)
        os.close(ours)
        return text

    def test_colour_only_on_a_terminal_that_wants_it(self):
        self.assertIn(b"\x1b[", self.stderr_on_a_terminal("verison"))
        self.assertNotIn(b"\x1b[", self.stderr_on_a_terminal("verison", NO_COLOR="1"))
        self.assertNotIn(b"\x1b[", self.stderr_on_a_terminal("verison", TERM="dumb"))
        self.assertNotIn(b"\x1b[", self.stderr_on_a_terminal("verison", "--no-color"))
        self.assertNotIn("\x1b[", self.run_it("verison").stderr)


class Completion(InAFolder):
    def bash_offers(self, *words):
        """What bash would offer for the last word."""
        script = self.good("completion", "bash") + (
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pactolus; printf "%s\\n" "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "-c", script, "bash", "pactolus", *words], cwd=self.folder,
                              env=environment(self.folder), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_offers_commands_flags_and_values(self):
        self.assertEqual(self.bash_offers("comp"), ["completion"])
        self.assertEqual(sorted(self.bash_offers("config", "")), ["check", "show"])
        self.assertEqual(self.bash_offers("--lake", "init", "version", "--js"), ["--json"])
        self.assertEqual(self.bash_offers("completion", "z"), ["zsh"])
        self.write("mine.toml", "")
        self.assertEqual(self.bash_offers("config", "check", "mi"), ["mine.toml"])
        self.assertEqual(self.bash_offers("--config", "mi"), ["mine.toml"])

    def test_scripts_are_sound_where_their_shell_is_there(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.good("completion", shell)
            if shutil.which(shell):
                done = subprocess.run([shell, "-n"], input=script, text=True, stderr=subprocess.PIPE, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


if __name__ == "__main__":
    unittest.main(verbosity=1)
