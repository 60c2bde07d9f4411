"""The rows of the first ids of every group, by a plain loop.

    python sampled.py FOLDER

FOLDER/table.arrow is an Arrow stream with a column row; FOLDER/cases.json is a list of [group, id, n]. Prints, as JSON, a list
of rows for each case.
"""

import json
import math
import pathlib
import sys

import pyarrow as pa


def key(value):
    """A value as a dictionary tells it apart: NaN is NaN, and true is not 1."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN", ""
    return type(value).__name__, value


folder = pathlib.Path(sys.argv[1])
table = pa.ipc.open_stream(str(folder / "table.arrow")).read_all().to_pydict()
answers = []
for group, id_, n in json.loads((folder / "cases.json").read_text()):
    seen = {}
    kept = []
    for row, of_group, of_id in zip(table["row"], table[group], table[id_]):
        ids = seen.setdefault(key(of_group), set())
        if key(of_id) not in ids and len(ids) < n:
            ids.add(key(of_id))
        if key(of_id) in ids:
            kept.append(row)
    answers.append(kept)
print(json.dumps(answers))
