"""Writes, reads or rewrites the rows of a file with another program, on one thread.

    peers.py write PROGRAM FORMAT INPUT OUTPUT    an Arrow file (for astropy a FITS file) to a format
    peers.py read PROGRAM FORMAT INPUT            a file into memory
    peers.py rewrite PROGRAM FORMAT INPUT OUTPUT  a file to the same format

It prints one line of JSON: the CPU seconds of reading and of writing, without the start of the interpreter and the
imports; the largest resident set, in KiB; and the version of the program. For `read`, also the numbers of rows and
columns that are in memory then.
"""

import json
import os
import resource
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

# Rows by which DuckDB and ClickHouse infer types. Their own 20,480 and 25,000 rows take minutes for 991 columns, and
# polars looks at 100.
INFERRED_BY = 1000

# The formats "parquet-zstd" and "parquet-snappy" are Parquet with these codecs and otherwise the default options of the program.
CODECS = "zstd", "snappy"


class Program:
    """A version, and what the program can do.

    `load` reads the input of `writers`, which take what it returned and a path. `readers` take a path, and return the
    numbers of rows and columns. `rewriters` take two paths.
    """

    def __init__(self, version, load=None, writers=None, readers=None, rewriters=None):
        self.version = version
        self.load = load
        self.writers = writers or {}
        self.readers = readers or {}
        self.rewriters = rewriters or {}


def arrow_table(path):
    import pyarrow as pa

    with pa.OSFile(path) as file:
        return pa.ipc.open_stream(file).read_all()


def pyarrow():
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.dataset  # else the first read_table imports it
    import pyarrow.json
    import pyarrow.parquet

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    writers = {
        "csv": lambda table, path: pa.csv.write_csv(table, path),
        "parquet": lambda table, path: pa.parquet.write_table(
            table, path, compression="snappy", use_dictionary=False
        ),
    }
    for codec in CODECS:
        writers[f"parquet-{codec}"] = lambda table, path, codec=codec: pa.parquet.write_table(
            table, path, compression=codec
        )

    def read_csv(path, delimiter=","):
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(use_threads=False),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter),
        )

    def read_json(path):
        return pa.json.read_json(path, read_options=pa.json.ReadOptions(use_threads=False))

    readers = {
        "csv": lambda path: read_csv(path).shape,
        "tsv": lambda path: read_csv(path, "\t").shape,
        "jsonl": lambda path: read_json(path).shape,
        "parquet": lambda path: pa.parquet.read_table(path, use_threads=False).shape,
    }
    rewriters = {"csv": lambda source, path: pa.csv.write_csv(read_csv(source), path)}
    return Program(pa.__version__, arrow_table, writers, readers, rewriters)


def polars():
    import polars as pl

    writers = {
        "csv": lambda frame, path: frame.write_csv(path),
        "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
        "jsonl": lambda frame, path: frame.write_ndjson(path),
        "parquet": lambda frame, path: frame.write_parquet(path, compression="snappy"),
    }
    for codec in CODECS:
        writers[f"parquet-{codec}"] = lambda frame, path, codec=codec: frame.write_parquet(
            path, compression=codec
        )
    readers = {
        "csv": lambda path: pl.read_csv(path).shape,
        "tsv": lambda path: pl.read_csv(path, separator="\t").shape,
        "jsonl": lambda path: pl.read_ndjson(path).shape,
        "parquet": lambda path: pl.read_parquet(path).shape,
    }
    rewriters = {
        "csv": lambda source, path: pl.scan_csv(source).sink_csv(path),
        "csv-as-text": lambda source, path: pl.scan_csv(source, infer_schema=False).sink_csv(path),
    }
    return Program(pl.__version__, pl.read_ipc_stream, writers, readers, rewriters)


def duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.sql("SELECT 1").to_arrow_table()  # imports pyarrow

    def write(options):
        def copy(table, path):
            connection.register("rows", table)
            connection.execute(f"COPY rows TO '{path}' ({options})")

        return copy

    sample = f", sample_size = {INFERRED_BY}"

    def csv(delimiter):
        return f", delim = '{delimiter}', quote = '\"', header = true{sample}"

    def read(function, options=""):
        def into_arrow(path):
            return connection.sql(f"FROM {function}('{path}'{options})").to_arrow_table().shape

        return into_arrow

    def rewrite(options):
        def copy(source, path):
            rows = f"FROM read_csv('{source}'{csv(',')}{options})"
            connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT csv, HEADER)")

        return copy

    writers = {
        "csv": write("FORMAT csv, HEADER"),
        "tsv": write("FORMAT csv, HEADER, DELIMITER '\t'"),
        "jsonl": write("FORMAT json"),
        "parquet": write("FORMAT parquet, COMPRESSION snappy"),
    }
    for codec in CODECS:
        options = f"FORMAT parquet, COMPRESSION {codec}"
        writers[f"parquet-{codec}"] = write(options)
        writers[f"parquet-v2-{codec}"] = write(f"{options}, PARQUET_VERSION V2")
    readers = {
        "csv": read("read_csv", csv(",")),
        "tsv": read("read_csv", csv("\t")),
        "jsonl": read("read_json", sample),
        "parquet": read("read_parquet"),
    }
    rewriters = {"csv": rewrite(""), "csv-as-text": rewrite(", all_varchar = true")}
    return Program(duckdb.__version__, arrow_table, writers, readers, rewriters)


