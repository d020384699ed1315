"""Makes the small lake that later releases are tested with: OUT/lake-<version>.tar.xz, once at each release.

    PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/releases/make_lake.py tests/releases

It has what a lake in use has: duplicates, late and broken records, several batches, final windows and open ones, a
state snapshot, and a file that was ingested as history. Beside it lies expected.json, what it holds by an independent
reader. Packed so that only what the program wrote makes a difference: in order of names, without times and owners.
"""

import collections
import io
import json
import os
import pathlib
import shutil
import sys
import tarfile

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from crash.lake import Lake, problems, sums  # noqa: E402
from program import SOURCE, run_it, scratch_folder  # noqa: E402

MOST_BYTES = 200_000  # of an archive: each release adds one to the repository
TROUBLE = ("--dup-ratio", 0.04, "--late-ratio", 0.05, "--bad-ratio", 0.03)

HISTORY = """\
event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde-8bb3-4e00-8c23-a032dfed738c
2019-10-01 00:00:04 UTC,cart,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde-8bb3-4e00-8c23-a032dfed738c
2019-10-01 00:00:09 UTC,purchase,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde-8bb3-4e00-8c23-a032dfed738c
2019-10-01 00:00:09 UTC,purchase,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde-8bb3-4e00-8c23-a032dfed738c
2019-10-01 00:01:00 UTC,view,1307067,2053013558920217191,computers.notebook,lenovo,0.00,550050854,7c90fc70-0e80-4590-96f3-13c02c18c713
2019-10-01 00:02:00 UTC,view,"a row that ends too early"
"""


def numbers(folder):
    """What a lake holds, by its tables. Sums of its accounts are over all batches and partitions."""
    rows = lambda table: DeltaTable(str(folder / table)).to_pyarrow_table()
    accounts = Lake(folder).accounts()
    if found := problems(accounts):
        raise AssertionError(found)
    ledger = collections.Counter()
    for (_, _, what), n in sums(accounts).items():
        if what != "end":
            ledger[what] += n
    return {"silver": rows("silver/events").num_rows,
            "quarantine": dict(sorted(collections.Counter(rows("quarantine/events")["reason"].to_pylist()).items())),
            "gold": rows("gold/product_interest").num_rows,
            "ledger": dict(sorted(ledger.items()))}


def make(folder):
    """A lake in `folder`, which holds nothing else. Names are relative to it, so that none of the machine gets in."""
    def pactolus(*words):
        done = run_it(*words, folder=folder)
        if done.returncode:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    pactolus("simulate", "--profile", "shop", "--count", 600, "--rate", 0.4, "--fast", "--seed", 7, *TROUBLE,
             "--to", "lake:lake", "--json")
    pactolus("run", "--until-caught-up", "--batch-records", 150, "--lake", "lake", "--json")
    (folder / "history.csv").write_text(HISTORY, encoding="utf-8")
    pactolus("ingest", "history.csv", "--dialect", "rees46", "--lake", "lake", "--json")
    (folder / "history.csv").unlink()
    pactolus("verify", "--lake", "lake", "--json")
    version = pactolus("version", "--json")["version"]
    expected = {"version": version, **numbers(folder / "lake")}
    (folder / "expected.json").write_text(json.dumps(expected, indent=2) + "\n", encoding="utf-8")
    return expected


def refuse_what_is_worth_nothing(lake, expected):
    """It must hold what it is to show, and no path of this machine."""
    ledger = expected["ledger"]
    late = sum(n for what, n in ledger.items() if what.startswith("late "))
    assert ledger["duplicates"] > 10 and late > 0 and len(expected["quarantine"]) > 5 and expected["gold"] > 100, expected
    assert ledger["consumed"] == ledger["silver"] + ledger["duplicates"] + sum(expected["quarantine"].values()), expected
    assert list(lake.glob("_pactolus/snapshots/*.state")), "there is no state snapshot"
    assert list(lake.glob("bronze/_ingest.*")), "nothing was ingested"
    status = json.loads((lake / "_pactolus/status.json").read_text(encoding="utf-8"))
    assert status["product_interest"], "no window is open"
    for path in filter(pathlib.Path.is_file, lake.rglob("*")):
        for name in (str(lake.parent), str(SOURCE), os.path.expanduser("~")):
            assert name.encode() not in path.read_bytes(), f"{path.relative_to(lake)} names {name}"


def pack(folder, archive):
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for path in sorted(folder.rglob("*")):
            entry = tarfile.TarInfo(str(path.relative_to(folder)))
            content = b""
            if path.is_dir():
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            else:
                content = path.read_bytes()
                entry.mode, entry.size = 0o644, len(content)
            tar.addfile(entry, io.BytesIO(content))


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = scratch_folder("release")
    try:
        expected = make(folder)
        refuse_what_is_worth_nothing(folder / "lake", expected)
        archive = pathlib.Path(sys.argv[1], f"lake-{expected['version']}.tar.xz")
        pack(folder, archive)
    finally:
        shutil.rmtree(folder)
    size = archive.stat().st_size
    assert size < MOST_BYTES, f"{archive} has {size} bytes"
    print(f"{archive}: {size} bytes\n{json.dumps(expected, indent=2)}")


if __name__ == "__main__":
    main()
