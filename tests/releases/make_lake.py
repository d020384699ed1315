"""Makes the small lake of this release that every later release has to open: lake-<version>.tar.xz and what is in it.

    PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/releases/make_lake.py

It is made once, when the release is tagged, and never again: bytes that another release wrote are the point of it.
"""

import collections
import json
import os
import pathlib
import shutil
import sys
import tarfile

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import run_it, scratch_folder  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# The same words give the same events, but for their times: replayed into the lake, all of them are copies.
EVENTS = ("simulate", "--profile", "shop", "--count", 400, "--rate", 1, "--fast", "--seed", 3, "--first-id", 1, "--late-ratio", 0.02,
          "--dup-ratio", 0.03, "--bad-ratio", 0.02)
HISTORY = """\
event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session
2019-10-01 00:00:00 UTC,view,1,2,,b,35.79,5,s-1
2019-10-01 00:00:01 UTC,cart,1,2,c.d,b,35.79,5,s-1
2019-10-01 00:00:01 UTC,cart,1,2,c.d,b,35.79,5,s-1
2019-10-01 00:00:02 UTC,view,2,2,,,0.00,6,s-2
"""


def contents(lake):
    """Of the tables, as another reader sees them."""
    quarantine = DeltaTable(lake / "quarantine/events").to_pyarrow_table(columns=["reason"])["reason"].to_pylist()
    rows = DeltaTable(lake / "ledger").to_pyarrow_table(columns=["batch_id", "consumed", "silver", "duplicates", "event"]).to_pylist()
    gold = DeltaTable(lake / "gold/product_interest").to_pyarrow_table(columns=["views", "purchases"]).to_pylist()
    return {"silver": DeltaTable(lake / "silver/events").to_pyarrow_table(columns=["event_id"]).num_rows,
            "quarantine": dict(sorted(collections.Counter(quarantine).items())),
            "batches": max(r["batch_id"] for r in rows if r["event"] is None),
            "ledger": {name: sum(r[name] for r in rows if r["event"] is None) for name in ("consumed", "silver", "duplicates")},
            "gold": {"rows": len(gold), "views": sum(r["views"] for r in gold), "purchases": sum(r["purchases"] for r in gold)}}


def pack(lake, archive):
    """Without what tells of the machine, and in one order."""
    def plain(info):
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    with tarfile.open(archive, "w:xz") as tar:
        for path in sorted(lake.rglob("*")):
            tar.add(path, path.relative_to(lake.parent), recursive=False, filter=plain)


def main():
    root = scratch_folder("release")
    try:
        def good(*words):
            done = run_it(*words, folder=root)
            if done.returncode != 0:
                sys.exit(f"{words[0]} ended with {done.returncode}: {done.stderr}")
            return done.stdout

        version = json.loads(good("version", "--json"))["version"]
        good(*EVENTS, "--to", "lake:lake")
        good("run", "--until-caught-up", "--batch-records", 150)  # windows stay open, and a state snapshot is left
        (root / "history.csv").write_text(HISTORY)
        good("ingest", "--dialect", "rees46", "history.csv")
        lake = root / "lake"
        (lake / "_pactolus/lock").unlink()
        for path in lake.rglob("*"):
            if path.is_file() and os.fsencode(root) in path.read_bytes():
                sys.exit(f"{path} names a folder of this machine")
        archive = HERE / f"lake-{version}.tar.xz"
        if archive.exists():
            sys.exit(f"{archive} is there already")
        pack(lake, archive)
        (HERE / f"lake-{version}.json").write_text(json.dumps(contents(lake), indent=1) + "\n")
        print(archive.name, archive.stat().st_size, "bytes")
    finally:
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
