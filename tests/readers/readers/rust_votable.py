"""The Rust crate `votable`, by way of its program `vot`: VOTable to CSV, which is read here."""

import csv
import io
import os
import subprocess
import sys

import pyarrow as pa

from .core import Decoded, Rejected, fields_of, named_columns
from .plain_text import from_text

SECONDS = 60


def read_votable_vot(request, schema):
    program = os.path.join(os.path.dirname(sys.executable), "vot")
    done = subprocess.run(
        [program, "sconvert", "-i", request["path"], "-f", "csv"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
    )
    if done.returncode != 0:
        raise Rejected(f"vot: exit {done.returncode}: {done.stderr.decode('utf-8', 'replace')}")
    rows = list(csv.reader(io.StringIO(done.stdout.decode("utf-8"), newline=""), strict=True))
    names, rows = rows[0], rows[1:]
    if any(len(row) != len(schema) for row in rows):
        raise Rejected(f"a row has another number of cells than {len(schema)}")
    fields = fields_of(request, schema)
    arrays = [
        from_text([row[index] or None for row in rows], field, type_, name)
        for index, (field, type_, name) in enumerate(zip(fields, schema.types, schema.names))
    ]
    return Decoded(arrays, named_columns(names), ["empty-string-is-null", "null-is-nan"])
