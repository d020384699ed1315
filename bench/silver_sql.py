"""SQL over a lake's data files, for what the program itself does not say: sums of money, times of commits.

It asks the DuckDB that is shipped beside the program, by its C interface, in a process of its own: a child's peak
memory, as the kernel tells it, begins with its parent's, so the one that starts what is measured has to stay small.
Data files are read as plain Parquet, which is right as long as nothing was compacted; `verify` tells (orphans: 0).
"""

import ctypes
import json
import subprocess
import sys
from pathlib import Path


class _Result(ctypes.Structure):  # duckdb_result
    _fields_ = [("columns", ctypes.c_uint64), ("rows", ctypes.c_uint64), ("changed", ctypes.c_uint64), ("column", ctypes.c_void_p),
                ("error", ctypes.c_void_p), ("internal", ctypes.c_void_p)]


def ask(library, sql):
    """Rows of text values, in a process of its own."""
    asked = subprocess.run([sys.executable, __file__, str(library), sql], capture_output=True, text=True)
    if asked.returncode:
        raise RuntimeError(f"{sql}\n{asked.stderr.strip()}")
    return json.loads(asked.stdout)


def _ask_here(library, sql):
    duckdb = ctypes.CDLL(library)
    for name in ("duckdb_column_count", "duckdb_row_count"):
        getattr(duckdb, name).restype = ctypes.c_uint64
    duckdb.duckdb_value_varchar.restype = ctypes.c_void_p
    duckdb.duckdb_value_varchar.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64]
    duckdb.duckdb_result_error.restype = ctypes.c_char_p
    duckdb.duckdb_free.argtypes = [ctypes.c_void_p]
    database, connection, result = ctypes.c_void_p(), ctypes.c_void_p(), _Result()
    if duckdb.duckdb_open(None, ctypes.byref(database)) or duckdb.duckdb_connect(database, ctypes.byref(connection)):
        sys.exit("DuckDB does not open")
    if duckdb.duckdb_query(connection, sql.encode(), ctypes.byref(result)):
        sys.exit(duckdb.duckdb_result_error(ctypes.byref(result)).decode())
    columns, rows = duckdb.duckdb_column_count(ctypes.byref(result)), duckdb.duckdb_row_count(ctypes.byref(result))

    def value(column, row):
        text = duckdb.duckdb_value_varchar(ctypes.byref(result), column, row)
        if text is None:
            return None
        out = ctypes.string_at(text).decode()
        duckdb.duckdb_free(text)
        return out

    return [[value(c, r) for c in range(columns)] for r in range(rows)]


class Silver:
    def __init__(self, library, lake):
        self._library, self._folder = library, Path(lake) / "silver" / "events"
        self.table = f"read_parquet('{self._folder}/*/*/*.parquet', hive_partitioning = true, hive_types = {{'event_date': date}})"

    def totals(self):
        """(rows, revenue in the shop's currency, refunds): sums that every event has to be in once."""
        mine = "(currency is null or currency = 'USD')"
        row = ask(self._library, f"select count(*), coalesce(sum(price * quantity) filter (event_type = 'purchase' and {mine}), 0), "
                                 f"coalesce(sum(price * quantity) filter (event_type = 'refund' and {mine}), 0) from {self.table}")[0]
        return int(row[0]), row[1], row[2]

    def commit_times(self):
        """Batch → when a reader could first see it, in seconds since 1970: the last change of the commit's inode, which
        is its link under the final name (and the removal of the other name, a moment later). What is written before is
        not yet readable, so the file's own time and the commit's timestamp would flatter."""
        times = {}
        for path in sorted((self._folder / "_delta_log").glob("*.json")):
            info = json.loads(path.open().readline()).get("commitInfo", {}).get("pactolus", {})
            if info.get("kind") == "batch":
                times[info["batch"]] = path.stat().st_ctime
        return times

    def _lag(self):
        """Of every event: `s`, from its own time, which is its producer's, to its commit."""
        values = ", ".join(f"({batch}, {time!r}::double)" for batch, time in self.commit_times().items())
        return (f"with commits(batch, committed) as (values {values}), lag as (select committed - epoch(event_timestamp) as s "
                f"from {self.table} join commits on batch = batch_id) ")

    def latency_s(self, quantiles):
        """How many events there are, and one value for each quantile."""
        row = ask(self._library, self._lag() + "select count(*), " + ", ".join(f"quantile_cont(s, {q})" for q in quantiles) + " from lag")[0]
        return int(row[0]), [float(v) for v in row[1:]]

    def latency_histogram(self, width_s):
        """A line for each so many seconds, with its events and a bar."""
        rows = [(float(at), int(n)) for at, n in
                ask(self._library, self._lag() + f"select floor(s / {width_s}) * {width_s}, count(*) from lag group by 1 order by 1")]
        most = max(n for _, n in rows)
        return "\n".join(f"    {at:6.2f} s {n:>8} {'#' * round(40 * n / most)}" for at, n in rows)


if __name__ == "__main__":
    print(json.dumps(_ask_here(sys.argv[1], sys.argv[2])))
