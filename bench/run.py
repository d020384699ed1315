#!/usr/bin/env python3
"""Runs the scenarios of bench/scenarios and compares figures with their bounds and answers with the truth.

    ./dev bench                    all but the long ones         ./dev bench --list
    ./dev bench stream latency     these                         ./dev bench memory
    ./dev bench kafka              kafka-stream and so on        ./dev bench stream --perf    where the time goes
    ./dev bench --json             for programs

Exit code 1: a wrong answer, or a bound that was missed. `--update-docs` rewrites the measured part of
docs/benchmarks.md; scenarios that were not run keep their lines.
"""

import argparse
import datetime
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import docs_table
import perf_rooms
from kinds import KINDS, KafkaLake
from processes import Child, Failed

ROOT = Path(__file__).resolve().parent.parent


def load_scenarios():
    scenarios = {}
    for path in sorted((ROOT / "bench" / "scenarios").glob("*.toml")):
        scenarios[path.stem] = tomllib.loads(path.read_text())
    return scenarios


def judge(figure, value):
    """ok, missed, or empty when there is no bound; and whether the aim was reached."""
    at_least, at_most, aim = figure.get("at_least"), figure.get("at_most"), figure.get("aim")
    bound = None
    if at_least is not None:
        bound = value >= at_least
    if at_most is not None:
        bound = (bound is not False) and value <= at_most
    reached = None if aim is None else (value <= aim if at_most is not None else value >= aim)
    return bound, reached


def run_scenario(name, scenario, programs, scratch):
    """Median of every figure, judged."""
    folder = scratch / name
    folder.mkdir()
    started = time.monotonic()
    result = {"scenario": name, "figures": []}
    try:
        runs = KINDS[scenario["kind"]](scenario, programs, folder)
        for figure in scenario["figure"]:
            values = [run[figure["name"]] for run in runs]
            value = statistics.median(values)
            within, aim_reached = judge(figure, value)
            result["figures"].append({"name": figure["name"], "text": figure["text"], "value": value, "values": values,
                                      "at_least": figure.get("at_least"), "at_most": figure.get("at_most"), "aim": figure.get("aim"),
                                      "within": within, "aim_reached": aim_reached})
        result["right"] = True
    except (Failed, RuntimeError) as wrong:
        result |= {"right": False, "error": str(wrong)}
    finally:
        Child.end_all()
        shutil.rmtree(folder, ignore_errors=True)
    result["seconds"] = round(time.monotonic() - started, 1)
    return result


def machine():
    facts = dict(line.split(":", 1) for line in subprocess.run(["lscpu"], capture_output=True, text=True).stdout.splitlines() if ":" in line)
    fields = {k.strip(): v.strip() for k, v in facts.items()}
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    git = lambda *args: subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True).stdout.strip()
    changed = bool(git("status", "--porcelain", "--untracked-files=no", "src", "cmake", "CMakeLists.txt"))
    return {"cpu": fields.get("Model name", "?"), "cores": fields.get("CPU(s)", "?"), "hypervisor": fields.get("Hypervisor vendor", ""),
            "memory_gib": round(memory / (1 << 20)), "commit": git("rev-parse", "--short", "HEAD") + ("+" if changed else ""),
            "date": datetime.date.today().isoformat()}


def print_result(result, out):
    for f in result["figures"]:
        mark = {True: "ok  ", False: "MISS", None: "    "}[f["within"]]
        aim = "" if f["aim"] is None else f"  aim {docs_table.number(f['aim'])} {'reached' if f['aim_reached'] else 'not reached'}"
        print(f"{mark}  {result['scenario']:<14} {f['text']:<56} {docs_table.number(f['value']):>12}  {docs_table.bound(f):<12}{aim}", file=out)
    if not result["right"]:
        print(f"WRONG {result['scenario']}: {result['error']}", file=out)
    out.flush()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="the scenarios, and what each does")
    parser.add_argument("--json", action="store_true", help="results as JSON on stdout")
    parser.add_argument("--update-docs", action="store_true", help="rewrite the measured part of docs/benchmarks.md")
    parser.add_argument("--perf", action="store_true", help="profile one run of a stream scenario, by room (needs perf)")
    parser.add_argument("--repeat", type=int, help="instead of what the scenarios say")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "bench", help="folder of the programs (build/bench)")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()), help="where lakes are made, and removed")
    args = parser.parse_args()

    scenarios = load_scenarios()
    if args.list:
        for name, s in scenarios.items():
            print(f"{name:<14} {s['about']}{' (long: runs only when it is named)' if s.get('long') else ''}")
        return 0
    named = []
    for name in args.names:  # a scenario, or the family of those that begin with it
        found = [name] if name in scenarios else [n for n in scenarios if n.startswith(name + "-")]
        if not found:
            parser.error(f"no scenario {name}; there are {', '.join(scenarios)}")
        named += found
    names = named or [n for n, s in scenarios.items() if not s.get("long")]
    programs = args.build.resolve()
    if not (programs / "pactolus").exists():
        parser.error(f"{programs} holds no pactolus: ./dev bench builds it")

    scratch = Path(tempfile.mkdtemp(prefix="pactolus-bench-", dir=args.scratch))
    out, results = (sys.stderr if args.json else sys.stdout), []
    try:
        if args.perf:
            for name in args.names or ["stream"]:
                perf_rooms.profile(name, scenarios[name], programs, scratch, out)
            return 0
        for name in names:
            if args.repeat:
                scenarios[name]["repeat"] = args.repeat
            results.append(run_scenario(name, scenarios[name], programs, scratch))
            print_result(results[-1], out)
    finally:
        KafkaLake.end()
        shutil.rmtree(scratch, ignore_errors=True)

    facts = machine()
    if args.json:
        print(json.dumps({"machine": facts, "results": results}, indent=1))
    if args.update_docs:
        docs_table.update(ROOT / "docs" / "benchmarks.md", facts, [r for r in results if r["right"]])
    missed = [f for r in results for f in r["figures"] if f["within"] is False]
    return 0 if all(r["right"] for r in results) and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
