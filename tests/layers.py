#!/usr/bin/env python3
"""The direction of the rooms, checked from the #include lines (docs/architecture): each room may name only those below."""
import pathlib
import re
import sys

MAY_NAME = {
    "base": [],
    "event": ["base"],
    "bronze": ["base", "event"],
    "silver": ["base", "event"],
    "gold": ["base", "event"],
    "lake": ["base", "event"],
    "query": ["base", "event", "bronze", "silver", "gold", "lake"],
    "sinks": ["base", "event", "bronze", "silver", "gold", "lake"],
    "runtime": ["base", "event", "bronze", "silver", "gold", "lake", "query", "sinks"],
    "simulate": ["base", "event", "bronze", "silver", "gold", "lake", "query", "runtime"],
    "ingest": ["base", "event", "bronze", "silver", "gold", "lake", "query", "runtime", "simulate"],
    "verify": ["base", "event", "bronze", "silver", "gold", "lake", "query", "runtime"],
    "serve": ["base", "event", "bronze", "silver", "gold", "lake", "query", "sinks", "runtime", "simulate", "ingest", "verify"],
}
MAY_NAME["cli"] = sorted(MAY_NAME)

# Libraries that only some files may name, so that the rest of the program cannot come to depend on them.
LIBRARIES = {
    r"<(arrow|parquet)/": r"^lake/parquet/([a-z_]*\.cc|parquet_properties\.h)$",
    r"<duckdb\.h>": r"^query/duckdb\.cc$",
    r"<rdkafka": r"^bronze/kafka/",
    r"<simdjson\.h>": r"^(base/json\.cc|event/decoder\.cc)$",
    r"<boost/(beast|asio)": r"^(serve/|sinks/webhook/http_post\.cc$)",
    r"<libpq-fe\.h>": r"^sinks/postgres/pg_connection\.cc$",
    r"<toml\+\+|<CLI/": r"^cli/",
    r"<histedit\.h>": r"^cli/sql_prompt\.cc$",
}


def faults(source: pathlib.Path):
    for path in sorted(source.rglob("*")):
        if path.suffix not in (".cc", ".h"):
            continue
        name = path.relative_to(source).as_posix()
        room = name.split("/")[0]
        if room not in MAY_NAME:
            yield f"{name}: the room {room} is not in tests/layers.py"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            own = re.match(r'#include "([^/"]+)/', line)
            if own and own[1] != room and own[1] in MAY_NAME and own[1] not in MAY_NAME[room]:
                yield f"{name}:{number}: {room} may not name {own[1]}: {line}"
            for library, allowed in LIBRARIES.items():
                if re.match(rf"#include {library}", line) and not re.match(allowed, name):
                    yield f"{name}:{number}: this library belongs to {allowed}: {line}"


if __name__ == "__main__":
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "src")
    found = list(faults(root))
    print("\n".join(found) or f"layers: {sum(1 for _ in root.rglob('*.cc'))} sources, no fault")
    sys.exit(1 if found else 0)
