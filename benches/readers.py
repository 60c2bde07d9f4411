"""What readers pay for a Parquet file: seconds and memory, one line of JSON.

readers.py FILE READER KEY LIMIT COLUMNS, where READER is pyarrow, duckdb or polars: opens the file,
sums up some columns, and sums them up in the rows where KEY is below LIMIT. KEY is ascending, so that
the minima and maxima of row groups and pages tell where to look.
"""

import json
import resource
import sys
import time


def pyarrow(path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    yield
    pq.ParquetFile(path).close()
    yield "open"
    table = pq.read_table(path, columns=COLUMNS)
    [pc.sum(column) for column in table.columns]
    yield "three columns"
    table = pq.read_table(path, columns=COLUMNS, filters=[(KEY, "<", LIMIT)])
    yield "filter"


def duckdb(path):
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    yield
    connection.sql(f"select count(*) from '{path}'").fetchall()
    yield "open"
    sums = ", ".join(f"sum({column})" for column in COLUMNS)
    connection.sql(f"select {sums} from '{path}'").fetchall()
    yield "three columns"
    connection.sql(f"select {sums} from '{path}' where {KEY} < {LIMIT}").fetchall()
    yield "filter"


def polars(path):
    import polars as pl

    yield
    pl.scan_parquet(path).select(pl.len()).collect()
    yield "open"
    pl.scan_parquet(path).select(pl.col(COLUMNS).sum()).collect()
    yield "three columns"
    pl.scan_parquet(path).filter(pl.col(KEY) < LIMIT).select(pl.col(COLUMNS).sum()).collect()
    yield "filter"


KEY, LIMIT = sys.argv[3], int(sys.argv[4])
COLUMNS = sys.argv[5].split(",")

steps = {"pyarrow": pyarrow, "duckdb": duckdb, "polars": polars}[sys.argv[2]](sys.argv[1])
next(steps)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seconds = {}
start = time.perf_counter()
for step in steps:
    seconds[step] = time.perf_counter() - start
    start = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({**seconds, "memory": (peak - base) / 1024}))
