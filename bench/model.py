#!/usr/bin/env python3
"""The model of docs/performance.md with the constants of the last run: Gbit/s = cores x f / (c_packet / size + c_byte) x 8.

    model.py FOLDER [GHZ [CORES]]    where figures.json is; 3.0 GHz and 16 cores

c_packet and c_byte are a straight line through cycles by size: of forwarding from bench_pipeline (its ports cost next to
nothing: a card's driver comes on top, 30 to 60 cycles a packet), of looking into bytes from bench_sensor. The range is that
of the line through the rounds' quartiles.
"""
import json
import pathlib
import sys

SIZES = (("64", 64), ("IMIX", 361.8), ("1,518", 1518))


def line(points):
    """Cycles at no bytes, cycles a byte: least squares."""
    n = len(points)
    mx, my = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    slope = sum((x - mx) * (y - my) for x, y in points) / sum((x - mx) ** 2 for x, _ in points)
    slope = max(slope, 0.0)
    return max(my - slope * mx, 0.0), slope


def fits(points, cycles):
    """The median's line, then those of the quartiles."""
    return [line([(p["x"], cycles(p["measured"] if q is None else p["spread"][q])) for p in points]) for q in (None, "p25", "p75")]


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    ghz, cores = float((sys.argv + ["3.0"])[2]) if len(sys.argv) > 2 else 3.0, int(sys.argv[3]) if len(sys.argv) > 3 else 16
    figures = json.loads((folder / "figures.json").read_text())
    tsc = float(json.loads((folder / "machine.json").read_text())["mhz"]) * 1e6

    def of(plot, series):
        return [p for p in figures if p.get("plot") == plot and p["series"] == series]

    forward, look = of("size", "gateway"), of("segments", "Bulkhead")
    if len(forward) < 2 or len(look) < 2:
        print("model: bench_pipeline and bench_sensor have not both run: no constants")
        return
    f = fits(forward, lambda c: c)
    # Gbit/s of segments of x bytes to cycles a segment.
    s = [line([(p["x"], p["x"] * 8 * tsc / (v(p) * 1e9)) for p in look])
         for v in (lambda p: p["measured"], lambda p: p["spread"]["p75"], lambda p: p["spread"]["p25"])]
    both = [(a[0] + b[0], a[1] + b[1]) for a, b in zip(f, s)]
    print(f"\nmodel: Gbit/s = cores x f / (c_packet / size + c_byte) x 8, for {cores} cores of {ghz:g} GHz")
    for what, fit in (("forwarded", f), ("and looked into", both)):
        low, high = sorted(x[0] for x in fit), sorted(x[1] for x in fit)
        print(f"  {what:<16} c_packet {fit[0][0]:.0f} [{low[0]:.0f}..{low[-1]:.0f}] cycles, c_byte {fit[0][1]:.3f} "
              f"[{high[0]:.3f}..{high[-1]:.3f}] cycles: " +
              ", ".join(f"{name} bytes {cores * ghz / (fit[0][0] / size + fit[0][1]) * 8:.0f} Gbit/s" for name, size in SIZES))


if __name__ == "__main__":
    main()
