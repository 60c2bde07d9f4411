"""Writes the rows of an Arrow or FITS file with another program, on one thread.

    peers.py PROGRAM FORMAT INPUT OUTPUT

It prints one line of JSON: the CPU seconds of reading and of writing, without the start of the interpreter and the
imports; the largest resident set, in KiB; and the version of the program.
"""

import json
import os
import resource
import sys
import time

os.environ["POLARS_MAX_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

# The formats "parquet-zstd" and "parquet-snappy" are Parquet with these codecs and otherwise the default options of the program.
CODECS = "zstd", "snappy"


def arrow_table(path):
    import pyarrow as pa

    with pa.OSFile(path) as file:
        return pa.ipc.open_stream(file).read_all()


def pyarrow():
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    writers = {
        "csv": pyarrow_csv,
        "parquet": lambda table, path: pa.parquet.write_table(
            table, path, compression="snappy", use_dictionary=False
        ),
    }
    for codec in CODECS:
        writers[f"parquet-{codec}"] = lambda table, path, codec=codec: pa.parquet.write_table(
            table, path, compression=codec
        )
    return pa.__version__, arrow_table, writers


def pyarrow_csv(table, path):
    import pyarrow.csv

    pyarrow.csv.write_csv(table, path)


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
    return pl.__version__, pl.read_ipc_stream, writers


def duckdb():
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")

    def write(options):
        def copy(table, path):
            connection.register("rows", table)
            connection.execute(f"COPY rows TO '{path}' ({options})")

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
    return duckdb.__version__, arrow_table, writers


def clickhouse():
    """ClickHouse reads and writes in one query; all of it counts as writing."""
    import chdb

    def write(form, settings=""):
        def copy(source, path):
            if os.path.exists(path):
                os.remove(path)
            chdb.query(
                f"INSERT INTO FUNCTION file('{path}', '{form}') "
                f"SELECT * FROM file('{source}', 'ArrowStream') SETTINGS max_threads = 1{settings}"
            )

        return copy

    writers = {
        "csv": write("CSVWithNames"),
        "tsv": write("TSVWithNames"),
        "jsonl": write("JSONEachRow"),
        "parquet": write(
            "Parquet",
            ", output_format_parquet_compression_method = 'snappy'"
            ", output_format_parquet_max_dictionary_size = 0",
        ),
    }
    return chdb.engine_version, lambda path: path, writers


def fastparquet():
    import fastparquet

    def read(path):
        return arrow_table(path).to_pandas()

    writers = {
        "parquet": lambda frame, path: fastparquet.write(path, frame, compression="SNAPPY"),
    }
    return fastparquet.__version__, read, writers


def astropy():
    import astropy
    from astropy.io import votable
    from astropy.table import Table

    # Else it warns of every column of booleans that has nulls.
    astropy.log.setLevel("ERROR")

    def votable_as(form):
        return lambda table, path: votable.writeto(
            votable.from_table(table), path, tabledata_format=form
        )

    writers = {
        "binary2": votable_as("binary2"),
        "tabledata": votable_as("tabledata"),
        "fits": lambda table, path: table.write(path, format="fits", overwrite=True),
    }
    return astropy.__version__, Table.read, writers


def main():
    program, form, source, target = sys.argv[1:]
    version, read, writers = globals()[program]()
    started = time.process_time()
    rows = read(source)
    between = time.process_time()
    writers[form](rows, target)
    ended = time.process_time()
    figures = {
        "version": version,
        "read": between - started,
        "write": ended - between,
        "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }
    print(json.dumps(figures))


main()
