"""Everything that proves the project, one step after the other, with one summary at the end.

With CI=true a skipped test fails the run: in CI nothing may stay unproved.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = pathlib.Path(PYTHON).parent
PYTEST = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
STRICT = ["-q", "-W", "-n", "--keep-going"]
REHEARSE, COLAB = [PYTHON, str(ROOT / "tools" / "rehearse.py")], "colab"  # its environment, in the folder of reports
SITE = "the site, warnings as errors"
PARALLEL = ["-n", "2", "--dist", "loadfile"]
SHARED = ["-n", "2", "--dist", "worksteal"]  # where one file holds much of the work, both processes take from it


def steps(folder: pathlib.Path) -> list[tuple[str, list, pathlib.Path | None]]:
    """Name, command, and where the command leaves its counts."""

    def pytest(name, *arguments):
        report = folder / f"{name.split()[0]}.xml"
        return name, [*PYTEST, *arguments, f"--junitxml={report}"], report

    rehearsal = folder / "rehearsal.json"
    return [
        ("ruff", [BIN / "ruff", "check", "."], None),
        ("ruff format", [BIN / "ruff", "format", "--check", "."], None),
        pytest("tests of lossutils and the tools", "tests", "--ignore=tests/site", *SHARED),
        pytest(
            "notebooks by nbval", "--nbval", "--nbval-cell-timeout=120", "--nbval-kernel-startup-timeout=120",
            "chapters", *PARALLEL,
        ),
        (SITE, [BIN / "jupyter-book", "build", "--all", *STRICT, "."], None),
        pytest("browser and links", "tests/site", *SHARED, "-rs"),
        ("rehearsal of Colab", [*REHEARSE, f"--json={rehearsal}", f"--environment={folder / COLAB}"], rehearsal),
    ]  # fmt: skip


def counts(report: pathlib.Path | None, code: int) -> tuple[int, int, int]:
    """Passed, failed and skipped of a step; a step without a report counts as one."""
    if report is None or not report.exists():
        return (1, 0, 0) if code == 0 else (0, 1, 0)
    if report.suffix == ".json":
        found = json.loads(report.read_text())
        return found["passed"], found["failed"], found["skipped"]
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    total, failed, skipped = 0, 0, 0
    for suite in suites:
        total += int(suite.get("tests"))
        failed += int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
    return total - failed - skipped, max(failed, int(code != 0)), skipped


def measured(report: pathlib.Path) -> list[dict[str, str]]:
    """What the browser's tests measured of each page."""
    cases = ElementTree.parse(report).getroot().iter("testcase")
    records = [{p.get("name"): p.get("value") for p in case.iter("property")} for case in cases]
    return [record for record in records if "paint" in record]


def print_pages(records: list[dict[str, str]]) -> None:
    """The extremes of the pages' weight, largest contentful paint and layout shift."""
    print(f"\n{len(records)} pages in Chromium, the worst of each:")
    for name, what, show in (
        ("decoded", "decoded", lambda v: f"{v / 1e6:.2f} MB"),
        ("gzipped", "gzipped", lambda v: f"{v / 1e3:.0f} kB"),
        ("paint", "largest contentful paint", lambda v: f"{v:.0f} ms"),
        ("shift", "layout shift", lambda v: f"{v:.3f}"),
    ):
        worst = sorted(records, key=lambda record: float(record[name]))[-3:][::-1]
        print(f"  {what:25} " + ", ".join(f"{show(float(r[name]))} ({r['page']})" for r in worst))


def main() -> int:
    # One thread a process: two run at a time, and sums are added in the order in which the outputs were made.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    rows, start = [], time.monotonic()
    shutil.rmtree(ROOT / "_build" / "html", ignore_errors=True)  # no page of an earlier build is proved
    with tempfile.TemporaryDirectory() as scratch:
        everything = steps(pathlib.Path(scratch))
        for number, (name, command, report) in enumerate(everything, 1):
            print(f"\n[{number}/{len(everything)}] {name}", flush=True)
            began, colab = time.monotonic(), pathlib.Path(scratch) / COLAB
            beside = None
            if name == SITE:  # one process, as pip is: the rehearsal's environment is made beside it
                beside = subprocess.Popen([*REHEARSE, f"--prepare={colab}"], cwd=ROOT, env=environment)
            code = subprocess.run([str(part) for part in command], cwd=ROOT, env=environment).returncode
            if beside and beside.wait():
                shutil.rmtree(colab, ignore_errors=True)  # the rehearsal tries again, and counts the failure
            rows.append((name, code, *counts(report, code), time.monotonic() - began))
            if report and report.name == "browser.xml" and report.exists() and (pages := measured(report)):
                print_pages(pages)
    print(f"\n{'step':36}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, _, passed, failed, skipped, seconds in rows:
        print(f"{name:36}{passed:8}{failed:8}{skipped:9}{seconds:9.0f}")
    passed, failed, skipped = (sum(row[k] for row in rows) for k in (2, 3, 4))
    print(f"{'all':36}{passed:8}{failed:8}{skipped:9}{time.monotonic() - start:9.0f}")
    if skipped and os.environ.get("CI") == "true":
        print(f"In CI nothing may skip, but {skipped} did.")
        failed += skipped
        skipped = 0
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or any(row[1] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
