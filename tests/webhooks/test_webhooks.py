"""Alerts to webhooks: every transition at least once and in order, whoever is away, slow, broken or killed.

Run by ctest, or by hand: PACTOLUS_BIN=build/release/pactolus build/oracle-venv/bin/python tests/webhooks/test_webhooks.py
"""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import signal
import ssl
import subprocess
import sys
import threading

from deltalake import DeltaTable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/program.py
from program import NOW, InALake, finish, main  # noqa: E402

SECRET = b"a key of thirty-two bytes, or so"
TYPES = {"open": "alert.opened", "update": "alert.updated", "resolved": "alert.resolved"}


class Receiver:
    """Keeps what it is sent; `answers` may be a list of codes for the next requests, after which all is well; `raw` the bytes of all."""

    def __init__(self, tls=None):
        self.requests, self.answers, self.headers, self.hang, self.raw = [], [], {}, None, b""
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if outer.hang:
                    outer.hang.wait(30)
                    return
                outer.requests.append((self.path, dict(self.headers), body))
                if outer.raw:
                    self.wfile.write(outer.raw)
                    self.close_connection = True
                    return
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        if self.hang:
            self.hang.set()
        self.server.shutdown()
        self.server.server_close()

    def messages(self):
        return [json.loads(body) for _, _, body in self.requests]

    def ids(self):
        return [headers["webhook-id"] for _, headers, _ in self.requests]


