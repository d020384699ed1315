"""The kinds of scenarios: each loads, runs, checks the answer, and gives back figures by name.

A figure is only given when the answer is right: a wrong one raises Failed.
"""

import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from processes import Child, Failed, RssSampler, ThreadSampler
from silver_sql import Silver

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from kafka.broker import Broker  # noqa: E402

MIB, GIB = 1 << 20, 1 << 30


class Lake:
    """One lake of one scenario in the scratch folder, and the program at work on it."""

    topic = None  # where its events are; none: in the lake
    run_before = ()  # a command that runs the job

    def __init__(self, programs, folder):
        self.folder = folder
        self.path = folder / "lake"
        self._pactolus = programs / "pactolus"
        self.silver = Silver(programs / "lib" / "libduckdb.so", self.path)

    def start(self, command, flags=(), env=None, before=()):
        return Child([*before, self._pactolus, command, *flags], self.folder, env)

    def simulate(self, flags):
        return self.start("simulate", [*flags, "--to", self.topic or f"lake:{self.path}"])

    def run(self, scenario):
        run = scenario["run"]
        return self.start("run", [*run.get("flags", []), *self._from(), "--lake", self.path], run.get("env"), self.run_before)

    def declare_views(self, names):
        """Of the configuration's views only these; all of them for None."""
        config = self.folder / "pactolus.toml"
        config.unlink(missing_ok=True)
        if names is None:
            return
        shown = self.start("config", ["show"]).succeed().stdout
        views = [line.split('"')[1] for line in shown.split("[[gold.view]]", 1)[1].splitlines() if line.startswith("name = ")]
        config.write_text("".join(f'[[gold.view]]\nname = "{v}"\nenabled = false\n\n' for v in views if v not in names))

    def _from(self):
        return ["--from", self.topic] if self.topic else []

    def status(self):
        """What the job last wrote; {} before it has."""
        try:
            return json.loads((self.path / "_pactolus" / "status.json").read_text())
        except (OSError, ValueError):
            return {}

    def keep_only_bronze(self):
        if self.topic:
            shutil.rmtree(self.path, ignore_errors=True)
            return
        for name in ("silver", "quarantine", "ledger", "gold"):
            shutil.rmtree(self.path / name, ignore_errors=True)
        for path in (self.path / "_pactolus").iterdir():
            if path.name != "format.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def table_bytes(self, table):
        status = json.loads(self.start("status", ["--json", "--lake", self.path]).succeed().stdout)
        return next(t["bytes"] for t in status["tables"] if t["table"] == table)

    def bronze_bytes(self):
        return sum(p.stat().st_size for p in (self.path / "bronze").rglob("*") if p.is_file())

    def verify(self):
        """Usage of a `verify` that found everything right."""
        usage = self.start("verify", ["--json", *self._from(), "--lake", self.path]).wait()
        if usage.exit_code != 0:
            raise Failed(f"verify: exit code {usage.exit_code}\n{usage.stdout[-3000:]}")
        orphans = next(c["figures"]["orphans"] for c in json.loads(usage.stdout)["checks"] if c["name"] == "files")
        if orphans:
            raise Failed(f"{orphans} orphans: sums over the folder would count replaced files")
        return usage


class KafkaLake(Lake):
    """Its events are in a topic of a broker that has the first core for itself; the job has the second."""

    run_before = ("taskset", "-c", "1")
    _broker, _topics = None, 0

    def __init__(self, programs, folder):
        super().__init__(programs, folder)
        if not KafkaLake._broker:
            KafkaLake._broker = Broker(before=("taskset", "-c", "0"))
        KafkaLake._topics += 1
        name = f"clicks{KafkaLake._topics}"
        KafkaLake._broker.tool("topic", name, 3)
        self.topic = f"kafka://{KafkaLake._broker.address}/{name}"

    @staticmethod
    def end():
        if KafkaLake._broker:
            KafkaLake._broker.close()
            KafkaLake._broker = None


def lake_of(scenario, programs, folder):
    return {"embedded": Lake, "kafka": KafkaLake}[scenario.get("log", "embedded")](programs, folder)


