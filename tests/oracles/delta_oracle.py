"""Other readers judge our Delta tables, and we read theirs.

usage: delta_oracle.py DELTA_TOOL   (the test program built from tests/delta_tool.cc)

1. A table that we wrote (appends, compactions, a wider schema, checkpoints, a cleaned log, odd partition values) is
   read by delta-rs, DuckDB and Polars: rows, versions, txn, history, partition filters and file skipping must agree.
2. A table that delta-rs wrote, with its own checkpoint, is read and appended to by us, and read again by them.
Versions are pinned in requirements.txt. Exit code 1 and one line per difference when something disagrees."""

import datetime as dt
import decimal
import json
import os
import subprocess
import sys
import tempfile

import deltalake
import duckdb
import duckdb_extension_delta
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

TOOL = sys.argv[1]
KINDS = ["page_view", "click", "add to cart/50%", "naïve ☕=%41", None]
failures = 0


def check(what, got, want):
    global failures
    good = got == want
    failures += not good
    print(f"{'ok  ' if good else 'FAIL'} {what}: {got!r}" + ("" if good else f", expected {want!r}"))


def tool(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"delta_tool {arguments}: {done.stderr}")
    return json.loads(done.stdout) if done.stdout else None


def connect():
    con = duckdb.connect()
    folder = os.path.dirname(duckdb_extension_delta.__file__)
    con.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/delta.duckdb_extension'")
    return con


def ours_read_by_others(root):
    tool("build", root)
    shown = tool("show", root)
    con = connect()
    # Ten appends of 2 partitions x 5 kinds x 50 rows: offsets 0..2499 of each partition.
    rows, offsets = 5000, 2 * sum(range(2500))
    check("we: version and rows", (shown["version"], shown["rows"]), (14, rows))
    check("we: checkpoint", shown["checkpoint"], 10)

    table = deltalake.DeltaTable(root)
    data = table.to_pyarrow_dataset()
    all_rows = data.to_table()
    check("deltalake: version", table.version(), 14)
    check("deltalake: protocol", (table.protocol().min_reader_version, table.protocol().min_writer_version), (1, 2))
    check("deltalake: rows and offsets", (data.count_rows(), pc.sum(all_rows["kafka_offset"]).as_py()), (rows, offsets))
    check("deltalake: files", len(table.file_uris()), len(shown["files"]))
    check("deltalake: columns", all_rows.column_names[-3:], ["event_date", "event_type", "extra"])
    check("deltalake: ids are unique", pc.count_distinct(all_rows["event_id"]).as_py(), rows)
    check(
        "deltalake: prices",
        pc.sum(all_rows["price"]).as_py(),
        decimal.Decimal(2 * sum(i * 12345 + 1 for i in range(2500) if i % 10)).scaleb(-4),
    )
    check(
        "deltalake: maps",
        sum(dict(m)["a"] for m in all_rows["counts"].to_pylist() if m),
        2 * sum(i for i in range(2500) if i % 3),
    )
    check("deltalake: binary", set(all_rows["raw"].to_pylist()), {b"\x00\xff"})
    # Batches 1 to 6 came before the column, and two of their five kinds were rewritten after it.
    check("deltalake: the new column is null before it was added", all_rows["extra"].null_count, 6 * 100 * 3)
    for app, version in shown["txns"].items():
        check(f"deltalake: txn {app}", table.transaction_version(app), version)
    check("deltalake: unknown txn", table.transaction_version("nobody"), None)
    check(
        "deltalake: history",
        [(h["version"], h["operation"], h["timestamp"]) for h in table.history()],
        [(h["version"], h["operation"], h["timestamp"]) for h in shown["history"]],
    )
    check(
        "deltalake: vacuum would delete the tombstones and nothing else",
        len(table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=True)),
        shown["tombstones"],
    )

    for kind in KINDS:
        field = pc.field("event_type")
        where = pc.is_null(field) if kind is None else field == kind
        check(
            f"deltalake: rows of {kind}",
            data.count_rows(filter=where & (pc.field("event_date") == dt.date(2026, 3, 1))),
            1000,
        )
        sql = "event_type IS NULL" if kind is None else "event_type = ?"
        got = con.execute(
            f"SELECT count(*) FROM delta_scan('{root}') WHERE {sql} AND event_date = DATE '2026-03-01'",
            [] if kind is None else [kind],
        ).fetchone()[0]
        check(f"duckdb: rows of {kind}", got, 1000)
    low = pc.field("kafka_offset") < 100
    check("deltalake: few offsets", data.count_rows(filter=low), 200)
    check(
        "deltalake: files are skipped",
        len(list(data.get_fragments(filter=low))) < len(list(data.get_fragments())),
        True,
    )
    last = all_rows["event_time"].cast("int64")
    edge = pc.max(last).as_py()
    check(
        "duckdb: the newest microsecond is not skipped",
        con.execute(
            f"SELECT count(*) FROM delta_scan('{root}') WHERE event_time >= make_timestamptz({edge})"
        ).fetchone()[0],
        2,
    )

    check(
        "duckdb: rows, offsets, ids",
        con.execute(
            f"SELECT count(*), sum(kafka_offset), count(DISTINCT event_id) FROM delta_scan('{root}')"
        ).fetchone(),
        (rows, offsets, rows),
    )
    frame = pl.scan_delta(root)
    check(
        "polars: rows and offsets",
        tuple(frame.select(pl.len(), pl.col("kafka_offset").sum()).collect().row(0)),
        (rows, offsets),
    )
    check(
        "polars: rows of add to cart/50%",
        frame.filter(pl.col("event_type") == "add to cart/50%").select(pl.len()).collect().item(),
        1000,
    )

    # Time travel: from the oldest version that the cleaned log still gives.
    for version in range(10, 15):
        ours = tool("show", root, version)
        theirs = deltalake.DeltaTable(root, version=version)
        got = theirs.to_pyarrow_dataset()
        check(
            f"version {version}: rows and txn",
            (got.count_rows(), theirs.transaction_version("clickstream/batch"), len(theirs.file_uris())),
            (ours["rows"], ours["txns"]["clickstream/batch"], len(ours["files"])),
        )
        check(
            f"version {version}: duckdb",
            con.execute(f"SELECT count(*) FROM delta_scan('{root}', version => {version})").fetchone()[0],
            ours["rows"],
        )
    # delta-rs and Spark go by the files' times, which here are not those of the commits: made equal, all three agree.
    for past in shown["history"]:
        os.utime(os.path.join(root, "_delta_log", f"{past['version']:020d}.json"), (past["timestamp"] / 1000,) * 2)
    for past in shown["history"]:
        at = dt.datetime.fromtimestamp(past["timestamp"] / 1000, dt.timezone.utc)
        then = deltalake.DeltaTable(root)  # afresh: it remembers the files' times
        then.load_as_version(at)
        check(
            "the version of a time",
            (then.version(), tool("show", root, f"@{past['timestamp']}")["version"]),
            (past["version"],) * 2,
        )
    try:
        deltalake.DeltaTable(root, version=9)
        check("deltalake: a cleaned version", "was read", "is refused")
    except Exception:
        check("deltalake: a cleaned version", "is refused", "is refused")


