"""Every benchmark, one JSON line a case: `python -m benchmarks`."""

from . import w1, w3

for engine in ("inline", "ray"):
    for kilobytes in ("0", "14"):
        w1.main(["--engine", engine, "--prompt-kb", kilobytes])
w3.main([])
