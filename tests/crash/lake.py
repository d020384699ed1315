"""A lake in a folder, the real program on it, and what its tables say by independent readers.

    log = BronzeLog.make(folder, count=6000, seed=5)      # simulated once, copied for every case
    lake = log.copy_to(another_folder)
    lake.run(fault="silver.linked:2")                     # the process dies there
    lake.catch_up()
    difference = compare(reference.contents(), lake.contents())

What must be equal after any crash: every row of Silver, quarantine and Gold in every column but `batch_id` and
`processing_timestamp`, and the sums of the ledger. Batches are cut at a fixed number of records, so that the same log
gives the same batches and with them the same late rows.
"""

import collections
import dataclasses
import itertools
import json
import pathlib
import re
import shutil
import signal
import sys
import unittest

import deltalake
import pyarrow

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
import program  # noqa: E402
from program import finish  # noqa: E402

KILLED = -signal.SIGKILL
DIFFERS_BY_NATURE = {"batch_id", "processing_timestamp"}


def start(*words, folder, fault=None, journal=None):
    """The program in a folder, to be given to finish: it dies at the fault point and notes what it writes."""
    return program.start(*words, folder=folder, PACTOLUS_FAULT=fault, PACTOLUS_DISK_JOURNAL=journal,
                         PACTOLUS__RUN__SNAPSHOT_INTERVAL="1ms")  # one after every batch


@dataclasses.dataclass
class Contents:
    silver: "Rows"
    quarantine: "Rows"
    gold: dict      # view -> Rows
    ledger: dict  # (topic, partition, what) -> sum
    problems: list  # what is wrong without any reference: gaps, overlaps, sums that do not close