class Hooks(InALake):
    def setUp(self):
        super().setUp()
        self.receiver = self.receive()

    def receive(self, **how):
        receiver = Receiver(**how)
        self.addCleanup(receiver.close)
        return receiver

    def configure(self, more="", port=None, **entries):
        self.write("secret", "whsec_" + base64.b64encode(SECRET).decode() + "\n")
        entries = {"name": "shop", "url": f"http://127.0.0.1:{port or self.receiver.port}/hooks/a?b=c",
                   "secret_file": str(self.folder / "secret"), **entries}
        self.write("pactolus.toml", "[[webhook]]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in entries.items() if v is not None)
                   + more)

    def send(self, count=12_000, seed=1, end=NOW, rate=5, **flags):
        words = [w for k, v in flags.items() for w in (f"--{k.replace('_', '-')}", v)]
        self.good("simulate", "--profile", "classic", "--count", count, "--rate", rate, "--fast", "--seed", seed, "--end", end, *words,
                  "--to", f"lake:{self.lake}")

    def run_job(self, *words, code=0, within=None, **how):
        within = within or ("500ms" if code == 4 else "30s")
        done = self.run_it("run", "--until-caught-up", "--deliver-within", within, *words, "--lake", self.lake, **how)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def transitions(self):
        """(type, product, window_end, views) in the order of the table."""
        rows = DeltaTable(self.lake / "gold/alerts").to_pyarrow_table().to_pylist()
        rows.sort(key=lambda r: (r["batch_id"], r["window_start"], r["rule"], r["product_id"], r["product_category"] or ""))
        return [(TYPES[r["state"]], r["rule"], r["product_id"], r["window_end"].strftime("%FT%T.%fZ"), r["views"]) for r in rows]

    def received(self, receiver=None):
        return [(m["type"], m["data"]["rule"], m["data"]["product_id"], m["data"]["window_end"], m["data"]["views"])
                for m in (receiver or self.receiver).messages()]

    def delivery(self):
        return json.loads((self.lake / "_pactolus/status.json").read_text())["deliveries"][0]

    def dead(self):
        path = self.lake / "_pactolus/webhooks/shop.dead.ndjson"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Delivered(Hooks):
    def test_every_transition_once_and_in_order_across_restarts(self):
        self.configure()
        self.send()
        self.run_job("--batch-records", 2000)
        self.run_job()
        self.send(seed=2, first_id=100_000_000, end="2026-03-10T16:50:00Z")
        self.run_job("--batch-records", 2000, "--close-windows")
        self.assertGreater(len(self.transitions()), 20)
        self.assertEqual(self.received(), self.transitions())
        self.assertEqual(len(set(self.receiver.ids())), len(self.receiver.requests))
        self.assertEqual({path for path, _, _ in self.receiver.requests}, {"/hooks/a?b=c"})
        for _, headers, body in self.receiver.requests:
            self.assertEqual(headers["Idempotency-Key"], headers["webhook-id"])
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
            mac = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + mac)
        self.assertEqual(self.delivery()["error"], None)

    def test_of_the_states_and_rules_that_it_wants(self):
        self.configure(states=["open", "resolved"], rules=["high_interest_low_conversion"])
        self.send()
        self.run_job("--batch-records", 2000, "--close-windows")
        wanted = [t for t in self.transitions() if t[0] != "alert.updated" and t[1] == "high_interest_low_conversion"]
        self.assertTrue(wanted)
        self.assertEqual(self.received(), wanted)

    def test_a_new_webhook_begins_with_what_comes(self):
        self.send()
        self.run_job("--close-windows")
        before = self.transitions()
        self.configure()
        self.send(seed=2, first_id=100_000_000, end="2026-03-10T18:50:00Z")
        self.run_job("--close-windows")
        self.assertGreater(len(self.transitions()), len(before))
        self.assertEqual(self.received(), self.transitions()[len(before):])

    def test_silenced_and_acknowledged(self):
        self.configure()
        self.send()
        self.run_job()
        opened = [t for t in self.received() if t[0] == "alert.opened"]
        self.assertTrue(opened)
        told = self.transitions()
        for product in sorted({t[2] for t in opened}):
            self.good("alerts", "ack", product, "--lake", self.lake)
        self.send(count=3000, seed=3, first_id=50_000_000, end="2026-03-10T14:55:00Z", rate=10)
        self.run_job()
        new = self.transitions()[len(told):]
        self.assertIn("alert.updated", {t[0] for t in new})
        self.assertEqual(self.received()[len(told):], [t for t in new if t[0] != "alert.updated"])
        told = self.transitions()
        n = len(self.receiver.requests)
        for product in sorted({t[2] for t in told}):
            self.good("alerts", "silence", product, "--for", "24h", "--lake", self.lake)
        self.send(count=3000, seed=4, first_id=60_000_000, end="2026-03-10T15:05:00Z", rate=10)
        self.run_job("--batch-records", 1000)
        self.assertGreater(len(self.transitions()), len(told))
        self.assertEqual(len(self.receiver.requests), n)

    def test_what_a_rule_that_is_gone_had_opened_is_resolved(self):
        self.configure()
        self.send()
        self.run_job()
        self.assertIn("alert.opened", {t[0] for t in self.received()})
        self.configure('[[alert]]\nname = "high_interest_low_conversion"\nwhen = "views > 100000 and purchases < 5"\n')
        before = len(self.received())
        self.run_job()
        self.assertEqual(self.received(), self.transitions())
        self.assertEqual({t[0] for t in self.received()[before:]}, {"alert.resolved"})

    def test_several_receivers_wait_together(self):
        away = self.receive()
        away.close()
        self.configure(f'[[webhook]]\nname = "away"\nurl = "http://127.0.0.1:{away.port}/"\n'
                       f'[[webhook]]\nname = "gone"\nurl = "http://127.0.0.1:{away.port}/"\n')
        self.send()
        done = self.run_job("--close-windows", code=4)
        self.assertEqual(self.received(), self.transitions())
        for name in ("away", "gone"):
            self.assertIn(f"webhook {name} has not taken everything", done.stderr)


