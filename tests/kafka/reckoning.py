"""Silver, quarantine and a topic, offset by offset: what is missing, doubled or different. The topic is read by kcat, the
tables by deltalake."""

import collections
import dataclasses
import json

from deltalake import DeltaTable


@dataclasses.dataclass
class Reckoning:
    offsets: int = 0      # records of the topic
    silver: int = 0
    rejects: int = 0
    copies: int = 0       # records whose event is in Silver from an earlier offset of their partition
    losses: int = 0       # records that are nowhere
    duplicates: int = 0   # rows or events that are there more often than once, and rows of no record
    differences: int = 0  # rows that say something else than their record
    details: list = dataclasses.field(default_factory=list)

    def wrong(self):
        return self.losses + self.duplicates + self.differences

    def tell(self, kind, text):
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.details) < 10:
            self.details.append(f"{kind}: {text}")


def rows_of(table):
    return DeltaTable(table).to_pyarrow_table().to_pylist()


def reckon(messages, silver_rows, reject_rows):
    """`messages`: {(partition, offset): (key, value, time in ms)}, as Broker.messages gives them."""
    r = Reckoning(len(messages), len(silver_rows), len(reject_rows))
    silver, rejects = {}, {}
    for found, rows in ((silver, silver_rows), (rejects, reject_rows)):
        for row in rows:
            at = row["partition"], row["offset"]
            if at in silver or at in rejects or at not in messages:
                r.tell("duplicates", f"a row of {at}")
            found[at] = row
    for event, n in collections.Counter(row["event_id"] for row in silver_rows).items():
        if n > 1:
            r.tell("duplicates", f"{event} is in Silver {n} times")
    seen = set()
    for at in sorted(messages):
        key, value, time_ms = messages[at]
        if at in rejects:
            if rejects[at]["value"] != value:
                r.tell("differences", f"the bytes of {at}")
            continue
        event = json.loads(value)
        if at not in silver:
            if event["event_id"] in seen:
                r.copies += 1
            else:
                r.tell("losses", f"{at} with {event['event_id']} is nowhere")
            continue
        row = silver[at]
        seen.add(event["event_id"])
        told = row["event_id"], row["user_id"], row["kafka_key"], int(row["kafka_timestamp"].timestamp() * 1000 + 0.5)
        if told != (event["event_id"], event["user_id"], key.decode(), time_ms):
            r.tell("differences", f"{at} is {told}")
    return r


def reckon_lake(broker, topic, lake):
    return reckon(broker.messages(topic), rows_of(lake / "silver/events"), rows_of(lake / "quarantine/events"))
