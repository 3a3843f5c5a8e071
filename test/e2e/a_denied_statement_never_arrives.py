"""On a connection that may only select and insert, other statements and tables never arrive: the connection is cut, and
the event quotes verb and table. PostgreSQL and MariaDB with their own clients, prepared statements included.
"""

import socket
import struct

from lib import services
from lib.check import Skip, check, main, same, say
from lib.denied import SERVER, Watch, cut, document, put, rule
from lib.gateway import Gateway
from lib.wire import inside, make, run

SQL = """create table orders (id int primary key, item varchar(40)); create table order_items (id int);
create table secrets (id int); insert into orders values (1, 'one'), (2, 'two');"""
LISTS = '{ verbs: [select, insert], tables: ["orders", "order_*"] }'
AS_WRITTEN = """
  - from: web
    to: orders-db
    applications:
      - postgresql: { verbs: [select, insert], tables: ["orders", "order_*"] }
    action: allow
"""
SILENCE = 2  # seconds until a client that gets no answer is ended
PATIENCE = 20  # ... that gets one
# What is said, what must not arrive, and verb and table in the alert.
DENIED = [
    ("DELETE FROM orders", b"delete", "delete", "orders"),
    ("/* SELECT */ dElEtE -- x\n FROM\torders WHERE id = 1", b"dElEtE", "delete", "orders"),
    ("UPDATE orders SET item = 'gone'", b"gone", "update", "orders"),
    ("SELECT * FROM secrets", b"secrets", "select", "secrets"),
    ("DROP TABLE orders", b"drop", "drop", "orders"),
    ("TRUNCATE orders", b"truncate", "truncate", "orders"),
]


def psql(port, *statements, seconds=SILENCE, host=SERVER, ns="shop"):
    """psql is told these lines; what it printed, errors too."""
    script = f"{services.HOME}/psql.sql"
    services.conf(script, "".join(s + "\n" for s in statements))
    done = run("timeout", seconds, "psql", "-X", "-At", "-h", host, "-p", port, "-U", "postgres", "-f", script, ns=ns,
               ok=False)
    return done.returncode, done.stdout


def counts_postgresql():
    return psql(5432, "select count(*) from orders", host="127.0.0.1", ns="cde", seconds=PATIENCE)[1].strip()


def postgresql_clients(gateway, port):
    with Watch(gateway, port, always=[b"SELECT item", b"insert into order_items"]):
        code, out = psql(port, "SELECT item FROM orders WHERE id = 2;", "insert into order_items values (1);",
                         "BEGIN; select 1; COMMIT;", "select count(*) from order_items, orders;", seconds=PATIENCE)
        check(code == 0 and "two" in out, f"selects and inserts work: {out}")
    for statement, never, verb, table in DENIED:
        with Watch(gateway, port, [never], [b"SELECT item"], bulkhead__sql__verb=verb, bulkhead__sql__table=table, app_proto="postgresql"):
            code, out = psql(port, "SELECT item FROM orders WHERE id = 1;", statement + ";", "SELECT 'after';")
            check("one" in out and "after" not in out and code != 0, f"{statement}: one row, then cut: {out}")
    with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="delete"):
        psql(port, "PREPARE d AS DELETE FROM orders;", "EXECUTE d;")
    with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="delete"):
        psql(port, r"SELECT 1\; DELETE FROM orders;")
    same(counts_postgresql(), "2", "rows of orders")


def message(kind, *parts):
    body = b"".join(p + b"\0" if isinstance(p, bytes) else struct.pack("!H", p) for p in parts)
    return kind + struct.pack("!I", len(body) + 4) + body


def postgresql_extended(gateway, port):
    """Parse, Bind, Execute as libraries send them, pipelined."""
    import psycopg2
    for statement, verb in (("DELETE FROM orders WHERE id = $1", "delete"), ("select 1 from secrets", "select")):
        with inside("shop"):
            s = socket.create_connection((SERVER, port), timeout=10)
        body = struct.pack("!I", 196608) + b"user\0postgres\0\0"
        s.sendall(struct.pack("!I", len(body) + 4) + body)
        answer = b""
        while not answer.endswith(b"Z\0\0\0\5I"):
            answer += s.recv(4096)
        sync = b"S\0\0\0\4"
        s.sendall(message(b"P", b"a", b"SELECT item FROM orders", 0) + message(b"B", b"", b"a", 0, 0, 0) +
                  b"E\0\0\0\x09\0\0\0\0\0" + sync)
        answer = b""
        while b"Z\0\0\0\5I" not in answer:
            answer += s.recv(4096)
        check(b"two" in answer, f"a prepared select works: {answer}")
        with Watch(gateway, port, [b"delete", b"secrets"], bulkhead__sql__verb=verb):
            s.sendall(message(b"P", b"b", statement.encode(), 0) + sync)
            cut(lambda s=s: s.recv(100) or (_ for _ in ()).throw(OSError("closed")), statement, OSError)
    with inside("shop"):
        c = psycopg2.connect(host=SERVER, port=port, user="postgres", connect_timeout=10)
    cursor = c.cursor()
    cursor.execute("select item from orders where id = %s", (1,))
    same(cursor.fetchall(), [("one",)], "psycopg2 selects")
    with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="delete", bulkhead__sql__table="orders"):
        cut(lambda: cursor.execute("delete from orders where id = %s", (1,)), "psycopg2", psycopg2.Error)