class Trouble(Hooks):
    def test_a_receiver_that_is_away_stops_nothing(self):
        port = self.receiver.port
        self.receiver.close()
        self.configure()
        self.send()
        done = self.run_job("--close-windows", code=4)
        self.assertIn("webhook shop: the connection: ", done.stderr)
        self.assertEqual(json.loads(done.stdout)["silver"], 12_000)
        self.assertRegex(self.good("status", "--lake", self.lake), r"(?m)^to +webhook shop: batch \d+ read, \d+ messages waiting, then the connection: ")
        self.receiver = self.receive()
        self.assertNotEqual(self.receiver.port, port)
        self.configure()
        self.run_job()
        self.assertEqual(self.received(), self.transitions())

    def test_it_is_tried_again_under_the_same_id(self):
        self.configure()
        self.receiver.answers = [500, 429]
        self.send()
        self.run_job("--close-windows")
        self.assertEqual(len(set(self.receiver.ids()[:3])), 1)
        self.assertEqual(self.received()[2:], self.transitions())
        self.assertEqual(self.dead(), [])

    def test_what_is_refused_for_good_is_a_dead_letter(self):
        self.configure()
        self.receiver.answers = [400]
        self.send()
        done = self.run_job("--close-windows")
        self.assertIn("webhook shop: it answers 400; the message was put aside as a dead letter", done.stderr)
        self.assertEqual(self.received(), self.transitions())  # the others went on
        (letter,) = self.dead()
        self.assertEqual(letter["message"], self.receiver.messages()[0])
        self.assertEqual((letter["id"], letter["attempts"], letter["error"]), (self.receiver.ids()[0], 1, "it answers 400"))
        self.assertEqual(self.delivery()["dead"], 1)
        self.assertRegex(self.good("status", "--lake", self.lake), r"(?m)^to +webhook shop: batch \d+; 1 dead letter in ")

    def test_after_so_many_attempts_too(self):
        self.configure(attempts=1)
        self.receiver.answers = [503] * 3
        self.send()
        self.run_job("--close-windows")
        self.assertEqual([letter["id"] for letter in self.dead()], self.receiver.ids()[:3])
        self.assertEqual(self.received(), self.transitions())

    def test_the_time_that_it_asks_for_is_kept(self):
        self.configure()
        self.receiver.answers, self.receiver.headers = [503], {"Retry-After": "3000"}
        self.send()
        self.run_job("--close-windows", code=4)
        self.assertEqual(len(self.receiver.requests), 1)
        queue = json.loads((self.lake / "_pactolus/webhooks/shop.json").read_text())
        self.assertEqual(queue["pending"][0]["attempts"], 1)
        self.assertEqual(len(queue["pending"]), len(self.transitions()))

    def test_an_answer_is_its_status_whatever_else_it_says(self):
        self.configure(attempts=1)
        page, long = b"x" * 100_000, b"X-Note: " + b"y" * 20_000 + b"\r\n"
        self.receiver.raw = (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                             b"HTTP/1.1 200 OK\r\n" + long + b"Content-Length: %d\r\n\r\n" % len(page) + page)
        self.send()
        self.run_job("--close-windows")
        self.assertEqual(self.received(), self.transitions())
        self.assertEqual(self.dead(), [])

    def test_one_that_hangs(self):
        self.receiver.hang = threading.Event()
        self.configure(timeout="200ms")
        self.send(end="2026-03-10T14:00:00Z")
        process = self.start("run", "--lake", self.lake)
        self.wait_for("the first batch", lambda: self.batch() > 0)
        before = self.batch()
        self.send(seed=2, first_id=100_000_000)
        self.wait_for("a batch while it hangs", lambda: self.batch() > before)
        self.wait_for("its error", lambda: "no answer within 0.2 s" in (self.delivery()["error"] or ""))
        process.send_signal(signal.SIGINT)
        self.assertEqual(finish(process).returncode, 130)

    def batch(self):
        path = self.lake / "_pactolus/status.json"
        return json.loads(path.read_text())["batch"] if path.exists() else 0

    def test_killed_behind_an_answer(self):
        self.configure()
        self.send()
        self.run_job("--batch-records", 2000, "--close-windows", code=-signal.SIGKILL, PACTOLUS_FAULT="webhook.answered:2")
        self.run_job("--close-windows")
        ids = self.receiver.ids()
        self.assertEqual(len(ids), len(set(ids)) + 1)  # the one that it could not note
        self.assertEqual(ids[1], ids[2])
        received = self.received()
        del received[2]
        self.assertEqual(received, self.transitions())