def add_truths(truths):
    """Of several simulators on one lake."""
    return {"events": sum(t["events"] for t in truths), "duplicates": sum(t["duplicates"] for t in truths),
            "bad": sum(t["bad"] for t in truths), "sent": sum(t["sent"] for t in truths),
            "revenue": str(sum(Decimal(t["revenue"]) for t in truths)), "refunds": str(sum(Decimal(t["refunds"]) for t in truths))}


def check(lake, expect, truth, ledger):
    """Compares the job's own counts, the Silver files and the simulator's truth. `ledger` is None when several
    processes took part; then the lake alone is asked."""
    wanted = {"silver": truth["events"], "duplicates": truth["duplicates"], "quarantined": truth["bad"]}
    wanted = {name: value if expect[name] == "truth" else expect[name] for name, value in wanted.items()}
    rows, revenue, refunds = lake.silver.totals()
    found = {"silver": rows}
    if ledger is not None:
        found |= {"silver": ledger["silver"], "duplicates": ledger["duplicates"], "quarantined": sum(ledger["quarantined"].values())}
        if ledger["silver"] != rows:
            raise Failed(f"the job counted {ledger['silver']} Silver rows, the files hold {rows}")
    for name, value in found.items():
        if value != wanted[name]:
            raise Failed(f"{name}: {value}, expected {wanted[name]}")
    if expect["revenue"] == "truth" and (Decimal(revenue), Decimal(refunds)) != (Decimal(truth["revenue"]), Decimal(truth["refunds"])):
        raise Failed(f"revenue and refunds: {revenue}, {refunds}; expected {truth['revenue']}, {truth['refunds']}")


def ledger_of(usage):
    return json.loads(usage.stdout.strip().splitlines()[-1])


def stream(scenario, programs, folder):
    """Everything is in the log; the job runs until it has caught up, on a fresh lake each time."""
    lake = lake_of(scenario, programs, folder)
    truth = json.loads(lake.simulate(scenario["load"]["simulate"]).succeed().stdout)
    def once(views, verify):
        lake.keep_only_bronze()
        lake.declare_views(views)
        job = lake.run(scenario)
        threads = ThreadSampler(job)
        usage = job.succeed()
        threads.stop()
        check(lake, scenario["expect"], truth, ledger_of(usage))
        if scenario["expect"].get("verify") and verify:
            lake.verify()
        return usage, threads

    out = []
    for n in range(scenario["repeat"]):
        usage, threads = once(scenario["run"].get("views"), n == 0)
        out.append({"events_per_core_second": truth["sent"] / usage.cpu_s, "events_per_second": truth["sent"] / usage.wall_s,
                    "bytes_per_event": lake.table_bytes("silver/events") / truth["events"], "max_rss_mib": usage.max_rss / MIB,
                    "client_share": threads.share("rdk:")})
        if against := scenario["run"].get("against_views"):
            out[-1]["to_others"] = once(against, False)[0].cpu_s / usage.cpu_s
    return out


def simulate_file(scenario, programs, folder):
    lake, path, out = Lake(programs, folder), folder / "events.ndjson", []
    for _ in range(scenario["repeat"]):
        path.unlink(missing_ok=True)
        usage = lake.start("simulate", [*scenario["load"]["simulate"], "--to", f"file:{path}"]).succeed()
        lines = int(subprocess.run(["wc", "-l", path], capture_output=True, check=True).stdout.split()[0])
        if lines != scenario["expect"]["lines"]:
            raise Failed(f"{lines} lines, expected {scenario['expect']['lines']}")
        out.append({"events_per_core_second": lines / usage.cpu_s, "max_rss_mib": usage.max_rss / MIB})
    return out


