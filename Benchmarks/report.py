#!/usr/bin/env python3
"""Turns the samples of a benchmark run into the guide's table, a JSON file and a picture.

report.py SAMPLES.jsonl [--json FILE] [--svg FILE]
"""

import argparse
import collections
import json
import os
import platform
import statistics


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples")
    parser.add_argument("--json")
    parser.add_argument("--svg")
    arguments = parser.parse_args()
    with open(arguments.samples) as lines:
        results = summarise([json.loads(line) for line in lines])
    document = {"machine": machine(), "results": results}
    print_tables(document)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(document, file, indent=1)
            file.write("\n")
    if arguments.svg:
        draw(document, arguments.svg)


def machine():
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"cpus": os.cpu_count(), "model": model, "kernel": platform.release(), "caches": "warm"}


def summarise(samples):
    """The median of each group of samples; the ratio is that of the medians."""
    groups = collections.defaultdict(list)
    for sample in samples:
        groups[sample["suite"], sample["name"], sample["fileSystem"], sample["files"]].append(sample)
    results = []
    for (suite, name, file_system, files), group in groups.items():
        result = {
            "suite": suite, "name": name, "fileSystem": file_system, "files": files, "samples": len(group),
            "seconds": statistics.median(sample["seconds"] for sample in group),
        }
        if all("floorSeconds" in sample for sample in group):
            result["floorSeconds"] = statistics.median(sample["floorSeconds"] for sample in group)
            result["floorRatio"] = round(result["seconds"] / result["floorSeconds"], 3)
        if all("pairSeconds" in sample for sample in group):
            result["pairSeconds"] = statistics.median(sample["pairSeconds"] for sample in group)
            result["pairRatio"] = round(result["seconds"] / result["pairSeconds"], 3)
        if all("estimateSeconds" in sample for sample in group):
            result["estimateSeconds"] = group[0]["estimateSeconds"]
        if all("peakKiB" in sample for sample in group):
            result["peakKiB"] = max(sample["peakKiB"] for sample in group)
        results.append(result)
    return results


def of(document, suite):
    return [result for result in document["results"] if result["suite"] == suite]


def print_tables(document):
    machine = document["machine"]
    print(f"{machine['cpus']} x {machine['model']}, kernel {machine['kernel']}, {machine['caches']} caches\n")
    if of(document, "Guide"):
        print("| files | mode | guide's estimate | measured | files/s | x floor | x two threads of C | peak RSS |")
        print("|---|---|---|---|---|---|---|---|")
        for row in sorted(of(document, "Guide"), key=lambda row: (row["files"], row["name"])):
            pair = f"{row['pairRatio']:.2f}" if "pairRatio" in row else ""
            print(f"| {row['files']:,} | {row['name']} | {row['estimateSeconds']:.0f} s | {row['seconds']:.2f} s "
                  f"| {row['files'] / row['seconds']:,.0f} | {row['floorRatio']:.2f} | {pair} | {row['peakKiB']:,} KiB |")
        print()
    if of(document, "Engines"):
        print("| file system | files | floor | engine | measured | x floor |")
        print("|---|---|---|---|---|---|")
        for row in of(document, "Engines"):
            print(f"| {row['fileSystem']} | {row['files']:,} | {row['floorSeconds']:.3f} s | {row['name']} "
                  f"| {row['seconds']:.3f} s | {row['floorRatio']:.2f} |")
        print()
    if of(document, "Peers"):
        print("| what a user would otherwise write | files | measured | x hotcold |")
        print("|---|---|---|---|")
        own = next(row["seconds"] for row in of(document, "Peers") if row["name"] == "hotcold")
        for row in sorted(of(document, "Peers"), key=lambda row: row["seconds"]):
            print(f"| {row['name']} | {row['files']:,} | {row['seconds']:.2f} s | {row['seconds'] / own:.1f} |")
        print()


def draw(document, path):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plot

    # The same input gives the same file.
    matplotlib.rcParams["svg.hashsalt"] = "hotcold"
    figure, axes = plot.subplots(figsize=(8, 5.5))
    executions = sorted((row for row in of(document, "Guide") if row["name"] == "execute"),
                        key=lambda row: row["files"])
    dry_runs = sorted((row for row in of(document, "Guide") if row["name"] == "dry run"),
                      key=lambda row: row["files"])

    def line(rows, key, style, label):
        axes.plot([row["files"] for row in rows], [row[key] for row in rows], style, label=label)

    line(executions, "estimateSeconds", "s--", "guide's estimate, execute")
    line(dry_runs, "estimateSeconds", "s:", "guide's estimate, dry run")
    for row in sorted(of(document, "Peers"), key=lambda row: -row["seconds"]):
        if row["name"] != "hotcold" and not row["name"].startswith("two threads"):
            axes.plot([row["files"]], [row["seconds"]], "x", markersize=9, label=row["name"])
    line(executions, "seconds", "o-", "hotcold, execute")
    line(executions, "pairSeconds", "-", "two threads of C")
    line(executions, "floorSeconds", "k-", "floor: renameat2 alone")
    line(dry_runs, "seconds", "o-.", "hotcold, dry run")
    axes.set(xscale="log", yscale="log", xlabel="files", ylabel="seconds",
             title=f"Time against files, tmpfs, kernel {document['machine']['kernel']}")
    axes.set_xticks([row["files"] for row in executions], [f"{row['files'] // 1000}k" for row in executions])
    axes.minorticks_off()
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


main()