def postgresql(gateway):
    psql(5432, SQL, host="127.0.0.1", ns="cde", seconds=PATIENCE)
    postgresql_clients(gateway, 5432)
    put(gateway, rule(f"postgresql: {LISTS}", "action: allow\ndenied: reset"))
    postgresql_clients(gateway, 5432 + services.WRONG)
    postgresql_extended(gateway, 5432)
    # In a rule that denies the list is turned round.
    put(gateway, rule("postgresql: { verbs: [delete, truncate, drop, update] }", "action: deny\ndenied: reset"),
        rule("postgresql"))
    check("one" in psql(5432, "select item from orders where id = 1", seconds=PATIENCE)[1], "what the deny list does not name works")
    with Watch(gateway, 5432, [b"delete"], reason="rule_deny", bulkhead__sql__verb="delete", bulkhead__sql__table="orders"):
        psql(5432, "DELETE FROM orders")
    same(counts_postgresql(), "2", "rows of orders")
    say("postgresql: psql, psycopg2 and prepared statements by hand")


def mariadb(port, sql, host=SERVER, ns="shop", seconds=SILENCE, database="shop"):
    done = run("timeout", seconds, "mariadb", "--no-defaults", "-h", host, "-P", port, "-u", "e2e", "-pe2e", "-N", database,
               "--unbuffered", "-e", sql, ns=ns, ok=False)
    return done.returncode, done.stdout


def mysql_clients(gateway, port):
    with Watch(gateway, port, always=[b"SELECT item", b"insert into order_items"]):
        code, out = mariadb(port, "SELECT item FROM orders WHERE id = 2; insert into order_items values (1);"
                                  "select count(*) from order_items, orders", seconds=PATIENCE)
        check(code == 0 and "two" in out, f"selects and inserts work: {out}")
    for statement, never, verb, table in DENIED:
        with Watch(gateway, port, [never], [b"SELECT item"], bulkhead__sql__verb=verb, bulkhead__sql__table=table, app_proto="mysql"):
            code, out = mariadb(port, f"SELECT item FROM orders WHERE id = 1; {statement}; SELECT 'after'")
            check("one" in out and "after" not in out and code != 0, f"{statement}: one row, then cut: {out}")
    with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="prepare"):
        mariadb(port, "PREPARE d FROM 'DELETE FROM orders'; EXECUTE d")
    same(mariadb(3306, "select count(*) from orders", "127.0.0.1", "cde", PATIENCE)[1].strip(), "2", "rows of orders")


def mysql_library(gateway, port):
    import pymysql
    from pymysql.constants import COMMAND

    def connected():
        with inside("shop"):
            return pymysql.connect(host=SERVER, port=port, user="e2e", password="e2e", database="shop", connect_timeout=10)

    with connected() as c, c.cursor() as cursor:
        cursor.execute("select item from orders where id = %s", (1,))
        same(cursor.fetchall(), (("one",),), "pymysql selects")
        with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="delete", bulkhead__sql__table="orders"):
            cut(lambda: cursor.execute("delete from orders"), "pymysql", pymysql.Error)
        c._force_close()  # pylint: disable=protected-access
    c = connected()
    with Watch(gateway, port, [b"delete"], bulkhead__sql__verb="delete", bulkhead__sql__table="orders"):
        def prepare():
            c._execute_command(COMMAND.COM_STMT_PREPARE, "delete from orders where id = ?")
            return c._read_packet()
        cut(prepare, "COM_STMT_PREPARE", pymysql.Error)
    c._force_close()


def mysql(gateway):
    mariadb(3306, SQL, "127.0.0.1", "cde", PATIENCE)
    put(gateway, rule(f"mysql: {LISTS}", "action: allow\ndenied: reset"))
    for port in (3306, 3306 + services.WRONG):
        mysql_clients(gateway, port)
    # The library begins with SET AUTOCOMMIT.
    put(gateway, rule("mysql: { verbs: [select, insert, set], tables: [orders] }", "action: allow\ndenied: reset"))
    mysql_library(gateway, 3306)
    put(gateway, rule(f"mysql: {LISTS}"))
    with Watch(gateway, 3306, [b"delete"], bulkhead__sql__verb="delete", bulkhead__sql__table="orders"):
        check(mariadb(3306, "select 1; delete from orders; select 'after'")[0] == 124, "silence by default")
    say("mysql: mariadb, pymysql and COM_STMT_PREPARE")


def test():
    apps, gone = services.available([a for a in services.APPS if a.name in ("postgresql", "mysql")])
    if not apps:
        raise Skip(f"neither server is here: {gone}")
    make()
    services.start(apps)
    gateway = Gateway(document(AS_WRITTEN)).start()
    for app in apps:
        {"postgresql": postgresql, "mysql": mysql}[app.name](gateway)
    gateway.stop()
    for label, what in gone:
        say(f"without {label}: {what} is not here")


main(test)
