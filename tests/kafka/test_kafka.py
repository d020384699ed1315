"""Kafka for real: a broker of tools/kafka, the program as producer and consumer, others' clients as judges.

Run by ctest, or by hand: build/oracle-venv/bin/python tests/kafka/test_kafka.py
"""

import collections
import datetime
import json
import pathlib
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import SOURCE, InALake, main  # noqa: E402
from kafka.broker import Broker  # noqa: E402
from kafka.reckoning import reckon, reckon_lake, rows_of  # noqa: E402


def setUpModule():
    Kafka.broker = Broker(secure=True)


def tearDownModule():
    Kafka.broker.close()


class Kafka(InALake):
    broker = None  # one for all
    topics = 0

    def setUp(self):
        super().setUp()
        Kafka.topics += 1
        self.topic = f"clicks{Kafka.topics}"
        self.url = f"kafka://{self.broker.address}/{self.topic}"
        self.write("pactolus.toml", '[time]\nmax_skew = "365d"\n')

    def simulate(self, *words, **how):
        return json.loads(self.good("simulate", "--to", self.url, *words, **how))

    def catch_up(self, *words, **how):
        return json.loads(self.good("run", "--from", self.url, "--until-caught-up", "--lake", self.lake, *words, **how))

    def rows(self, table="silver/events"):
        return rows_of(self.lake / table)

    def is_there(self):
        return (self.lake / f"silver/events/_delta_log/{0:020}.json").exists()

    def verify(self):
        return {c["name"]: c for c in self.pactolus("verify")["checks"]}

    def is_what_the_topic_holds(self):
        """(records, rows of Silver, rejects) when the lake has all of them once, and nothing else."""
        found = reckon_lake(self.broker, self.topic, self.lake)
        self.assertEqual(found.wrong(), 0, found)
        return found.offsets, found.silver, found.rejects


