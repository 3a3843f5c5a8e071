"""What is denied reaches a Kafka topic from inside the sandbox, keyed by Community ID, also what happened while the broker was away."""

import ctypes
import json
import shutil

from lib.check import Skip, check, main, same, until
from lib.gateway import Gateway, policy
from lib.wire import attempt, make, run

TOPIC = "firewall"


class Broker:
    """librdkafka's own mock cluster, of one broker."""

    def __init__(self):
        try:
            self.lib = lib = ctypes.CDLL("librdkafka.so.1")
        except OSError:
            raise Skip("needs librdkafka (apt install librdkafka1)") from None
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(lib, name).restype = ctypes.c_void_p
        lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        why = ctypes.create_string_buffer(256)
        host = lib.rd_kafka_new(0, ctypes.c_void_p(lib.rd_kafka_conf_new()), why, 256)
        check(host, f"a handle of librdkafka: {why.value}")
        self.cluster = ctypes.c_void_p(lib.rd_kafka_mock_cluster_new(ctypes.c_void_p(host), 1))
        same(lib.rd_kafka_mock_topic_create(self.cluster, TOPIC.encode(), 1, 1), 0, "the topic is made")
        self.address = lib.rd_kafka_mock_cluster_bootstraps(self.cluster).decode()

    def down(self):
        same(self.lib.rd_kafka_mock_broker_set_down(self.cluster, 1), 0, "the broker is down")

    def up(self):
        same(self.lib.rd_kafka_mock_broker_set_up(self.cluster, 1), 0, "the broker is up")

    def messages(self):
        """(key, value) of all so far."""
        text = run("kcat", "-C", "-q", "-b", self.address, "-t", TOPIC, "-o", "beginning", "-e", "-f", "%k\t%s\n")
        return [(key, json.loads(value)) for key, _, value in (line.partition("\t") for line in text.splitlines())]

    def of(self, port):
        return [(key, e) for key, e in self.messages() if e.get("dest_port") == port]


def test():
    if not shutil.which("kcat"):
        raise Skip("needs kcat (apt install kcat)")
    make()
    broker = Broker()
    gateway = Gateway(policy(), spool={"path": "spool"}, sinks=[
        {"name": "kafka", "type": "kafka", "kinds": ["drop"], "brokers": f"kafka://{broker.address}", "topic": TOPIC}])
    gateway.start()
    attempt("web", "cards", 4711)
    key, event = until(lambda: broker.of(4711), "the topic is told", 60)[0]
    same(key, event["community_id"], "its key")
    check(key.startswith("1:"), f"a Community ID: {key}")
    broker.down()
    for port in (4712, 4713):
        attempt("web", "cards", port)
        gateway.event("drop", dest_port=port)
    until(lambda: not gateway.stats()["sinks"][0]["up"], "the sink knows that its broker is away", 60)
    broker.up()
    for port in (4712, 4713):
        until(lambda: broker.of(port), f"what was denied at {port} arrives later", 90)
    same(gateway.stats()["sinks"][0]["lost"], 0, "lost")
    gateway.stop()


main(test)
