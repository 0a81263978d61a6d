"""A client's pool of connections: SQLAlchemy's QueuePool over PyMySQL. Each line that it is told is answered with a line of JSON.

fill       opens the pool's connections and gives them all back; answers how many each server has
told       how many of these have been ended while they lay in the pool, for each server
spared     the same for the others, each of which has answered a query
query N    asks N queries by the pool, one by one; answers how many each server answered, and the numbers and the errors of those
           that failed
"""

import collections
import json
import resource
import select
import sys

import sqlalchemy
from sqlalchemy import pool

WHO = "select @@server_id"


def main(host, port, user, schema, size):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    url = sqlalchemy.engine.URL.create(
        "mysql+pymysql", username=user, host=host, port=int(port), database=schema
    )
    engine = sqlalchemy.create_engine(
        url,
        poolclass=pool.QueuePool,
        pool_size=int(size),
        max_overflow=0,
        pool_pre_ping=False,
        connect_args={"connect_timeout": 10, "read_timeout": 10},
    )
    # What lies in the pool, by the descriptor of its socket: who its server is, and PyMySQL's own connection.
    pooled = {}
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == "fill":
            pooled = fill(engine, int(size))
            answer = by_server(pooled, pooled)
        elif verb == "told":
            answer = by_server(pooled, ended(pooled))
        elif verb == "spared":
            answer = by_server(pooled, answering(pooled))
        else:
            answer = query(engine, int(words[0]))
        print(json.dumps(answer), flush=True)


def fill(engine, size):
    pooled = {}
    connections = [engine.connect() for _ in range(size)]
    for connection in connections:
        server = connection.execute(sqlalchemy.text(WHO)).scalar()
        raw = connection.connection.dbapi_connection
        pooled[raw._sock.fileno()] = (server, raw)
    for connection in connections:
        connection.close()
    return pooled


def by_server(pooled, descriptors):
    return collections.Counter(pooled[descriptor][0] for descriptor in descriptors)


def ended(pooled):
    # A poll, because a read would take the error off the socket before the pool itself comes upon it.
    poll = select.poll()
    for descriptor in pooled:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(0)]


def answering(pooled):
    spared = set(pooled) - set(ended(pooled))
    for descriptor in spared:
        server, raw = pooled[descriptor]
        with raw.cursor() as cursor:
            cursor.execute(WHO)
            assert cursor.fetchone() == (server,)
        raw.rollback()
    return spared


def query(engine, count):
    answers, failures = collections.Counter(), []
    for number in range(count):
        try:
            with engine.connect() as connection:
                answers[connection.execute(sqlalchemy.text(WHO)).scalar()] += 1
        except sqlalchemy.exc.DBAPIError as error:
            failures.append([number, str(error.orig)])
    return {"answers": answers, "failures": failures}


main(*sys.argv[1:])
