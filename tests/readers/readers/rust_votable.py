"""The Rust crate `votable`, by way of its program `vot`: VOTable to JSON, which is read here."""

import json
import os
import subprocess
import sys

import pyarrow as pa

from .core import Decoded, Rejected, flattened, is_list, named_columns

SECONDS = 60

# JSON has no NaN and no infinity.
LOSSES = [
    "text-is-trimmed",
    "infinity-is-null",
    "nan-is-null",
    "nan-element-is-null",
    "null-is-empty-string",
    "empty-string-is-null",
    "empty-list-is-null",
    "list-of-nulls-is-null",
]


def read_votable_vot(request, schema):
    program = os.path.join(os.path.dirname(sys.executable), "vot")
    done = subprocess.run(
        [program, "convert", "-i", request["path"], "-t", "xml", "-f", "json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        raise Rejected(f"vot: exit {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    resource = json.loads(done.stdout)["votable"]["resources"][0]
    tables = [e.get("resource_or_table", {}) for e in resource["sub_elems"]]
    table = next(t for t in tables if t.get("elem_type") == "Table")
    names = [e["name"] for e in table["elems"] if e.get("elem_type") == "Field"]
    data = table["data"]
    rows = data["stream"]["rows"] if "stream" in data else data["rows"]
    if any(len(row) != len(schema) for row in rows):
        raise Rejected(f"a row has another number of cells than {len(schema)}")
    arrays = [column([row[index] for row in rows], type_) for index, type_ in enumerate(schema.types)]
    return Decoded(arrays, named_columns(names), LOSSES)


def column(cells, type_):
    if is_list(type_):
        cells = [None if cell is None else flattened(cell) for cell in cells]
    return pa.array(cells, type_)
