"""Every benchmark, one JSON line a case: `python -m benchmarks`."""

from . import w1, w2, w3, w4, w6

for engine in ("inline", "ray"):
    for kilobytes in ("0", "14"):
        w1.main(["--engine", engine, "--prompt-kb", kilobytes])
    w1.main(["--engine", engine, "--concurrency", "1", "--sessions", "50"])
    w2.main(["--engine", engine])
    w2.main(["--engine", engine, "--sessions", "5000", "--repetitions", "1"])
    w6.main(["--engine", engine])
w4.main([])
w3.main([])
