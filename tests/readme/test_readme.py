"""The README says what is so: its command blocks run, its outputs look like what it shows, its links lead somewhere.

Every ```sh block of README.md is run, in order, in one temporary folder with the program first in PATH. A ```text block
directly behind it shows the output. A block behind <!-- not run: why --> may only call ./dev, which is asked whether it
has the command; what needs a broker is run by tests/kafka. By hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/readme/test_readme.py
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import BIN, SOURCE, InAFolder, environment, main  # noqa: E402

README = (SOURCE / "README.md").read_text(encoding="utf-8")

BLOCK = re.compile(r"(?:<!-- not run: (?P<why>[^>]+) -->\n)?```sh\n(?P<script>.*?)```\n(?:```text\n(?P<output>.*?)```\n)?", re.S)


def blocks(runnable):
    return [b for b in BLOCK.finditer(README) if (b["why"] is None) == runnable]


def first_words(text):
    """What a line of output is about, whatever its numbers: "ok   offsets", "table       silver/events", "prod_". Which product
    stands second is a number too: how events fall into windows depends on the time of day."""
    words = []
    for line in text.splitlines():
        found = [re.sub(r"\d", "", word) for word in re.findall(r"[^\s:]*[A-Za-z_][^\s:]*", line.strip())]
        words += [" ".join(found[:2 if found[0] in ("ok", "table") else 1])] if found else []
    return words


class Commands(InAFolder):
    def test_every_block_runs_and_prints_what_it_shows(self):
        self.assertGreaterEqual(len(blocks(True)), 3)
        path = os.pathsep.join([os.path.dirname(BIN), os.path.dirname(sys.executable), os.environ["PATH"]])
        for block in blocks(True):
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block["script"]], cwd=self.folder,
                                  env=environment(self.folder, PATH=path), text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, f"{block['script']}\n{done.stdout}{done.stderr}")
            if block["output"]:
                self.assertEqual(first_words(done.stdout), first_words(block["output"]), block["script"])

    def test_what_is_not_run_is_a_command_of_dev(self):
        known = subprocess.run([SOURCE / "dev"], capture_output=True, text=True, check=True).stdout
        for block in blocks(False):
            if block["why"] == "needs a broker":
                continue
            for line in block["script"].splitlines():
                self.assertRegex(line, r"^\./dev \w+")
                self.assertRegex(known, rf"(?m)^  {line.split()[1]}\b")

    def test_no_block_is_overlooked(self):
        self.assertEqual(README.count("```sh"), len(blocks(True)) + len(blocks(False)))

    def test_commands_that_are_named_exist(self):
        known = self.good("--help")
        for name in re.findall(r"`pactolus ([a-z]+)", README):
            self.assertRegex(known, rf"(?m)^  {name}\b", f"README names `pactolus {name}`")


class Documents(unittest.TestCase):
    def documents(self):
        return [SOURCE / name for name in ("README.md", "CONTRIBUTING.md", "THIRD_PARTY.md")] + sorted((SOURCE / "docs").rglob("*.md"))

    def test_links_lead_to_files(self):
        for document in self.documents():
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8")):
                if not re.match(r"[a-z]+:", target):
                    self.assertTrue((document.parent / target).exists(), f"{document.relative_to(SOURCE)}: {target}")

    def test_source_files_that_are_named_exist(self):
        for document in self.documents():
            for path in re.findall(r"`((?:src|tests|tools|cmake)/[\w/.-]+)`", document.read_text(encoding="utf-8")):
                self.assertTrue((SOURCE / path).exists(), f"{document.relative_to(SOURCE)}: {path}")

    def test_every_decision_is_in_the_list(self):
        listed = (SOURCE / "docs/decisions/README.md").read_text(encoding="utf-8")
        for page in (SOURCE / "docs/decisions").glob("[0-9]*.md"):
            self.assertIn(f"({page.name})", listed)

    def test_every_locked_archive_has_its_notice(self):
        notices = (SOURCE / "THIRD_PARTY.md").read_text(encoding="utf-8")
        for line in (SOURCE / "tools/deps.lock").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                _, package, version, _, licence, *_ = line.split()
                row = next((r for r in notices.splitlines() if f"`{package}`" in r), "")
                self.assertIn(version, row, package)
                self.assertIn(licence, row, package)


if __name__ == "__main__":
    main()
