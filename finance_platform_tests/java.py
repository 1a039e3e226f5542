"""Whether this machine can run the local JVM engine.

Belongs here: finding Java and its version. Does not belong here: starting Spark.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_JAVA = 17


def why_no_java() -> str:
    """Return why the JVM engine cannot run here, or nothing."""
    at_home = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else None
    java = str(at_home) if at_home and at_home.exists() else shutil.which("java")
    if not java:
        return "the local JVM engine needs Java, and neither JAVA_HOME nor PATH has one"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', said.stderr + said.stdout)
    if not found or int(found[1]) < OLDEST_JAVA:
        return f"the local JVM engine needs Java {OLDEST_JAVA} or later; {java} says {said.stderr.splitlines()[:1]}"
    return ""
