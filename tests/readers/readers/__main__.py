"""Answers requests; see the package."""

import json
import os
import sys

os.environ["RUST_BACKTRACE"] = "0"  # panics of polars are answers here

import pyarrow as pa

from . import filters, footer, libraries, stil
from .core import Rejected, exact_cast, one_line
from .kept_types import not_kept, write_every_type
from .matrix import READERS
from .parquet import not_joined_by_astropy
from .parquet_types import compare
from .validators import astropy_validator, vocabulary, votlint, xml_schema

TASKS = {"dump": libraries.dump, "filters": filters.check}
VALIDATORS = {"votlint": votlint, "validator": astropy_validator, "schema": xml_schema}


def decode(request):
    reader = READERS.get((request["reader"], request["format"]))
    if reader is None:
        raise Rejected(f"no reader {request['reader']} for {request['format']}")
    schema = pa.ipc.open_file(request["schema"]).schema
    decoded = reader(request, schema)
    if len(decoded.arrays) != len(schema):
        raise Rejected(f"{len(decoded.arrays)} columns, expected are {len(schema)}")
    arrays = [exact_cast(a, f.type, f.name) for a, f in zip(decoded.arrays, schema)]
    fields = [pa.field(f.name, f.type, nullable=True) for f in schema]
    batch = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
    with pa.ipc.new_file(request["out"], batch.schema) as writer:
        writer.write_batch(batch)
    status, status_text = decoded.status
    return {
        "ok": True,
        "rows": batch.num_rows,
        "columns": decoded.columns,
        "names": decoded.names or [column["name"] for column in decoded.columns],
        "status": status,
        "status_text": status_text,
        "losses": list(decoded.losses),
        "warnings": list(decoded.notes),
        "table": decoded.table,
    }


def answer(line):
    try:
        request = json.loads(line)
        validate = VALIDATORS.get(request["reader"])
        if validate or request["reader"] == "vocabulary":
            messages = validate(request["path"]) if validate else vocabulary(request["columns"])
            return {"ok": True, "messages": messages}
        if "task" in request:
            return TASKS[request["task"]](request)
        if request["reader"] == "footer":
            return {"ok": True, "footer": footer.figures(request["path"])}
        if request["reader"] == "every_type":
            write_every_type(request["path"])
            return {"ok": True}
        if request["reader"] == "joined_by_astropy":
            return {"ok": True, "messages": not_joined_by_astropy(request["path"])}
        if request["reader"] == "same_by_stil":
            return {"ok": True, "messages": stil.differences(request["path"], request["other"])}
        if request["reader"] == "kept_types":
            return {"ok": True, "messages": not_kept(request["given"], request["path"])}
        if request["format"] == "parquet":
            return compare(request)
        return decode(request)
    except Exception as error:
        return {"ok": False, "error": one_line(error)}
    except BaseException as error:  # panics of polars are no Exception
        if type(error).__name__ != "PanicException":
            raise
        return {"ok": False, "error": one_line(error)}


def serve():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints to standard output must not stand between the answers
    for line in sys.stdin.buffer:
        if line.strip():
            answers.write(json.dumps(answer(line)) + "\n")
            answers.flush()


if __name__ == "__main__":
    serve()