class Lake:
    def __init__(self, folder, batch_records=200, differs_by_nature=DIFFERS_BY_NATURE):
        self.folder = pathlib.Path(folder)
        self.batch_records = batch_records
        self.differs_by_nature = differs_by_nature

    def start_run(self, *words, fault=None, journal=None):
        return start("run", "--lake", self.folder, "--until-caught-up", "--close-windows", "--batch-records",
                     self.batch_records, *words, folder=self.folder.parent, fault=fault, journal=journal)

    def run(self, *words, fault=None, journal=None, timeout=120):
        return finish(self.start_run(*words, fault=fault, journal=journal), timeout)

    def catch_up(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise AssertionError(f"run ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def verify(self):
        """None when all is well, else what it said."""
        done = finish(start("verify", "--lake", self.folder, folder=self.folder.parent))
        return None if done.returncode == 0 else done.stdout + done.stderr

    def silver_versions(self):
        return len(list((self.folder / "silver/events/_delta_log").glob("*.json")))

    def contents(self):
        accounts = self.accounts()
        views = {p.name: p for p in sorted((self.folder / "gold").glob("*")) if (p / "_delta_log").is_dir()}
        rows = lambda table: rows_of(table, self.differs_by_nature)
        return Contents(rows(self.folder / "silver/events"), rows(self.folder / "quarantine/events"),
                        {name: rows(path) for name, path in views.items()}, sums(accounts), problems(accounts))

    def accounts(self):
        """batch -> its account, from the commits of Silver and, for those cleaned away, from the table `ledger`."""
        found = {}
        for commit in sorted((self.folder / "silver/events/_delta_log").glob("*.json")):
            with open(commit, encoding="utf-8") as lines:
                info = json.loads(lines.readline()).get("commitInfo", {}).get("pactolus", {})
            if info.get("kind") == "batch":
                if info["batch"] in found:
                    raise AssertionError(f"batch {info['batch']} was committed twice: {commit}")
                found[info["batch"]] = info["sources"]
        return dict(sorted({**self.folded_accounts(), **found}.items()))

    def folded_accounts(self):
        folded, seen = {}, set()
        if (self.folder / "ledger/_delta_log").is_dir():
            for row in deltalake.DeltaTable(str(self.folder / "ledger")).to_pyarrow_table().to_pylist():
                if row.get("event") is not None:
                    continue
                key = (row["batch_id"], row["topic"], row["topic_id"], row["partition"])
                if key in seen:
                    raise AssertionError(f"the ledger has {key} twice")
                seen.add(key)
                folded.setdefault(row["batch_id"], []).append(account_of_ledger_row(row))
        return folded


class BronzeLog:
    """A log that `simulate` wrote once. Copies keep its topic id, offsets and record times."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    END = "2025-11-29T13:00:00Z"  # the same day whenever a test runs: what is merged depends on it

    @staticmethod
    def make(folder, count=6000, seed=5, rate=2):
        folder = pathlib.Path(folder)
        done = finish(start("simulate", "--profile", "shop", "--count", count, "--rate", rate, "--fast", "--end", BronzeLog.END, "--seed", seed,
                            "--dup-ratio", 0.03, "--late-ratio", 0.2, "--bad-ratio", 0.02, "--to", f"lake:{folder}",
                            folder=folder.parent))
        assert done.returncode == 0, done.stderr
        return BronzeLog(folder)

    def copy_to(self, folder, batch_records=200):
        shutil.copytree(self.folder / "bronze", pathlib.Path(folder) / "bronze")
        return Lake(folder, batch_records)


@dataclasses.dataclass
class Rows:
    columns: list
    rows: list  # tuples, one value per column

    def show(self, row):
        return {c: v for c, v in zip(self.columns, row) if v is not None}


def rows_of(table, differs_by_nature):
    """All rows without the columns that differ by nature; a table that is not there has none."""
    if not (table / "_delta_log").is_dir():
        return Rows([], [])
    data = deltalake.DeltaTable(str(table)).to_pyarrow_table()
    columns = [c for c in sorted(data.column_names) if c not in differs_by_nature]
    return Rows(columns, list(zip(*(values_of(data.column(c)) for c in columns))))


def values_of(column):
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.int64())  # microseconds: as exact, and quick to compare
    values = column.to_pylist()
    if pyarrow.types.is_map(column.type):
        return [None if v is None else tuple(v) for v in values]
    return values


def account_of_ledger_row(row):
    account = {name: row[name] for name in ("topic", "partition", "consumed", "silver", "duplicates")}
    account.update(start=row["start_offset"], end=row["end_offset"], conflicting=row["conflicting_duplicates"])
    for name in ("skipped", "quarantined", "late"):
        account[name] = dict(row[name] or [])
    return account


def sums(accounts):
    out = collections.Counter()
    for sources in accounts.values():
        for a in sources:
            where = (a["topic"], a["partition"])
            for what in ("consumed", "silver", "duplicates", "conflicting"):
                out[(*where, what)] += a.get(what, 0)
            for what in ("skipped", "quarantined", "late"):
                for name, n in a.get(what, {}).items():
                    out[(*where, f"{what} {name}")] += n
            out[(*where, "end")] = a["end"]
    return {k: v for k, v in out.items() if v}


def problems(accounts):
    """Offset ranges must join without gap or overlap, batches be numbered without a hole, and accounts close."""
    found, reached = [], {}
    if list(accounts) != list(range(1, len(accounts) + 1)):
        found.append(f"batches are not numbered 1 to {len(accounts)}: {list(accounts)}")
    for batch, sources in accounts.items():
        for a in sources:
            where = (a["topic"], a["partition"])
            if a["start"] != reached.get(where, 0):
                found.append(f"batch {batch} of {where} starts at {a['start']} after {reached.get(where, 0)}")
            reached[where] = a["end"]
            skipped, quarantined = (sum(a.get(what, {}).values()) for what in ("skipped", "quarantined"))
            if a["end"] - a["start"] != a["consumed"] + skipped:
                found.append(f"batch {batch} of {where}: offsets do not add up: {a}")
            if a["consumed"] != a["silver"] + a.get("duplicates", 0) + quarantined:
                found.append(f"batch {batch} of {where}: records do not add up: {a}")
    return found


@dataclasses.dataclass
class Difference:
    losses: int       # rows of the reference that are gone
    duplicates: int   # rows, or Silver ids, that are there more often than once
    others: int       # anything else: rows that should not be there, other values, sums of the ledger
    details: list

    def __bool__(self):
        return bool(self.losses or self.duplicates or self.others)

    def __str__(self):
        summary = f"{self.losses} losses, {self.duplicates} duplicates, {self.others} other differences"
        return "\n".join([summary, *(d[:400] for d in self.details[:8])])


def compare(expected, got):
    difference = Difference(0, 0, 0, [])

    def note(kind, n, detail):
        setattr(difference, kind, getattr(difference, kind) + n)
        difference.details.append(detail)

    tables = [("silver", expected.silver, got.silver), ("quarantine", expected.quarantine, got.quarantine)]
    for view in sorted(expected.gold.keys() | got.gold.keys()):
        tables.append((f"gold/{view}", expected.gold.get(view, Rows([], [])), got.gold.get(view, Rows([], []))))
    for name, want_rows, have_rows in tables:
        want, have = collections.Counter(want_rows.rows), collections.Counter(have_rows.rows)
        for row, n in have.items():
            if n > max(1, want[row]):
                note("duplicates", n - max(1, want[row]), f"{name}: {n} times {have_rows.show(row)}")
        for row in want - have:
            note("losses", 1, f"{name}: missing {want_rows.show(row)}")
        for row in have.keys() - want.keys():
            note("others", 1, f"{name}: not in the reference {have_rows.show(row)}")
    if got.silver.rows:
        ids = collections.Counter(row[got.silver.columns.index("event_id")] for row in got.silver.rows)
        for event_id, n in ids.items():
            if n > 1:
                note("duplicates", n - 1, f"silver: the id {event_id} is there {n} times")
    for what in sorted(expected.ledger.keys() | got.ledger.keys(), key=str):
        if expected.ledger.get(what, 0) != got.ledger.get(what, 0):
            note("others", 1, f"ledger: {what} is {got.ledger.get(what, 0)}, not {expected.ledger.get(what, 0)}")
    for problem in got.problems:
        note("others", 1, f"ledger: {problem}")
    return difference


class Compared(unittest.TestCase):
    """A log, what a run that is never interrupted makes of it, and a folder for each case that is compared with that."""

    LOG = {}  # what BronzeLog.make is told
    BATCH_RECORDS = 200

    @classmethod
    def setUpClass(cls):
        cls.root = program.scratch_folder(cls.__name__.lower())
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.names = (f"case{n}" for n in itertools.count())
        cls.log = BronzeLog.make(cls.root / "log", **cls.LOG)
        cls.references = {}
        cls.reference = cls.reference_for(cls.BATCH_RECORDS)

    @classmethod
    def reference_for(cls, batch_records):
        if batch_records not in cls.references:
            lake = cls.log.copy_to(cls.root / f"reference{batch_records}", batch_records)
            lake.catch_up()
            cls.references[batch_records] = lake.contents()
        return cls.references[batch_records]

    def new_folder(self):
        folder = self.root / next(self.names)
        folder.mkdir()
        return folder

    def new_lake(self, batch_records=None):
        """The log, which nobody has read yet."""
        return self.log.copy_to(self.new_folder() / "lake", batch_records or self.BATCH_RECORDS)

    def check(self, lake):
        """Nothing is lost, doubled or different."""
        difference = compare(self.reference_for(lake.batch_records), lake.contents())
        if difference:
            self.fail(str(difference))
        self.assertIsNone(lake.verify())


def fault_points():
    """The names of all fault points in the sources, so that a new one is tested without a list being edited."""
    names = set()
    for path in sorted((program.SOURCE / "src").rglob("*.cc")):
        if path.name.endswith("_test.cc"):
            continue
        text = path.read_text(encoding="utf-8")
        names.update(re.findall(r'fault_point\("([^"]+)"\)', text))
        names.update(re.findall(r'"([a-z_]+\.(?:before_link|linked))"', text))  # handed to a Delta table as options
    return sorted(names)
