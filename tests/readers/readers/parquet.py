"""Parquet with a VOTable in its footer."""

import xml.etree.ElementTree as ElementTree

from .core import Decoded, Rejected, duckdb_connection, named_columns, sql_text
from .libraries import read_duckdb, read_polars
from .numpy_cells import column_of
from .votable_binary import SPACE, fields_of_table, results_of, status_of
from .votable_metadata import table_metadata

VERSION_KEY = b"IVOA.VOTable-Parquet.version"
CONTENT_KEY = b"IVOA.VOTable-Parquet.content"


def voparquet_document(metadata):
    """The FIELDs, the QUERY_STATUS and the metadata of the table of the VOTable in the footer."""
    if metadata.get(VERSION_KEY) != b"1.0":
        raise Rejected(f"{VERSION_KEY.decode()} is {metadata.get(VERSION_KEY)}")
    if CONTENT_KEY not in metadata:
        raise Rejected(f"no {CONTENT_KEY.decode()}")
    root = ElementTree.fromstring(metadata[CONTENT_KEY])
    resource = results_of(root)
    if resource.find(f"{SPACE}TABLE/{SPACE}DATA") is not None:
        raise Rejected("the VOTable in the footer has rows")
    columns = [column for column, _ in fields_of_table(resource.find(SPACE + "TABLE"))]
    return columns, status_of(resource), table_metadata(root)


def read_voparquet(load, losses=()):
    """The rows by a library, and the FIELDs in the footer as pyarrow finds them."""

    def read(request, schema):
        from pyarrow import parquet

        footer = parquet.read_metadata(request["path"]).metadata or {}
        columns, status, metadata = voparquet_document(footer)
        table = load(request.get("dump") or request["path"], schema)
        return Decoded(table.columns, columns, losses, status, table.column_names, table=metadata)

    return read


def read_voparquet_duckdb(request, schema):
    path = sql_text(request["path"])
    keys = duckdb_connection().sql(f"SELECT key, value FROM parquet_kv_metadata({path})").fetchall()
    columns, status, metadata = voparquet_document({bytes(k): bytes(v) for k, v in keys})
    table = read_duckdb(request["path"])
    return Decoded(table.columns, columns, (), status, table.column_names, table=metadata)


def read_voparquet_polars(request, schema):
    import polars

    keys = polars.read_parquet_metadata(request["path"])
    columns, status, metadata = voparquet_document({k.encode(): v.encode() for k, v in keys.items()})
    table = read_polars(request["path"])
    return Decoded(table.columns, columns, (), status, table.column_names, table=metadata)


# Floats have no nulls in pandas, and astropy makes NaN of a None in an array.
ASTROPY_LOSSES = ["null-is-nan", "null-element-is-nan"]
FASTPARQUET_LOSSES = ["null-is-nan"]
# Java's arrays of numbers have no nulls, and STIL takes an empty array for none.
STIL_LOSSES = ["null-element-is-nan", "empty-list-is-null"]


def read_voparquet_astropy(request, schema):
    """The rows joined with the FIELDs, which pandas reads first."""
    import warnings

    from astropy.table import Table
    from pyarrow import parquet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table.read(request["path"], format="parquet.votable")
    # Where a name is not an identifier, astropy has a second column, which is empty, under the name that it makes.
    names = parquet.read_schema(request["path"]).names
    arrays = [column_of(table[name], type_, name) for name, type_ in zip(names, schema.types)]
    return Decoded(arrays, named_columns(names), ASTROPY_LOSSES)


def not_joined_by_astropy(path):
    """What is missing where astropy joins the rows with the FIELDs, one a line."""
    import warnings

    from astropy.table import Table
    from pyarrow import parquet

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table.read(path, format="parquet.votable")
    file = parquet.ParquetFile(path).metadata
    messages = []
    if len(table) != file.num_rows:
        messages.append(f"{len(table)} rows of {file.num_rows}")
    columns, _, _ = voparquet_document(file.metadata)
    for column in columns:
        unit = table[column["name"]].unit
        if (column["unit"] is None) != (unit is None):
            messages.append(f"{column['name']}: unit {unit}, expected {column['unit']}")
    return messages
