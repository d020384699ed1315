"""The measured part of docs/benchmarks.md: one table, a line for each figure, between two comments."""

BEGIN, END = "<!-- measured: begin, by ./dev bench --update-docs -->", "<!-- measured: end -->"
HEAD = "| scenario | figure | measured | must be | aim | commit, date |\n|---|---|---:|---|---|---|\n"


def number(value):
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.4g}"


def bound(figure):
    if figure["at_least"] is not None:
        return f"≥ {number(figure['at_least'])}"
    if figure["at_most"] is not None:
        return f"≤ {number(figure['at_most'])}"
    return ""


def _line(result, figure, facts):
    missed = " **missed**" if figure["within"] is False else ""
    aim = "" if figure["aim"] is None else f"{number(figure['aim'])} ({'reached' if figure['aim_reached'] else 'not yet'})"
    return (f"| {result['scenario']} | {figure['text']} | {number(figure['value'])} | {bound(figure)}{missed} | {aim} "
            f"| {facts['commit']}, {facts['date']} |\n")


def update(path, facts, results):
    text = path.read_text()
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    names = {r["scenario"] for r in results}
    kept = {}
    for line in old.splitlines(keepends=True):
        cells = line.split("|")
        if len(cells) > 6 and cells[1].strip() not in names | {"scenario", "---"}:
            kept.setdefault(cells[1].strip(), []).append(line)
    new = kept | {r["scenario"]: [_line(r, f, facts) for f in r["figures"]] for r in results}
    host = f"{facts['cpu']}, {facts['cores']} cores" + (f" under {facts['hypervisor']}" if facts["hypervisor"] else "")
    machine = f"Last run on {host}, {facts['memory_gib']} GiB; `+` behind a commit: with uncommitted changes in src/.\n"
    order = sorted(new, key=lambda name: (not name.startswith("stream"), name))
    path.write_text(before + BEGIN + "\n\n" + machine + "\n" + HEAD + "".join("".join(new[n]) for n in order) + "\n" + END + after)