class ThroughATopic(Kafka):
    def test_every_offset(self):
        sent = self.simulate("--profile", "classic", "--count", 20_000, "--rate", 20_000, "--fast")
        self.assertEqual((sent["sent"], sent["acknowledged"], sent["failed"]), (20_000, 20_000, 0))
        self.assertEqual(self.catch_up()["silver"], 20_000)
        self.assertEqual(self.is_what_the_topic_holds(), (20_000, 20_000, 0))
        self.assertEqual(self.verify()["offsets"]["figures"]["offsets"], 20_000)
        # Kafka's own tool sees where it stands.
        lag = [line.split() for line in self.broker.tool("lag").splitlines() if self.topic in line]
        self.assertEqual(len(lag), 3)
        self.assertEqual([row[5] for row in lag], ["0", "0", "0"])
        # It goes on where it was.
        sent = self.simulate("--profile", "shop", "--count", 5_000, "--rate", 50, "--dup-ratio", 0.05, "--bad-ratio", 0.05, "--fast")
        again = self.catch_up()
        self.assertEqual(again["records"], sent["sent"])
        records, silver, rejects = self.is_what_the_topic_holds()
        self.assertEqual(silver, 20_000 + again["silver"])
        self.assertGreater(rejects, 100)
        self.assertGreater(again["duplicates"], 50)
        # The copies are read again from the topic.
        self.write("pactolus.toml", f'[bronze]\nfrom = "{self.url}"\n')
        figures = self.verify()["duplicates"]["figures"]
        self.assertEqual((figures["duplicates"], figures["ranges_gone"]), (again["duplicates"], 0))

    def test_lag_in_status(self):
        self.simulate("--profile", "classic", "--count", 1000, "--rate", 1000, "--fast")
        runner = self.start("run", "--from", self.url, "--lake", self.lake, "--commit-interval", "2s")
        def lags():
            done = self.run_it("status", "--json", "--lake", self.lake)
            sources = json.loads(done.stdout).get("sources", []) if done.returncode == 0 else []
            return [(s["lag_records"], s["lag_seconds"]) for s in sources if "lag_records" in s]
        self.wait_for("a committed lake", lambda: len(lags()) == 3 and all(lag == (0, 0) for lag in lags()))
        # For as long as it takes to see it: on a slow machine a commit may have taken all of them by then.
        producer = self.start("simulate", "--to", self.url, "--profile", "classic", "--rate", "300")
        self.wait_for("what waits for its commit", lambda: any(records > 0 and 0 < seconds < 60 for records, seconds in lags()))
        producer.send_signal(signal.SIGINT)
        sent = json.loads(producer.communicate(timeout=60)[0])
        self.assertEqual(sent["sent"], sent["acknowledged"])
        self.wait_for("none", lambda: all(lag == (0, 0) for lag in lags()))
        runner.send_signal(signal.SIGINT)
        runner.communicate(timeout=60)

    def test_keys_go_where_java_puts_them(self):
        keys = ["user_0042", "Zoë", "名前", "😀", "", "x" * 300]
        lines = "".join(f"{key}\tvalue{n}\n" for n, key in enumerate(keys) if key)
        self.broker.tool("topic", self.topic, 7)
        subprocess.run(["java", "-cp", f"{pathlib.Path(__file__).resolve().parents[2]}/third_party/kafka/*",
                        "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", self.broker.address, "--topic", self.topic,
                        "--reader-property", "parse.key=true", "--reader-property", "key.separator=\t"],
                       input=lines, text=True, check=True, capture_output=True, timeout=60)
        java = {key: at[0] for at, (key, _, _) in self.broker.messages(self.topic).items()}
        events = "".join(json.dumps({"event_id": str(n), "user_id": key, "event_type": "search", "timestamp": 1764411330},
                                    ensure_ascii=False) + "\n" for n, key in enumerate(keys) if key)
        self.topic += "b"
        self.url += "b"
        self.broker.tool("topic", self.topic, 7)
        self.good("simulate", "--replay", self.write("events.ndjson", events), "--speed", "max", "--to", self.url)
        ours = {key: at[0] for at, (key, _, _) in self.broker.messages(self.topic).items()}
        self.assertEqual(len(java), 5)
        self.assertEqual(ours, java)

    def test_odd_records(self):
        """A tombstone, no bytes, 10 MB, a hundred headers: rows or rejects, and the stream goes on."""
        self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--create", "--topic", self.topic, "--partitions", "1",
                          "--replication-factor", "1", "--config", "max.message.bytes=20000000")
        produce = ["kcat", "-P", "-b", self.broker.address, "-t", self.topic, "-X", "message.max.bytes=20000000"]
        event = lambda n: json.dumps({"event_id": f"e{n}", "user_id": "u", "event_type": "search", "timestamp": 1764411330})
        subprocess.run([*produce, "-Z", "-K", ":"], input="tomb:\n", text=True, check=True, timeout=60)
        big = self.write("big", '{"event_id":"big","x":"' + "x" * 10_000_000 + '"}')
        subprocess.run([*produce, str(big)], check=True, timeout=60)
        headers = [word for n in range(100) for word in ("-H", f"h{n}=v{n}")]
        subprocess.run([*produce, *headers], input=event(1), text=True, check=True, timeout=60)
        subprocess.run(produce, input=event(2) + "\n", text=True, check=True, timeout=60)
        done = self.catch_up()
        self.assertEqual((done["records"], done["silver"], done["quarantined"]), (4, 2, {"empty_value": 1, "too_large": 1}))
        rejects = {r["reason"]: r for r in self.rows("quarantine/events")}
        self.assertIsNone(rejects["empty_value"]["value"])
        self.assertEqual(len(rejects["too_large"]["value"]), 10_000_000 + 25)
        self.verify()

    def test_transactions(self):
        """Aborted records and the marks of transactions are skipped offsets, each under its name."""
        self.broker.tool("topic", self.topic, 1)
        jar = f"{pathlib.Path(__file__).resolve().parents[2]}/third_party/kafka/*"
        program = self.write("Transactions.java", TRANSACTIONS)
        subprocess.run(["java", "-cp", jar, str(program), self.broker.address, self.topic], check=True, capture_output=True, timeout=120)
        done = self.catch_up()
        self.assertEqual((done["records"], done["silver"]), (30, 30))
        commits = [json.loads(path.read_text().splitlines()[0])["commitInfo"]["pactolus"]
                   for path in sorted((self.lake / "silver/events/_delta_log").glob("*.json"))[1:]]
        skipped = collections.Counter()
        for commit in commits:
            for source in commit.get("sources", []):
                skipped.update(source.get("skipped", {}))
        self.assertEqual(skipped, {"aborted": 10, "control": 4})
        figures = self.verify()
        self.assertEqual(figures["ledger"]["figures"]["skipped"], 10 + 4)
        self.assertEqual(figures["offsets"]["figures"]["offsets"], 44)
        self.is_what_the_topic_holds()

    def test_partitions_that_are_added_while_it_runs(self):
        self.simulate("--profile", "classic", "--count", 300, "--rate", 1000, "--fast")
        runner = self.start("run", "--from", self.url, "--lake", self.lake)
        self.wait_for("the first rows", lambda: self.is_there() and len(self.rows()) == 300)
        self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", self.topic, "--partitions", "5")
        self.simulate("--profile", "classic", "--count", 700, "--rate", 1000, "--fast")
        self.wait_for("all rows", lambda: len(self.rows()) == 1000)
        runner.send_signal(signal.SIGINT)
        runner.communicate(timeout=60)
        self.assertEqual({at[0] for at in self.broker.messages(self.topic)}, set(range(5)))
        self.assertEqual(self.is_what_the_topic_holds(), (1000, 1000, 0))
        self.verify()

    def test_the_broker_is_killed_and_comes_back(self):
        self.simulate("--profile", "classic", "--count", 1000, "--rate", 1000, "--fast")
        sender = self.start("simulate", "--profile", "classic", "--count", 3000, "--rate", 300, "--to", self.url)
        runner = self.start("run", "--from", self.url, "--lake", self.lake)
        self.wait_for("rows", lambda: self.is_there() and len(self.rows()) > 1500)
        self.broker.kill()
        self.broker.up()
        out, err = sender.communicate(timeout=120)
        self.assertEqual(sender.returncode, 0, err)
        sent = json.loads(out)
        self.assertEqual((sent["acknowledged"], sent["failed"]), (3000, 0))
        self.wait_for("all rows", lambda: len(self.rows()) == 4000)
        runner.send_signal(signal.SIGINT)
        runner.communicate(timeout=60)
        self.assertEqual(self.is_what_the_topic_holds(), (4000, 4000, 0))
        self.verify()


    def test_what_the_readme_says(self):
        readme = (SOURCE / "README.md").read_text(encoding="utf-8")
        (block,) = re.findall(r"<!-- not run: needs a broker -->\n```sh\n(.*?)```", readme, re.S)
        lines = block.replace("localhost:9092", self.broker.address).splitlines()
        self.assertEqual((lines[0], lines[-1]), ("tools/kafka up", "tools/kafka lag"))
        for line in lines[1:-1]:
            name, *words = line.split()
            self.assertEqual(name, "pactolus")
            if words[0] == "run":
                words += ["--until-caught-up"]
            self.good(*words)
        self.assertIn("ecom_clickstream_raw", self.broker.tool("lag"))
        self.assertEqual(len(self.rows()), 10_000)


