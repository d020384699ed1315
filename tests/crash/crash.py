"""Kills the real process at random points and compares with a run that was never interrupted.

    ./dev crash --count 200 --seed 7

A lake is killed again and again, each time after a random number of fault points, or of milliseconds, or with the
power (what was not fsynced is gone), until it has caught up; then it is compared and a new one is begun. The last line
says how many kills, how many lakes, and what was lost, doubled or different; exit 1 if that is not nothing.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import lake as lakes  # and with it the folder of program
import program

RECORDS, BATCH_RECORDS = 1200, 60
KILLS_A_LAKE = 12  # then it may finish: what comes late in the log has its turn as well
LOGS = 3           # different logs, simulated once


def kill_once(lake, choose, journal, longest_s):
    """One run that is to die. False when it came to its end before that."""
    kind = choose.random()
    if kind < 0.15:
        fault = f"*:{choose.randint(1, 6)}"  # in recovery
    elif kind < 0.75:
        fault = f"*:{choose.randint(1, 140)}"
    else:
        fault = None
    process = lake.start_run(fault=fault, journal=journal)
    if fault is None:
        time.sleep(choose.uniform(0.005, longest_s))
        process.kill()
    done = program.finish(process)
    if done.returncode not in (0, lakes.KILLED):
        raise AssertionError(f"run ended with {done.returncode} after {fault}\n{done.stdout}{done.stderr}")
    return done.returncode == lakes.KILLED, fault or "a moment"


def torture(task):
    """Kills one lake at most `budget` times; answers how often, and how it then differs from the reference."""
    number, seed, budget, log, reference, folder, longest_s, tool = task
    choose = random.Random(seed)
    lake = lakes.BronzeLog(log).copy_to(f"{folder}/lake", BATCH_RECORDS)
    power_loss = tool is not None and choose.random() < 0.3
    kills, story = 0, []
    try:
        while kills < min(budget, KILLS_A_LAKE):
            journal = f"{folder}/journal{kills}" if power_loss else None
            killed, what = kill_once(lake, choose, journal, longest_s)
            story.append(what + (" with the power" if power_loss else ""))
            if not killed:
                break
            kills += 1
            if power_loss and os.path.exists(journal):  # it may have died before it wrote anything
                subprocess.run([tool, journal], check=True, stdout=subprocess.DEVNULL)
        lake.catch_up()
        difference = lakes.compare(reference, lake.contents())
        complaint = lake.verify() if not difference else None
        if complaint:
            difference.others += 1
            difference.details.append(f"verify: {complaint}")
    except (AssertionError, OSError, ValueError, subprocess.CalledProcessError) as problem:
        difference = lakes.Difference(0, 0, 1, [str(problem)])
    if difference:
        difference.details.insert(0, f"lake {number}, killed at {', '.join(story)}; it is kept in {folder}")
    else:
        shutil.rmtree(folder)
    return number, kills, difference


def set_binary(path):
    """In a worker: it is a fresh interpreter, because the readers' threads do not survive a fork."""
    program.BIN = path


def prepare(root, seed):
    """Logs with their references, and how long an uninterrupted run of one takes."""
    prepared, longest_s = [], 0.05
    for n in range(LOGS):
        log = lakes.BronzeLog.make(f"{root}/log{n}", count=RECORDS, seed=seed * LOGS + n + 1, rate=0.5)
        reference = log.copy_to(f"{root}/reference{n}", BATCH_RECORDS)
        began = time.monotonic()
        reference.catch_up()
        longest_s = max(longest_s, time.monotonic() - began)
        prepared.append((log.folder, reference.contents()))
    return prepared, longest_s


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=program.BIN, help="the program (build/release/pactolus)")
    parser.add_argument("--count", type=int, default=200, help="kills (200)")
    parser.add_argument("--seed", type=int, help="repeats the choices of an earlier run (default: the time)")
    parser.add_argument("--jobs", type=int, default=2, help="lakes at a time (2)")
    parser.add_argument("--power-loss-tool", default=os.environ.get("POWER_LOSS_TOOL"),
                        help="power_loss_tool; beside the program's tests by default, without it no power is lost")
    args = parser.parse_args()
    program.BIN = os.path.abspath(args.binary)
    beside = pathlib.Path(program.BIN).parent / "tests/power_loss_tool"
    tool = args.power_loss_tool or (str(beside) if beside.exists() else None)
    seed = args.seed if args.seed is not None else int(time.time())
    began = time.monotonic()
    print(f"seed {seed}", flush=True)

    root = program.scratch_folder("crash")
    prepared, longest_s = prepare(root, seed)
    kills = made = losses = duplicates = others = 0
    promised, running = 0, set()
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(args.jobs, spawn, set_binary, (program.BIN,)) as pool:
        while kills < args.count or running:
            while len(running) < args.jobs and kills + promised < args.count:
                budget = min(KILLS_A_LAKE, args.count - kills - promised)
                folder = f"{root}/{made}"
                os.mkdir(folder)
                log, reference = prepared[made % LOGS]
                task = (made, seed * 1_000_003 + made, budget, log, reference, folder, longest_s, tool)
                job = pool.submit(torture, task)
                job.budget = budget
                promised += budget
                running.add(job)
                made += 1
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for job in done:
                number, killed, difference = job.result()
                promised -= job.budget
                kills += killed
                losses += difference.losses
                duplicates += difference.duplicates
                others += difference.others
                if difference:
                    print(difference, file=sys.stderr, flush=True)
    bad = losses or duplicates or others
    if bad:
        print(f"repeat with --count {args.count} --seed {seed}; lakes are in {root}", file=sys.stderr)
    else:
        shutil.rmtree(root)
    power = "included" if tool else "left out: no power_loss_tool"
    print(f"seed {seed}, {time.monotonic() - began:.0f} s, power loss {power}")
    print(f"{kills} kills, {made} lakes, losses {losses}, duplicates {duplicates}, differences {others}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