def others_read_by_us(root):
    kinds = ["a b", "50%/x", "ü", "plain"]
    rows = lambda i: pa.table(
        {
            "id": [f"r{i}-{k}" for k in range(8)],
            "n": pa.array(range(8 * i, 8 * i + 8), pa.int64()),
            "kind": [kinds[k % 4] for k in range(8)],
        }
    )
    for i in range(6):
        deltalake.write_deltalake(
            root,
            rows(i),
            mode="append",
            partition_by=["kind"],
            commit_properties=deltalake.CommitProperties(app_transactions=[deltalake.Transaction("theirs", i, i)]),
        )
        if i == 3:
            deltalake.DeltaTable(root).create_checkpoint()
    deltalake.DeltaTable(root).optimize.compact()
    for step in ("with their checkpoint", "after our append", "with our checkpoint and theirs gone"):
        table = deltalake.DeltaTable(root)
        shown = tool("show", root)
        check(f"{step}: version", shown["version"], table.version())
        check(f"{step}: rows", shown["rows"], table.to_pyarrow_dataset().count_rows())
        check(
            f"{step}: files",
            sorted(os.path.join(root, f) for f in shown["files"]),
            sorted(f.removeprefix("file://") for f in table.file_uris()),
        )
        check(
            f"{step}: txn",
            (shown["txns"]["theirs"], shown["txns"].get("ours")),
            (table.transaction_version("theirs"), table.transaction_version("ours")),
        )
        check(
            f"{step}: partition values",
            sorted({f["kind"] for f in shown["files"].values()}),
            sorted(set(table.to_pyarrow_dataset().to_table()["kind"].to_pylist())),
        )
        if step == "with their checkpoint":
            check("their checkpoint is used", shown["checkpoint"], 3)
            tool("append", root)
        elif step == "after our append":
            tool("checkpoint", root)
            log = os.path.join(root, "_delta_log")
            for name in os.listdir(log):
                if name.startswith("0") and int(name[:20]) < shown["version"]:
                    os.remove(os.path.join(log, name))
    con = connect()
    check(
        "duckdb: rows after all",
        con.execute(f"SELECT count(*), sum(n) FROM delta_scan('{root}')").fetchone(),
        (50, sum(range(48)) + 2001),
    )


print(f"deltalake {deltalake.__version__}, duckdb {duckdb.__version__}, polars {pl.__version__}")
with tempfile.TemporaryDirectory() as folder:
    ours_read_by_others(os.path.join(folder, "ours"))
    others_read_by_us(os.path.join(folder, "theirs"))
print("all agree" if not failures else f"{failures} differences")
sys.exit(failures > 0)