class Lost(Kafka):
    """What the lake was promised and Kafka has no more: exit 1, what is gone by numbers, and nothing guessed."""

    def refused(self):
        text = self.bad(1, "run", "--from", self.url, "--until-caught-up", "--lake", self.lake)
        self.assertIn(f"offsets accept-loss --topic {self.topic}", text)
        return text

    def accept(self):
        """Goes on without what is lost: (kind, start, end) of each."""
        where = ("--from", self.url, "--lake", self.lake, "--json")
        shown = json.loads(self.good("offsets", "show", *where))["losses"]
        losses = json.loads(self.good("offsets", "accept-loss", "--topic", self.topic, "--reason", "a test", *where))["accepted"]
        self.assertEqual([dict(loss, reason="") for loss in losses], shown)
        return [(loss["kind"], loss["start"], loss["end"]) for loss in losses]

    def goes_on(self, rows, losses):
        self.catch_up()
        self.assertEqual(len(self.rows()), rows)
        offsets = self.verify()["offsets"]
        self.assertEqual((offsets["figures"]["accepted_losses"], len(offsets["notes"])), (losses, losses))
        self.assertEqual(self.accept(), [])

    def batches(self):
        """The file of the partition, and where in it each batch begins: {base offset: (from, to)}."""
        (segment,) = (self.broker.folder / "data" / f"{self.topic}-0").glob("*.log")
        bytes_, at, found = segment.read_bytes(), 0, {}
        while at < len(bytes_) and any(bytes_[at:at + 17]):  # base offset, length, then the batch
            end = at + 12 + int.from_bytes(bytes_[at + 8:at + 12], "big")
            found[int.from_bytes(bytes_[at:at + 8], "big")] = (at, end)
            at = end
        return segment, found

    def setUp(self):
        super().setUp()
        self.broker.tool("topic", self.topic, 1)
        self.simulate("--profile", "classic", "--count", 300, "--rate", 1000, "--fast")
        self.assertEqual(self.catch_up()["silver"], 300)

    def delete_before(self, offset):
        wanted = {"partitions": [{"topic": self.topic, "partition": 0, "offset": offset}], "version": 1}
        self.broker.kafka("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file",
                          self.write("delete.json", json.dumps(wanted)))

    def make_anew(self):
        self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        self.wait_for("the end of the topic", lambda: self.topic not in
                      self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--list").split())
        self.broker.tool("topic", self.topic, 1)

    def test_records_that_were_deleted_before_they_were_read(self):
        self.simulate("--profile", "classic", "--count", 200, "--rate", 1000, "--fast")
        self.delete_before(200)  # these have been read
        self.assertEqual(self.catch_up("--batch-records", 10)["silver"], 200)
        self.simulate("--profile", "classic", "--count", 200, "--rate", 1000, "--fast")
        self.delete_before(550)
        self.assertIn(f"50 offsets of {self.topic}/0 are gone, 500 to 549", self.refused())
        self.verify()
        self.assertEqual(self.accept(), [("deleted", 500, 550)])
        self.goes_on(rows=650, losses=1)

    def test_a_topic_that_was_made_anew(self):
        self.make_anew()
        self.simulate("--profile", "classic", "--count", 900, "--rate", 1000, "--fast")
        self.assertIn("is gone or was made anew", self.refused())
        self.assertEqual(len(self.rows()), 300)
        self.verify()
        self.assertEqual(self.accept(), [("made_anew", 300, None)])
        self.goes_on(rows=1200, losses=1)

    def test_a_log_that_lost_its_end_and_grew_again(self):
        """As after an unclean election: other records have the offsets that were read. The leader's epoch tells."""
        self.simulate("--profile", "classic", "--count", 5, "--rate", 1000, "--fast")
        self.simulate("--profile", "classic", "--count", 7, "--rate", 1000, "--fast")
        self.assertEqual(self.catch_up()["silver"], 12)
        self.broker.kill()
        segment, batches = self.batches()
        with open(segment, "r+b") as file:
            file.truncate(batches[305][0])
        for index in (*segment.parent.glob("*.index"), *segment.parent.glob("*.timeindex")):
            index.unlink()
        self.broker.up()
        self.assertIn("its log ends at 305", self.refused())
        self.simulate("--profile", "classic", "--count", 20, "--rate", 1000, "--fast")
        self.assertEqual(len(self.broker.messages(self.topic)), 325)
        self.assertIn("truncation", self.refused())
        self.assertEqual(self.accept(), [("fell_back", 312, 305)])
        self.goes_on(rows=332, losses=1)

    def test_a_topic_that_is_made_anew_while_it_runs(self):
        runner = self.start("run", "--from", self.url, "--lake", self.lake)
        self.wait_for("the runner", lambda: str(runner.pid) in (self.lake / "_pactolus/lock").read_text())
        self.make_anew()
        self.simulate("--profile", "classic", "--count", 900, "--rate", 1000, "--fast")
        out, err = runner.communicate(timeout=60)
        self.assertEqual(runner.returncode, 1, out + err)
        self.assertEqual(len(self.rows()), 300)
        self.verify()

    def test_a_topic_that_is_gone(self):
        self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", self.topic)
        self.wait_for("the end of the topic", lambda: self.topic not in
                      self.broker.kafka("org.apache.kafka.tools.TopicCommand", "--list").split())
        self.assertIn("now has no id", self.refused())

    def test_a_batch_that_cannot_be_read(self):
        """The broker's file is damaged: all before it is committed, then the job stops there."""
        self.simulate("--profile", "classic", "--count", 5, "--rate", 1000, "--fast")
        self.simulate("--profile", "classic", "--count", 7, "--rate", 1000, "--fast")
        self.simulate("--profile", "classic", "--count", 9, "--rate", 1000, "--fast")
        self.simulate("--profile", "classic", "--count", 11, "--rate", 1000, "--fast")
        self.broker.down()
        segment, batches = self.batches()
        bytes_ = bytearray(segment.read_bytes())
        for first in (305, 312):
            bytes_[batches[first][0] + 70] ^= 0xff
        segment.write_bytes(bytes_)
        self.broker.up()
        self.assertIn(f"{self.topic}/0 at offset 305", self.refused())
        self.assertEqual(len(self.rows()), 305)
        self.verify()
        self.assertEqual(self.accept(), [("unreadable", 305, 321)])
        self.goes_on(rows=316, losses=1)


class Secured(Kafka):
    def config(self, **more):
        tls = self.broker.folder / "tls"
        lines = {"ssl.ca.location": tls / "ca.crt", **more}
        self.write("pactolus.toml", "[kafka.properties]\n" + "".join(f'"{k}" = "{v}"\n' for k, v in lines.items()))

    def round_trip(self, port):
        self.url = f"kafka://127.0.0.1:{port}/{self.topic}"
        self.simulate("--profile", "classic", "--count", 100, "--rate", 1000, "--fast")
        self.assertEqual(self.catch_up()["silver"], 100)

    def test_tls(self):
        self.config(**{"security.protocol": "SSL"})
        self.round_trip(self.broker.port + 2)

    def test_sasl(self):
        for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"):
            with self.subTest(mechanism):
                self.setUp()
                self.config(**{"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, "sasl.username": "shop",
                               "sasl.password_file": self.broker.folder / "tls/password"})
                self.round_trip(self.broker.port + 3)

    def test_a_wrong_password_is_told_and_not_shown(self):
        secret = self.write("secret", "hunter2hunter2")
        self.config(**{"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "shop",
                       "sasl.password_file": secret})
        done = self.run_it("run", "--from", f"kafka://127.0.0.1:{self.broker.port + 3}/{self.topic}", "--until-caught-up",
                           "--lake", self.lake)
        self.assertEqual(done.returncode, 3)
        self.assertIn("uthentication", done.stderr)
        self.assertNotIn("hunter2", done.stderr + self.good("config", "show"))


class TheReckoning(unittest.TestCase):
    """It finds what these tests and chaos.py are about."""

    def setUp(self):
        self.messages, self.silver, self.rejects = {}, [], []
        for n in range(6):
            time = datetime.datetime.fromtimestamp(1764411330 + n, datetime.timezone.utc)
            event = {"event_id": f"e{min(n, 4)}", "user_id": "u"}  # the last is a copy
            self.messages[0, n] = (b"u", json.dumps(event).encode() if n else b"no event", (1764411330 + n) * 1000)
            if 0 < n < 5:
                self.silver.append({**event, "partition": 0, "offset": n, "kafka_key": "u", "kafka_timestamp": time})
        self.rejects.append({"partition": 0, "offset": 0, "value": b"no event"})

    def found(self):
        r = reckon(self.messages, self.silver, self.rejects)
        return r.losses, r.duplicates, r.differences

    def test_all_is_there(self):
        self.assertEqual(self.found(), (0, 0, 0))
        self.assertEqual(reckon(self.messages, self.silver, self.rejects).copies, 1)

    def test_a_row_is_gone(self):
        del self.silver[1]
        self.assertEqual(self.found(), (1, 0, 0))

    def test_the_first_copy_is_gone(self):
        del self.silver[3]
        self.assertEqual(self.found(), (2, 0, 0))

    def test_a_row_is_there_twice(self):
        self.silver.append(self.silver[0])
        self.assertEqual(self.found(), (0, 2, 0))

    def test_a_copy_became_a_row(self):
        self.silver.append(dict(self.silver[3], offset=5))
        self.assertEqual(self.found()[1], 1)

    def test_a_row_of_no_record(self):
        self.silver.append(dict(self.silver[0], offset=77, event_id="x"))
        self.assertEqual(self.found(), (0, 1, 0))

    def test_a_row_says_something_else(self):
        self.silver[0]["user_id"] = "v"
        self.assertEqual(self.found(), (0, 0, 1))

    def test_a_reject_has_other_bytes(self):
        self.rejects[0]["value"] = b"no Event"
        self.assertEqual(self.found(), (0, 0, 1))


class Mistakes(Kafka):
    def test_each_has_a_clear_error(self):
        run = ("run", "--until-caught-up", "--lake", self.lake)
        self.assertIn("there is no topic nowhere", self.bad(3, *run, "--from", f"kafka://{self.broker.address}/nowhere"))
        self.write("pactolus.toml", '[kafka.properties]\n"fetch.wait.max.mss" = 5\n')
        self.assertIn("fetch.wait.max.mss", self.bad(78, *run, "--from", self.url))
        self.write("pactolus.toml", '[kafka.properties]\n"isolation.level" = "read_uncommitted"\n')
        self.assertIn("exactly-once rests on it", self.bad(78, *run, "--from", self.url))
        self.assertIn("expected \"embedded\"", self.bad(2, *run, "--from", "kafka://nowhere"))


TRANSACTIONS = """
import java.util.*;
import org.apache.kafka.clients.producer.*;
public class Transactions {
  public static void main(String[] args) throws Exception {
    Properties p = new Properties();
    p.put("bootstrap.servers", args[0]);
    p.put("transactional.id", "shop");
    p.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    p.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
      producer.initTransactions();
      for (int t = 0; t < 4; t++) {
        producer.beginTransaction();
        for (int n = 0; n < 10; n++)
          producer.send(new ProducerRecord<>(args[1], 0, "u", String.format(
              "{\\"event_id\\":\\"e%d_%d\\",\\"user_id\\":\\"u\\",\\"event_type\\":\\"search\\",\\"timestamp\\":1764411330}", t, n)));
        producer.flush();
        if (t == 1) producer.abortTransaction(); else producer.commitTransaction();
      }
    }
  }
}
"""

if __name__ == "__main__":
    main()
