"""Detects whether this machine can run the local JVM engine.

Belongs here: finding Java and its version. Does not belong here: starting Spark.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

OLDEST_JAVA = 17


def reason_without_java() -> str:
    """Return why the JVM engine cannot run on this machine; empty if it can."""
    of_java_home = Path(os.environ["JAVA_HOME"]) / "bin" / "java" if os.environ.get("JAVA_HOME") else None
    java = str(of_java_home) if of_java_home and of_java_home.exists() else shutil.which("java")
    if not java:
        return "the local JVM engine needs Java, and neither JAVA_HOME nor PATH has it"
    version = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    major = re.search(r'version "(\d+)', version.stderr + version.stdout)
    if not major or int(major[1]) < OLDEST_JAVA:
        return f"the local JVM engine needs Java {OLDEST_JAVA} or later; {java} is {version.stderr.splitlines()[:1]}"
    return ""
