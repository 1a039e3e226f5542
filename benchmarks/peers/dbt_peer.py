"""The job with dbt-duckdb: `python dbt_peer.py RAW_FOLDER FILE.duckdb`. Each table of the baseline's SQL is a model.

Belongs here: a project of dbt, written beside the warehouse. Does not belong here: anything of the product.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

_BASELINE = Path(__file__).parents[1] / "duckdb_baseline.sql"
_MODEL = re.compile(r"CREATE (?:TEMP )?TABLE (\w+) AS\n(.*?);\n", re.DOTALL)


def main() -> None:
    """Write the project and build its models."""
    raw, warehouse = Path(sys.argv[1]), Path(sys.argv[2])
    warehouse.unlink(missing_ok=True)
    project = warehouse.parent / "dbt"
    (project / "models").mkdir(parents=True, exist_ok=True)
    (project / "dbt_project.yml").write_text(
        "name: peer\nprofile: peer\nmodels: {peer: {+materialized: table}}\n"
        "flags: {send_anonymous_usage_stats: false}\n"
    )
    (project / "profiles.yml").write_text(
        f"peer: {{target: dev, outputs: {{dev: {{type: duckdb, path: '{warehouse}', threads: 2}}}}}}\n"
    )
    models = dict(_MODEL.findall(_BASELINE.read_text(encoding="utf-8")))
    for name, query in models.items():
        for other in models:
            query = re.sub(rf"\b(FROM|JOIN) {other}\b", rf"\1 {{{{ ref('{other}') }}}}", query)
        query = query.replace("GETVARIABLE('transactions')", f"['{raw}/transactions.csv']")
        query = re.sub(r"GETVARIABLE\('(\w+)'\)", rf"'{raw}/\1.csv'", query)
        (project / "models" / f"{name}.sql").write_text(query + "\n")
    result = dbtRunner().invoke(["run", "--project-dir", str(project), "--profiles-dir", str(project)])
    if not result.success:
        raise SystemExit(str(result.exception or [node.message for node in result.result]))


if __name__ == "__main__":
    main()
