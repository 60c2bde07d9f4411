"""Parquet with a VOTable in its footer."""

import io

import pyarrow as pa

from .core import Decoded, Rejected, duckdb_connection, sql_text
from .votable import parse_votable, query_status, results_resource, votable_column

VERSION_KEY = b"IVOA.VOTable-Parquet.version"
CONTENT_KEY = b"IVOA.VOTable-Parquet.content"


def voparquet_document(metadata):
    """The FIELDs, the QUERY_STATUS and the warnings of the VOTable in the footer."""
    if metadata.get(VERSION_KEY) != b"1.0":
        raise Rejected(f"{VERSION_KEY.decode()} is {metadata.get(VERSION_KEY)}")
    if CONTENT_KEY not in metadata:
        raise Rejected(f"no {CONTENT_KEY.decode()}")
    document, notes = parse_votable(io.BytesIO(metadata[CONTENT_KEY]))
    resource = results_resource(document)
    table = next(document.iter_tables())
    if len(table.array):
        raise Rejected("the VOTable in the footer has rows")
    return [votable_column(field) for field in table.fields], query_status(resource), notes


def read_voparquet_pyarrow(request, schema):
    from pyarrow import parquet

    with parquet.ParquetFile(request["path"], page_checksum_verification=True) as file:
        columns, status, notes = voparquet_document(file.metadata.metadata or {})
        table = file.read(use_threads=False)
    return Decoded(table.columns, columns, (), status, table.column_names, notes)


def read_voparquet_duckdb(request, schema):
    path = sql_text(request["path"])
    keys = duckdb_connection().sql(f"SELECT key, value FROM parquet_kv_metadata({path})").fetchall()
    columns, status, notes = voparquet_document({bytes(k): bytes(v) for k, v in keys})
    table = duckdb_connection().sql(f"SELECT * FROM read_parquet({path})").to_arrow_table()
    return Decoded(table.columns, columns, (), status, table.column_names, notes)


def read_voparquet_polars(request, schema):
    import polars

    keys = polars.read_parquet_metadata(request["path"])
    columns, status, notes = voparquet_document({k.encode(): v.encode() for k, v in keys.items()})
    table = polars.read_parquet(request["path"]).to_arrow()
    return Decoded(table.columns, columns, (), status, table.column_names, notes)