class Tls(Hooks):
    def certificate(self, name, host):
        key, cert = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "3650", "-subj", f"/CN={host}", "-addext", f"subjectAltName={host}"],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
        return tls, cert

    def test_only_whom_it_trusts(self):
        tls, cert = self.certificate("mine", "DNS:localhost")
        _, other = self.certificate("other", "DNS:localhost")
        self.receiver = self.receive(tls=tls)
        self.send()
        url = f"https://localhost:{self.receiver.port}/x"
        self.configure(url=url, ca_file=str(other))
        self.assertIn("webhook shop: TLS: ", self.run_job("--close-windows", code=4).stderr)
        for entries in ({"url": url}, {"url": url.replace("localhost", "127.0.0.1"), "ca_file": str(cert)}):  # the name in it is another
            queue = self.lake / "_pactolus/webhooks/shop.json"
            waiting = json.loads(queue.read_text())
            waiting["pending"][0]["next"] = 0  # now
            queue.write_text(json.dumps(waiting))
            self.configure(**entries)
            self.assertIn("webhook shop: TLS: ", self.run_job(code=4).stderr)
        self.assertEqual(self.receiver.requests, [])
        self.configure(url=url, ca_file=str(cert))
        self.run_job()
        self.assertEqual(self.received(), self.transitions())


class Configured(Hooks):
    def test_a_url_that_is_a_secret(self):
        self.write("url", f"http://127.0.0.1:{self.receiver.port}/T00/B00/xyzzy\n")
        self.configure(url=None, url_file=str(self.folder / "url"))
        self.send()
        done = self.run_job("--close-windows")
        self.assertEqual(self.received(), self.transitions())
        for text in (done.stderr, (self.lake / "_pactolus/status.json").read_text(), self.good("config", "show")):
            self.assertNotIn("xyzzy", text)
        self.assertIn('url_file = "', self.good("config", "show"))

    def test_mistakes(self):
        for entries, expected in (
                ({"url": "ftp://x"}, "expected a URL that begins with http:// or https://"),
                ({"url": "http://me:secret@x/"}, "expected a URL without a user"),
                ({"url": None}, "expected url or url_file, got neither"),
                ({"url_file": "x"}, "expected url or url_file, got both"),
                ({"attempts": 0}, "expected a whole number from 1 to 100, got 0"),
                ({"states": ["opn"]}, 'expected one of open, update, resolved, got "opn"; did you mean "open"?'),
                ({"secret": "x"}, "looks like a secret"),
                ({"rules": ["high_interest_low_converison"]}, 'did you mean "high_interest_low_conversion"?'),
                ({"name": "Shop"}, "expected 1 to 64 letters a-z"),
                ({"timeot": "1s"}, 'did you mean "timeout"?')):
            with self.subTest(entries=entries):
                self.configure(**entries)
                said = self.bad(78, "config", "check")
                self.assertIn(expected, said)
                self.assertNotIn("me:secret", said)

    def test_a_secret_that_is_no_base64(self):
        self.send(count=100)
        self.configure()
        for text in ("whsec_not base64", "whsec_====", "whsec_"):
            self.write("secret", text + "\n")
            done = self.run_it("run", "--until-caught-up", "--lake", self.lake)
            self.assertEqual(done.returncode, 78, done.stderr)
            self.assertIn("the secret of the webhook shop is not base64", done.stderr)


if __name__ == "__main__":
    main()
