"""Put the records of studies that were run into ``studies/records``, without their curves.

``python -m studies.keep OUT --data FOLDER``: for each plan with records here, those in ``OUT/NAME``
take their place, in the order of the plan. Records that the plan does not ask for any more are left
out, and of a row that was run again the last one is kept. Then ``python -m studies.pages PRINTED``
renews the pages.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from oddspec.io.atomic import write_text
from oddspec.study import Study, read_plan, read_records
from oddspec.study.record import with_origins
from oddspec.study.records_store import key_of

PLANS = Path(__file__).resolve().parent


def keep(plan: Path, out: Path, data: Path) -> str:
    """Keep what ``out`` holds of the plan, and say what that is."""
    asked = {row.key: with_origins(row) for row in Study(read_plan(plan, data)).rows}
    records = {key_of(record): record for record in read_records(out)}
    # Where settings come from is the plan's word, also for what was run before it said so.
    kept = [
        {name: value for name, value in records[key].items() if name not in ("curves", "origins")}
        | origins
        for key, origins in asked.items()
        if key in records
    ]
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept)
    write_text(PLANS / "records" / plan.stem / "records.jsonl", lines)
    return f"{plan.stem}: {len(kept)} of {len(asked)} rows, {len(records) - len(kept)} left out"


def main(words: Sequence[str] | None = None) -> None:
    """Keep the records of every plan."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="folder that holds a folder for each plan")
    parser.add_argument("--data", type=Path, required=True, help="folder of public scenes")
    chosen = parser.parse_args(words)
    for folder in sorted((PLANS / "records").iterdir()):
        if (chosen.out / folder.name / "records.jsonl").is_file():
            plan = PLANS / f"{folder.name}.toml"
            print(keep(plan, chosen.out / folder.name, chosen.data))


if __name__ == "__main__":
    main()
