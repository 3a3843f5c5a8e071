#!/usr/bin/env python3
"""Pictures of what was measured: figures.json's points by gnuplot, an SVG each. Bars are the middle half of the rounds.

    plot.py FOLDER    where figures.json and machine.json are; the pictures and what they are made of go there, too
"""
import json
import pathlib
import shutil
import subprocess
import sys

# kind: lines (x, y with bars), steps (the same, x not on a log axis), bars (one box a series), tail (the share of
# packets, x of the point, that took longer than y)
PLOTS = {
    "flows": ("Cycles a packet, by number of flows drawn at random (64-byte UDP)", "flows", "cycles of the TSC a packet", "log"),
    "rules": ("Cycles that the gateway adds to a packet, by number of rules (10,000 flows)", "rules", "cycles of the TSC a packet", "log"),
    "endpoints": ("Cycles a packet, by number of endpoints (10,000 flows)", "endpoints", "cycles of the TSC a packet", "log"),
    "size": ("Cycles a packet, by its size (10,000 flows)", "bytes of a frame", "cycles of the TSC a packet", "lines"),
    "lookup": ("A flow's look-up, by number of flows", "flows", "cycles of the TSC a key, bursts of 32", "log"),
    "segments": ("Bytes looked into by one core, by segment size (1,000 patterns)", "bytes of a segment", "Gbit/s", "lines"),
    "connections": ("TCP connections a second and core, 10,000 rules", "", "connections a second", "bars"),
    "scaling": ("Packets a second, by number of workers (10,000 flows each)", "workers", "million packets a second", "lines"),
    "swap": ("How long packets wait while 100,000 rules take the place of 100,000, 90 % load", "microseconds",
             "share of packets that wait longer", "tail"),
    "latency": ("One way over memif at half load", "microseconds", "share of packets that take longer", "tail"),
    "rivals": ("Packets a second, one core, 64-byte UDP, 10,000 flows, the same memif ports", "", "million packets a second", "bars"),
}
COLOURS = ["#1b6ca8", "#c8553d", "#3c8c5a", "#7d5ba6", "#c99a2e", "#5a6770"]


def text(s):
    return '"' + s.replace("\\", "\\\\").replace('"', "'") + '"'


def series_of(points):
    out = {}
    for p in points:
        out.setdefault(p["series"], {})[p["x"]] = p
    return out


def write_data(path, series):
    """A block a series: x, median, p25, p75."""
    with open(path, "w") as f:
        for name, points in series.items():
            f.write(f"# {name}\n")
            for x in sorted(points):
                p = points[x]
                f.write(f"{x:.9g} {p['measured']:.9g} {p['spread']['p25']:.9g} {p['spread']['p75']:.9g}\n")
            f.write("\n\n")


def script(name, series, data, out, under):
    title, xlabel, ylabel, kind = PLOTS[name]
    lines = ["set terminal svg size 860,500 dynamic background rgb 'white' font 'DejaVu Sans,13'", f"set output {text(str(out))}",
             f"set title {text(title + chr(92) + 'n' + under)} noenhanced".replace("\\\\n", "\\n"), f"set ylabel {text(ylabel)}", "set grid ytics lc rgb '#dddddd'",
             "set border 3", "set tics nomirror", "set key outside bottom center horizontal noenhanced", "set style fill solid 0.85",
             "set bars 0.6", "set pointintervalbox 0"]
    if xlabel:
        lines.append(f"set xlabel {text(xlabel)}")
    if kind == "tail":
        lines += ["set logscale xy", "set grid xtics", "set format y '10^{%L}'", "set yrange [1e-5:1]"]
    elif kind == "log":
        lines += ["set logscale x", "set format x \"%'.0f\"", "set yrange [0:*]", "set offsets graph 0.03, graph 0.03, graph 0.1, 0"]
    else:
        lines += ["set yrange [0:*]", "set offsets graph 0.03, graph 0.03, graph 0.1, 0"]
    if ylabel.startswith("connections"):
        lines.append("set format y \"%'.0f\"")
    parts = []
    for i, s in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        where, what = f"{text(str(data))} index {i}", f"title {text(s)}"
        if kind == "tail":
            parts.append(f"{where} using 2:1 with lines lw 2 lc rgb '{colour}' {what}")
        elif kind == "bars":
            parts.append(f"{where} using ({i}):2 with boxes lc rgb '{colour}' {what}")
            parts.append(f"{where} using ({i}):2:3:4 with yerrorbars lc rgb 'black' pt 0 ps 0 notitle")
        else:
            parts.append(f"{where} using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.6 lc rgb '{colour}' {what}")
    if kind == "bars":
        lines += ["set boxwidth 0.7", "unset xtics", f"set xrange [-0.6:{len(series) - 0.4}]", "unset offsets",
                  "set key maxrows 3"]
    elif kind == "lines" and name == "scaling":
        lines.append("set xtics 1")
    return "\n".join(lines) + "\nplot " + ", \\\n  ".join(parts) + "\n"


def main():
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    figures = json.loads((folder / "figures.json").read_text())
    head = json.loads((folder / "machine.json").read_text())
    under = f"{head['cpu']}, {head['cores']} CPUs; {head['versions']['bulkhead']}"
    if not shutil.which("gnuplot"):
        print("plot: gnuplot is not there (apt install gnuplot-nox): no pictures")
        return
    made = []
    for name in PLOTS:
        points = [p for p in figures if p.get("plot") == name]
        if not points:
            continue
        series = series_of(points)
        data, gp, out = (folder / f"{name}.{x}" for x in ("dat", "gp", "svg"))
        write_data(data, series)
        gp.write_text(script(name, series, data, out, under))
        done = subprocess.run(["gnuplot", str(gp)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0 or done.stderr.strip():
            raise SystemExit(f"plot: {name}: {done.stderr.strip()}")
        made.append(out.name)
    print(f"pictures in {folder}: {', '.join(made)}")


if __name__ == "__main__":
    main()