def clickhouse():
    """ClickHouse reads and writes in one query; all of it counts as writing."""
    import chdb

    chdb.query("SELECT 1", "ArrowTable")  # imports pyarrow

    def write(form, settings=""):
        def copy(source, path):
            if os.path.exists(path):
                os.remove(path)
            chdb.query(
                f"INSERT INTO FUNCTION file('{path}', '{form}') "
                f"SELECT * FROM file('{source}', 'ArrowStream') SETTINGS max_threads = 1{settings}"
            )

        return copy

    settings = (
        f"SETTINGS max_threads = 1, input_format_max_rows_to_read_for_schema_inference = {INFERRED_BY}"
        ", input_format_tsv_empty_as_default = 1"
    )

    def read(form):
        def into_arrow(path):
            query = f"SELECT * FROM file('{path}', '{form}') {settings}"
            return chdb.query(query, "ArrowTable").shape

        return into_arrow

    def rewrite(form):
        def copy(source, path):
            chdb.query(
                f"INSERT INTO FUNCTION file('{path}', '{form}') "
                f"SELECT * FROM file('{source}', '{form}') {settings}"
            )

        return copy

    forms = {"csv": "CSVWithNames", "tsv": "TSVWithNames", "jsonl": "JSONEachRow"}
    writers = {name: write(form) for name, form in forms.items()}
    writers["parquet"] = write(
        "Parquet",
        ", output_format_parquet_compression_method = 'snappy'"
        ", output_format_parquet_max_dictionary_size = 0",
    )
    readers = {name: read(form) for name, form in (forms | {"parquet": "Parquet"}).items()}
    rewriters = {"csv": rewrite(forms["csv"])}
    return Program(chdb.engine_version, lambda path: path, writers, readers, rewriters)


def orjson():
    """orjson writes rows, which polars makes of its columns."""
    import orjson
    import polars as pl

    def write(frame, path):
        with open(path, "wb") as file:
            for row in frame.iter_rows(named=True):
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    return Program(orjson.__version__, pl.read_ipc_stream, {"jsonl": write})


def fastparquet():
    import fastparquet

    def read(path):
        return arrow_table(path).to_pandas()

    writers = {
        "parquet": lambda frame, path: fastparquet.write(path, frame, compression="SNAPPY"),
    }
    readers = {"parquet": lambda path: fastparquet.ParquetFile(path).to_pandas().shape}
    return Program(fastparquet.__version__, read, writers, readers)


def astropy():
    import astropy
    from astropy.io import ascii, votable
    from astropy.table import Table

    # Else it warns of every column of booleans that has nulls.
    astropy.log.setLevel("ERROR")

    def votable_as(form):
        return lambda table, path: votable.writeto(
            votable.from_table(table), path, tabledata_format=form
        )

    def shape(table):
        return len(table), len(table.columns)

    def read_votable(path):
        return shape(votable.parse_single_table(path).to_table())

    writers = {
        "binary2": votable_as("binary2"),
        "tabledata": votable_as("tabledata"),
        "fits": lambda table, path: table.write(path, format="fits", overwrite=True),
    }
    readers = {
        "binary2": read_votable,
        "tabledata": read_votable,
        "fits": lambda path: shape(Table.read(path, format="fits", memmap=False)),
        "csv": lambda path: shape(ascii.read(path, format="csv", guess=False)),
    }
    return Program(astropy.__version__, Table.read, writers, readers)


def fitsio():
    import fitsio

    def read(path):
        rows = fitsio.read(path)
        return len(rows), len(rows.dtype)

    return Program(fitsio.__version__, readers={"fits": read})


def main():
    action, name, form, source, *target = sys.argv[1:]
    program = globals()[name]()
    figures = {"version": program.version, "read": 0.0, "write": 0.0}
    started = time.process_time()
    if action == "read":
        figures["rows"], figures["columns"] = program.readers[form](source)
        figures["read"] = time.process_time() - started
    elif action == "write":
        rows = program.load(source)
        between = time.process_time()
        program.writers[form](rows, *target)
        figures["read"] = between - started
        figures["write"] = time.process_time() - between
    else:
        program.rewriters[form](source, *target)
        figures["write"] = time.process_time() - started
    figures["peak_kib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps(figures))


main()
