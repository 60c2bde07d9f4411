"""Arrow IPC streams."""

import json

import pyarrow as pa

from .core import COLUMN_KEYS, Decoded, Rejected


def read_arrow_pyarrow(request, schema):
    with pa.OSFile(request["path"]) as source:
        stream = pa.ipc.open_stream(source)
        table = stream.read_all()
        # A stream that is cut between two messages ends without its mark.
        source.seek(source.size() - 8)
        if source.read(8) != b"\xff\xff\xff\xff\0\0\0\0":
            raise Rejected("the stream has no mark of its end")
    table.validate(full=True)
    columns = [column(field) for field in table.schema]
    document = json.loads((table.schema.metadata or {}).get(b"vo:table", b"{}"))
    return Decoded(table.columns, columns, names=table.column_names, table=document)


def column(field):
    """The keys of our own begin with vo:; the values of some are JSON."""
    metadata = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
    ours = {k.removeprefix("vo:"): v for k, v in metadata.items() if k.startswith("vo:")}
    ours |= {k: json.loads(ours[k]) for k in ("links", "values", "width") if k in ours}
    return {key: None for key in COLUMN_KEYS} | ours | {"name": field.name}


def read_arrow_polars(request, schema):
    import polars

    table = polars.read_ipc_stream(request["path"]).to_arrow()
    return Decoded(table.columns, [column(field) for field in table.schema])