def wait_for(what, condition, child, timeout_s=600.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        if not child.running():
            raise Failed(f"ended while waiting for {what}: {child.said()}")
        if time.monotonic() > deadline:
            raise Failed(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(0.02)


def committed(lake):
    return sum(s["next_offset"] for s in lake.status().get("sources", []))


def latency(scenario, programs, folder):
    """The job waits for events, which come live; every event's time is compared with its commit's."""
    out = []
    for n in range(scenario["repeat"]):
        lake = lake_of(scenario, programs, folder / str(n))
        lake.folder.mkdir()
        job = lake.run(scenario)
        wait_for("the first status", lake.status, job)
        try:
            truth = json.loads(lake.simulate(scenario["load"]["simulate"]).succeed().stdout)
            wait_for("the last commit", lambda: committed(lake) >= truth["sent"] and time.sleep(1.2) is None, job)
        finally:
            job.send(signal.SIGINT)
        usage = job.succeed(codes=(0, 130))
        check(lake, scenario["expect"], truth, ledger_of(usage))
        if scenario["expect"].get("verify"):
            lake.verify()
        rows, (p50, p99) = lake.silver.latency_s([0.5, 0.99])
        print(lake.silver.latency_histogram(scenario["histogram_s"]), file=sys.stderr)
        if rows != truth["events"]:
            raise Failed(f"{rows} of {truth['events']} rows have a commit")
        out.append({"latency_p50_s": p50, "latency_p99_s": p99, "cpu_share": usage.cpu_s / usage.wall_s, "max_rss_mib": usage.max_rss / MIB})
    return out


def recovery(scenario, programs, folder):
    """20 million ids, kills while more arrives: three new starts with the state snapshot, one without."""
    lake, out = lake_of(scenario, programs, folder), {}  # out["max_rss_mib"]: of the job that was never killed before
    loaded = json.loads(lake.simulate(scenario["load"]["simulate"]).succeed().stdout)
    job = lake.run(scenario)
    wait_for("20 million ids", lambda: committed(lake) >= loaded["sent"], job)
    status = lake.status()
    out["remembered_bytes_per_id"] = status["remembered_bytes"] / status["remembered_ids"]
    more = lake.simulate(scenario["more"]["simulate"])

    def kill_and_measure(job, between):
        first = committed(lake)
        wait_for("events after the load", lambda: committed(lake) > first + 10_000, job)
        out.setdefault("max_rss_mib", job.kill().max_rss / MIB)
        between()
        before = max(lake.silver.commit_times())
        job = lake.run(scenario)
        # `status` knows the batch as soon as it is there; the commit's own time is what counts.
        wait_for("a new batch", lambda: lake.status().get("pid") == job.pid and lake.status().get("batch", 0) > before, job)
        cpu_s, peak_mib = job.cpu_so_far_s(), job.peak_rss() / MIB
        later = {batch: at for batch, at in lake.silver.commit_times().items() if batch > before}
        return job, {"s": later[min(later)] - job.started_at, "cpu_s": cpu_s, "rss_mib": peak_mib}

    snapshots = lake.path / "_pactolus" / "snapshots"
    wait_for("a snapshot", lambda: snapshots.is_dir() and any(snapshots.iterdir()), job)
    starts = []
    for _ in range(3):  # one alone says little: on a busy machine the slowest takes twice as long as the quickest
        job, measured = kill_and_measure(job, lambda: None)
        starts.append(measured)
    out |= {f"with_snapshot_{name}": statistics.median(m[name] for m in starts) for name in starts[0]}
    out["with_snapshot_slowest_s"] = max(m["s"] for m in starts)
    job, measured = kill_and_measure(job, lambda: shutil.rmtree(snapshots))
    out |= {f"without_snapshot_{name}": value for name, value in measured.items()}
    truth = add_truths([loaded, json.loads(more.succeed().stdout)])
    wait_for("the last commit", lambda: committed(lake) >= truth["sent"], job)
    job.send(signal.SIGINT)
    job.succeed(codes=(0, 130))
    check(lake, scenario["expect"], truth, None)
    verified = lake.verify()
    out |= {"verify_s": verified.wall_s, "verify_rss_mib": verified.max_rss / MIB}
    return [out]


def memory(scenario, programs, folder):
    """Written while it is read: the simulator is held (stopped, continued) when Bronze has grown too large."""
    lake = Lake(programs, folder)
    simulator = lake.simulate(scenario["load"]["simulate"])
    wait_for("the topic", lambda: (lake.path / "bronze").is_dir() and any((lake.path / "bronze").iterdir()), simulator)
    job, held, largest = lake.run(scenario), False, 0
    sampler = RssSampler(job)
    limit = scenario["load"]["hold_above_bytes"]
    while simulator.running():
        if not job.running():
            simulator.kill()
            raise Failed(job.said())
        size = lake.bronze_bytes()
        largest = max(largest, size)
        if held != (size > limit):
            held = not held
            simulator.send(signal.SIGSTOP if held else signal.SIGCONT)
        time.sleep(0.1)
    truth = json.loads(simulator.succeed().stdout)
    wait_for("the last commit", lambda: committed(lake) >= truth["sent"], job)
    job.send(signal.SIGINT)
    usage = job.succeed(codes=(0, 130))
    samples = sampler.stop()
    check(lake, scenario["expect"], truth, ledger_of(usage))
    third = samples[-1][0] / 3
    before = max(rss for t, rss in samples if third <= t < 2 * third)
    last = max(rss for t, rss in samples if t >= 2 * third)
    usual = statistics.median(rss for t, rss in samples if t >= third)
    return [{"max_rss_mib": usage.max_rss / MIB, "usual_rss_mib": usual / MIB, "rss_growth": last / before, "events_per_core_second": truth["sent"] / usage.cpu_s,
             "bronze_gib_max": largest / GIB, "bronze_gib_end": lake.bronze_bytes() / GIB}]


def ingest_retail(scenario, programs, folder):
    """The public file, the middle one of three times: before the others, which leave a disk that is busy with what they deleted."""
    retail = Path(__file__).resolve().parents[2] / scenario["load"]["retail"]
    if not retail.exists():
        raise Failed(f"the Online Retail sample is not beside the project: {scenario['load']['retail']}")
    usages = []
    for n in range(3):
        lake = Lake(programs, folder / f"retail{n}")
        lake.folder.mkdir()
        usages.append(lake.start("ingest", ["--json", "--dialect", "online-retail", retail, "--lake", lake.path]).succeed())
        report = json.loads(usages[-1].stdout)["files"][0]
        for name, value in scenario["retail"].items():
            if report[name] != value:
                raise Failed(f"Online Retail, {name}: {report[name]}, expected {value}")
    usage = sorted(usages, key=lambda u: u.wall_s)[1]
    return {"retail_s": usage.wall_s, "retail_cpu_s": usage.cpu_s}


def history(scenario, programs, folder):
    """The same events as a file and as a stream; a public file; small commits and what merging their files costs."""
    load = scenario["load"]
    out = ingest_retail(scenario, programs, folder)
    path = folder / "events.ndjson"
    # The lake of the stream is gone before the file is ingested, so that both find memory that was in use a moment ago: a
    # page that was not, a virtual machine takes from its host, and that costs as much as filling it.
    streamed = Lake(programs, folder / "streamed")
    streamed.folder.mkdir()
    truth = json.loads(streamed.start("simulate", [*load["simulate"], "--to", f"file:{path}"]).succeed().stdout)
    streamed.simulate(["--replay", path, "--speed", "max"]).succeed()
    usage = streamed.start("run", ["--until-caught-up", "--lake", streamed.path]).succeed()
    check(streamed, scenario["expect"], truth, ledger_of(usage))
    from_log = truth["sent"] / usage.cpu_s
    shutil.rmtree(streamed.path)

    lake = Lake(programs, folder / "ingested")
    lake.folder.mkdir()
    usage = lake.start("ingest", ["--json", path, "--lake", lake.path]).succeed()
    check(lake, scenario["expect"], truth, json.loads(usage.stdout)["files"][0])
    from_file = truth["sent"] / usage.cpu_s
    out |= {"ingest_events_per_core_second": from_file, "stream_events_per_core_second": from_log, "ingest_to_stream": from_file / from_log}
    shutil.rmtree(lake.path)
    path.unlink()

    most_files = 0
    for events in scenario["small"]["events"]:
        lake = Lake(programs, folder / f"small-{events}")
        lake.folder.mkdir()
        lake.simulate([*load["small"], "--count", str(events * scenario["small"]["commits"]), "--rate", str(events)]).succeed()
        usage = lake.start("run", ["--until-caught-up", "--batch-records", str(events), "--lake", lake.path]).succeed()
        lake.verify()
        merged = lake.status()["compaction"]
        tables = json.loads(lake.start("tables", ["ls", "--json", "--lake", lake.path]).succeed().stdout)["tables"]
        out |= {f"compaction_cpu_share_{events}": merged["cpu_ms"] / 1000 / usage.cpu_s,
                f"compaction_us_per_row_{events}": merged["cpu_ms"] * 1000 / merged["rows"]}
        most_files = max(most_files, *(t["most_files_in_a_partition"] for t in tables))
        shutil.rmtree(lake.path)
    return [out | {"most_files_in_a_partition": most_files}]


def micro(scenario, programs, folder):
    """Google Benchmark's own programs, each once for all of its figures; the median of its repetitions."""
    wanted = {}
    for figure in scenario["figure"]:
        program, name, _ = figure["of"]
        wanted.setdefault(program, set()).add(name)
    measured = {}
    for program, names in wanted.items():
        path = next(p for p in programs.rglob(program) if p.is_file())
        report = folder / f"{program}.json"
        pattern = "^(" + "|".join(sorted(names)) + ")$"
        Child([path, f"--benchmark_filter={pattern}", f"--benchmark_repetitions={scenario['repeat']}", "--benchmark_enable_random_interleaving=true",
               "--benchmark_report_aggregates_only=true",
               f"--benchmark_out={report}", "--benchmark_out_format=json"], folder).succeed()
        for b in json.loads(report.read_text())["benchmarks"]:
            if b.get("error_occurred"):
                raise Failed(f"{b['name']}: {b['error_message']}")
            if b.get("aggregate_name") == "median":
                measured[program, b["run_name"]] = b
    out = {}
    for figure in scenario["figure"]:
        program, name, counter = figure["of"]
        found = next((b for (p, n), b in measured.items() if p == program and n.split("/repeats")[0] == name), None)
        if found is None:
            raise Failed(f"{program} has no benchmark {name}")
        out[figure["name"]] = found[counter]
    return [out]


def queries(scenario, programs, folder):
    """SQL and daily models over a lake with a day of events; wall time, the process' start included."""
    lake = lake_of(scenario, programs, folder)
    truth = json.loads(lake.simulate(scenario["load"]["simulate"]).succeed().stdout)
    job = lake.run(scenario).succeed()
    check(lake, scenario["expect"], truth, ledger_of(job))
    sql = lambda query: lake.start("sql", [query, "--json", "--lake", lake.path]).succeed()
    (newest,) = json.loads(sql("SELECT max(window_end)::VARCHAR AS t, max(window_date)::VARCHAR AS day FROM product_interest").stdout)
    (day,) = json.loads(sql("SELECT event_date::VARCHAR AS day FROM silver GROUP BY ALL ORDER BY count(*) DESC LIMIT 1").stdout)
    hour = ("SELECT product_id, sum(views) AS views, sum(purchases) AS purchases FROM product_interest "
            f"WHERE window_date >= DATE '{newest['day']}' - 1 AND window_end > TIMESTAMPTZ '{newest['t']}' - INTERVAL 1 HOUR "
            "GROUP BY ALL ORDER BY views DESC LIMIT 20")
    out = []
    for _ in range(scenario["repeat"]):
        asked = sql(hour)
        if len(json.loads(asked.stdout)) != 20:
            raise Failed(f"20 products were expected: {asked.stdout}")
        figures = {"sql_ms": asked.wall_s * 1000}
        for model in scenario["models"]:
            made = lake.start("model", ["run", model, "--date", day["day"], "--json", "--lake", lake.path]).succeed()
            if json.loads(made.stdout)["events"] < 1_000_000:
                raise Failed(f"a day of too few events: {made.stdout}")
            figures[f"{model}_s"] = made.wall_s
        figures["events_of_the_day"] = json.loads(made.stdout)["events"]
        out.append(figures)
    return out


KINDS = {f.__name__: f for f in (stream, simulate_file, latency, recovery, memory, history, queries, micro)}
