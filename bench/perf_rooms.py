"""Where each microsecond goes: a stream scenario under `perf record`, samples grouped by room of the code."""

import json
import re
import shutil
import subprocess

from kinds import Lake
from processes import Failed

# First match wins: (room, part of the shared object's name, pattern of the symbol).
ROOMS = [
    ("kernel", "[kernel", r""),
    ("kernel", "[guest", r""),
    ("Parquet", "libparquet", r""),
    ("Parquet", "libarrow", r""),
    ("state snapshot", "pactolus", r"DedupeIndex::Entry|save_snapshot|IdRunWriter|read_blocks|encode_snapshot|Snapshots|IdRun"),
    ("dictionary", "pactolus", r"TextDictionary|\(anonymous namespace\)::same$"),
    ("hashes of ids, keys and frames", "pactolus", r"XXH|hash64|murmur"),
    ("dedupe", "pactolus", r"Dedupe|Fingerprint|FragmentGroup|content_byte|::remember\b"),
    ("Gold", "pactolus", r"WindowView|FunnelView|SessionView|OpenSessions|ViewPane|ViewFold|ViewRows|KeyTable|BatchKeys|Distinct|HyperLogLog|conversion_seen|ConversionEvidence"),
    ("Bronze read", "pactolus", r"bronze::|EmbeddedReader|PartitionReader|FrameReader|Reader::poll"),
    ("decode", "pactolus", r"Decoder|simdjson|parse_money|parse_time|field_of|json_syntax|check_json|TextRows|EventBatch|vector<(int|long|unsigned)"),
    ("Silver columns", "pactolus", r"silver_columns|split_by_partition|coded|dictionary_column|TextColumn|Validity|BoolColumn|FixedColumn|ColumnBatch"),
    ("Delta log", "pactolus", r"delta::|Json"),
    ("batch: order, accounts, files", "pactolus", r""),
    ("copying, comparing, allocating (libc)", "libc", r""),
    ("other libraries", "", r""),
]


def room_of(shared_object, symbol):
    return next(room for room, part, pattern in ROOMS if part in shared_object and re.search(pattern, symbol))


def profile(name, scenario, programs, scratch, out):
    if scenario["kind"] != "stream":
        raise SystemExit(f"{name} is no stream scenario")
    perf = shutil.which("perf")
    if not perf:
        raise SystemExit("perf is missing: apt-get install linux-perf")
    lake = Lake(programs, scratch)
    truth = json.loads(lake.simulate(scenario["load"]["simulate"]).succeed().stdout)
    lake.declare_views(scenario["run"].get("views"))
    data = scratch / "perf.data"
    record = [perf, "record", "-q", "-e", "cpu-clock", "-F", "2000", "-o", data, programs / "pactolus", "run", *scenario["run"]["flags"], "--lake", lake.path]
    run = subprocess.run([str(x) for x in record], capture_output=True, text=True, cwd=scratch)
    if run.returncode:
        raise Failed(run.stderr)
    text = subprocess.run([perf, "report", "-i", str(data), "--stdio", "-q", "--no-children", "-F", "sample,dso,symbol", "-t", "\t"],
                          capture_output=True, text=True).stdout
    rows = []
    for line in text.splitlines():
        cells = [c.strip() for c in line.split("\t")]
        if len(cells) == 3 and cells[0].isdigit():
            rows.append((int(cells[0]), cells[1], cells[2]))
    total = sum(n for n, _, _ in rows)
    rooms = {}
    for n, shared_object, symbol in rows:
        rooms[room_of(shared_object, symbol)] = rooms.get(room_of(shared_object, symbol), 0) + n
    microseconds = total / 2000 * 1e6 / truth["sent"]
    print(f"{name}: {microseconds:.3f} µs of CPU an event, {total} samples\n", file=out)
    print("| room | share | µs an event |\n|---|---:|---:|", file=out)
    for room, n in sorted(rooms.items(), key=lambda r: -r[1]):
        print(f"| {room} | {100 * n / total:.1f} % | {n / total * microseconds:.3f} |", file=out)
    print("\nlargest:", file=out)
    for n, shared_object, symbol in sorted(rows, reverse=True)[:45]:
        print(f"{100 * n / total:5.1f} %  {shared_object:<24} {room_of(shared_object, symbol):<28} {symbol[:140]}", file=out)
