"""``python -m bench [NAME...]``: measure, print the tables, and keep them in bench/RESULTS.md.

Without a name everything is measured (about five minutes on two quiet cores) and written. With names only these are
measured, and written with ``--write``. A figure over its target is shown as such; the exit code is 1 only where a
bench itself broke.
"""

import argparse
import os
import sys
import time
import traceback

os.environ.setdefault("ONEEDGE_TEST_PREFIX", f"oneedge-test-bench-{os.getpid()}-")
if "ONEEDGE_TEST_IMAGE" not in os.environ:
    from launcher.image import version

    os.environ["ONEEDGE_TEST_IMAGE"] = f"oneedge:{version()}"

# Only now: these read the environment above once.
from bench import boot, health, image, memory, onecfg, onedb, pools, report, server, throughput
from bench.figures import Bench, Figure
from tests.support.engine import ENGINE, IMAGE, status

BENCHES = (
    boot.BOOT,
    boot.BOOTSTRAP,
    health.PROBE,
    server.ONED,
    throughput.THROUGHPUT,
    pools.POOLS,
    memory.MEMORY,
    image.SIZE,
    image.REBUILD,
    onecfg.ONECFG_BENCH,
    onedb.ONEDB_BENCH,
)


def run(bench: Bench) -> tuple[list[Figure], str]:
    """Measure one bench: its figures, and its part of RESULTS.md."""
    sys.stdout.write(f"\n=== {bench.name} ===\n")
    sys.stdout.flush()
    before, began = report.Noise.now(), time.monotonic()
    figures = bench.measure()
    seconds = time.monotonic() - began
    text = report.section(bench, figures, before, report.Noise.now(), seconds)
    sys.stdout.write(text.partition("\n\n")[2])
    return figures, text


def main() -> int:
    """Measure what is asked for; 1 where a bench broke, 69 where the image is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = {bench.name: bench for bench in BENCHES}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument(
        "--write", action="store_true", help="write bench/RESULTS.md also where only a part is asked"
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"there is no bench {', '.join(unknown)}; there are {', '.join(names)}")
    chosen = [names[name] for name in dict.fromkeys(options.names)] or BENCHES
    if any(bench.image for bench in chosen) and status(["image", "inspect", IMAGE])[0]:
        sys.stderr.write(f"ERROR: {ENGINE} has no image {IMAGE}.\n       `make bench` builds it first.\n")
        return os.EX_UNAVAILABLE
    sections, missed, broken = {}, [], []
    for bench in chosen:
        try:
            figures, sections[bench.name] = run(bench)
        except Exception:  # noqa: BLE001 - one broken bench leaves the figures of the others
            traceback.print_exc()
            broken.append(bench.name)
        else:
            missed += [f"{bench.name}: {figure.what}" for figure in figures if figure.over]
    if options.write or not options.names:
        report.write(sections)
        sys.stdout.write(f"\nWritten to {report.RESULTS}\n")
    sys.stdout.write("\nOver the target: " + ("; ".join(missed) or "nothing") + "\n")
    if broken:
        sys.stderr.write(f"Broken: {', '.join(broken)}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
