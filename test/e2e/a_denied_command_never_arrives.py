"""Commands that no list holds never arrive: Redis with its own client and pipelined, MongoDB with pymongo, Kafka and
Cassandra by their requests, on usual and on wrong ports.
"""

import socket
import struct
import threading

from lib import services
from lib.check import check, main, same, say, until
from lib.denied import SERVER, Watch, cut, document, put, rule
from lib.gateway import Gateway
from lib.wire import Server, inside, make, run

RESET = "action: allow\ndenied: reset"


def connected(port):
    with inside("shop"):
        s = socket.create_connection((SERVER, port), timeout=5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def closed(sock):
    """The other end, or the gateway, ends the connection."""
    def read():
        while sock.recv(4096):
            pass
        raise OSError("closed")
    return cut(read, "a connection with something denied", ConnectionError, OSError)


def redis_cli(port, *words):
    return run("timeout", 5, "redis-cli", "-h", SERVER, "-p", port, *words, ns="shop", ok=False).stdout.strip()


def redis(gateway, port):
    put(gateway, rule('redis: { commands: [get, set, mget], keys: ["cart:*"] }', RESET))
    with Watch(gateway, port, always=[b"cart:1"]):
        same(redis_cli(port, "set", "cart:1", "x"), "OK", "an allowed command")
        same(redis_cli(port, "get", "cart:1"), "x", "another one")
        same(redis_cli(port, "ping"), "PONG", "ping")
    denied = [(["flushall"], "flushall", None), (["get", "other"], "get", "other"), (["del", "cart:1"], "del", "cart:1"),
              (["mget", "cart:1", "secret"], "mget", ("cart:1", "secret")), (["config", "get", "dir"], "config|get", None),
              (["eval", "return redis.call('flushall')", "0"], "eval", None)]
    for words, command, key in denied:
        with Watch(gateway, port, [w.encode() for w in words if w != "cart:1"], app_proto="redis",
                   bulkhead__redis__command=command, bulkhead__redis__key=key):
            check("OK" not in redis_cli(port, *words), f"{words} is refused")
    for together in (False, True):
        with Watch(gateway, port, [b"FLUSHALL", b"cart:9"], bulkhead__redis__command="flushall"):
            s = connected(port)
            parts = [b"*2\r\n$3\r\nGET\r\n$6\r\ncart:1\r\n", b"flushall\r\n", b"get cart:9\r\n"]
            for data in [b"".join(parts)] if together else parts:
                try:
                    s.sendall(data)
                except OSError:
                    break
            closed(s)
    same(redis_cli(port, "get", "cart:1"), "x", "the key afterwards")


class Mongo:
    """As much of a MongoDB server as a driver needs: every command is answered with ok, finds with one document."""

    def __init__(self, port):
        with inside("cde"):
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((SERVER, port))
        self.sock.listen(16)
        self.commands = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            peer, _ = self.sock.accept()
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        import bson
        f = peer.makefile("rb")
        while True:
            try:
                head = f.read(16)
            except OSError:
                return  # cut by the gateway
            if len(head) < 16:
                return
            length, number, _, code = struct.unpack("<4i", head)
            body = f.read(length - 16)
            if code == 2004:  # OP_QUERY, the first words of a driver
                doc = bson.decode(body[4 + body[4:].index(b"\0") + 9:])
                reply = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(self._answer(doc))
                peer.sendall(struct.pack("<4i", 16 + len(reply), 1, number, 1) + reply)
            else:
                size = struct.unpack_from("<i", body, 5)[0]
                doc = bson.decode(body[5:5 + size])
                reply = struct.pack("<iB", 0, 0) + bson.encode(self._answer(doc))
                peer.sendall(struct.pack("<4i", 16 + len(reply), 1, number, 2013) + reply)

    def _answer(self, doc):
        name = next(iter(doc))
        self.commands.append(name)
        if name.lower() in ("ismaster", "hello"):
            return {"ok": 1, "ismaster": True, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000,
                    "maxWriteBatchSize": 1000, "minWireVersion": 0, "maxWireVersion": 9}
        if name in ("find", "aggregate"):
            return {"ok": 1, "cursor": {"id": 0, "ns": f"shop.{doc[name]}", "firstBatch": [{"item": "one"}]}}
        return {"ok": 1, "n": 1}


def mongodb(gateway, port):
    import pymongo
    from pymongo.errors import PyMongoError
    server = Mongo(port)
    put(gateway, rule('mongodb: { commands: [find, insert, aggregate], collections: [orders, "order_*"], '
                      'databases: [shop] }', RESET))

    def client():
        with inside("shop"):
            c = pymongo.MongoClient(SERVER, port, retryWrites=False, retryReads=False, serverSelectionTimeoutMS=6000,
                                    socketTimeoutMS=4000, connect=True)
            same(list(c.shop.orders.find({"id": 1}))[0]["item"], "one", "find works")
            return c

    denied = [("delete", ("orders",), lambda c: c.shop.orders.delete_many({})),
              ("find", ("secrets",), lambda c: list(c.shop.secrets.find())),
              ("drop", ("orders",), lambda c: c.shop.orders.drop()),
              ("find", ("orders",), lambda c: list(c.admin.orders.find())),
              ("aggregate", ("orders", "secrets"), lambda c: list(c.shop.orders.aggregate(
                  [{"$lookup": {"from": "secrets", "localField": "a", "foreignField": "a", "as": "b"}}])))]
    with Watch(gateway, port, always=[b"order_new"]):
        c = client()
        with inside("shop"):
            c.shop.order_new.insert_one({"x": 1})
        c.close()
    for command, collections, action in denied:
        never = [b"secrets"] if "secrets" in collections else [b"delete", b"deletes"] if command == "delete" else []
        with Watch(gateway, port, never, [b"orders"], app_proto="mongodb", bulkhead__mongodb__command=command,
                   bulkhead__mongodb__collection=collections if len(collections) > 1 else collections[0]):
            c = client()
            with inside("shop"):
                cut(lambda c=c, a=action: a(c), f"{command} of {collections}", PyMongoError)
            c.close()
    check("insert" in server.commands and "find" in server.commands, "the server was asked what is allowed")
    check(not {"delete", "drop", "aggregate"} & set(server.commands), f"and nothing else: {set(server.commands)}")


def text(s):
    return struct.pack("!h", len(s)) + s


def kafka_request(key, version, number, body):
    data = struct.pack("!hhi", key, version, number) + text(b"e2e") + body
    return struct.pack("!i", len(data)) + data


def metadata(number, topic):
    return kafka_request(3, 1, number, struct.pack("!i", 1) + text(topic))


def produce(number, topic):
    return kafka_request(0, 2, number, struct.pack("!hii", 1, 1000, 1) + text(topic) +
                         struct.pack("!iii", 1, 0, 26) + struct.pack("!qiIbbii", 0, 14, 0, 1, 0, -1, 0))


def by_hand(gateway, server, good, bad, never, **event):
    """Requests that are allowed arrive; the one that is not, behind them on the same connection, does not."""
    port, before = server.sock.getsockname()[1], len(server.peers)
    with Watch(gateway, port, never, **event):
        s = connected(port)
        for data in good:
            s.sendall(data)
        wanted = b"".join(good)
        until(lambda: len(server.peers) > before and bytes(server.peers[-1].received) == wanted, f"what is allowed arrives at {port}")
        s.sendall(bad)
        closed(s)
        same(bytes(server.peers[-1].received), wanted, "all that the server has read")


def kafka(gateway, port):
    server = Server("redis", port, echo=False)
    put(gateway, rule('kafka: { apis: [produce, metadata], topics: ["order*"] }', RESET))
    good = [kafka_request(18, 0, 1, b""), metadata(2, b"orders"), produce(3, b"orders")]
    by_hand(gateway, server, good, metadata(4, b"salaries"), [b"salaries"], app_proto="kafka", bulkhead__kafka__api="metadata",
            bulkhead__kafka__topic="salaries")
    by_hand(gateway, server, good, produce(4, b"salaries"), [b"salaries"], bulkhead__kafka__api="produce", bulkhead__kafka__topic="salaries")
    by_hand(gateway, server, good, kafka_request(20, 0, 4, struct.pack("!i", 1) + text(b"orders") + struct.pack("!i", 9)),
            [], bulkhead__kafka__api="deletetopics", bulkhead__kafka__topic="orders")


def cql(opcode, body):
    return struct.pack("!BBhBi", 4, 0, 1, opcode, len(body)) + body


def query(statement, opcode=7):
    return cql(opcode, struct.pack("!i", len(statement)) + statement + (b"\0\1\0" if opcode == 7 else b""))


def cassandra(gateway, port):
    server = Server("redis", port, echo=False)
    put(gateway, rule('cassandra: { verbs: [select, insert], tables: [shop.orders, orders] }', RESET))
    good = [cql(1, struct.pack("!h", 1) + text(b"CQL_VERSION") + text(b"3.0.0")), query(b"SELECT * FROM orders")]
    by_hand(gateway, server, good, query(b"DELETE FROM orders WHERE id = 1"), [b"delete"], app_proto="cassandra",
            bulkhead__sql__verb="delete", bulkhead__sql__table="orders")
    by_hand(gateway, server, good, query(b"DELETE FROM orders WHERE id = ?", 9), [b"delete"], bulkhead__sql__verb="delete")
    by_hand(gateway, server, good, query(b"SELECT * FROM secrets"), [b"secrets"], bulkhead__sql__verb="select", bulkhead__sql__table="secrets")


def test():
    apps, gone = services.available([a for a in services.APPS if a.name == "redis"])
    make()
    services.start(apps)
    gateway = Gateway(document(rule("redis"))).start()
    if apps:
        for port in apps[0].ports:
            redis(gateway, port)
        say("redis: done")
    try:
        import pymongo  # noqa: F401 pylint: disable=unused-import
    except ImportError:
        gone.append(("mongodb", "pymongo"))
    else:
        mongodb(gateway, 27017)
        mongodb(gateway, 27017 + services.WRONG)
        say("mongodb: done")
    for port in (9092, 443):
        kafka(gateway, port)
    say("kafka: done")
    for port in (9042, 80):
        cassandra(gateway, port)
    say("cassandra: done")
    gateway.stop()
    for label, what in gone:
        say(f"without {label}: {what} is not here")


main(test)
