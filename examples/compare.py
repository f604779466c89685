"""Compare three ways of repairing loss on one network, with the Python interface.

Run it with `python examples/compare.py`: it takes a few seconds, prints the answer, and leaves the run, its
report and a figure in `results/compare`.
"""

import testbed

SCENARIO = {
    "name": "compare",
    "about": "Which repair survives bursts of lost packets?",
    "speech": {"corpus": "asterisk", "clips": 8},
    "codec": {"bitrate_kbps": 24, "complexity": 0},
    "schemes": [
        "plc",
        {"red": {"copies": 1}},
        {"dred": {"depth_ms": 200, "bitrate_kbps": 18}},
    ],
    "channel": [
        {"loss": {"model": "gilbert_elliott", "rate": 0.2, "mean_burst_packets": 3}},
        {"delay": {"constant_ms": 40}},
    ],
    "playout": {"policy": "fixed", "buffer_ms": 120},
    "metrics": ["estoi"],
}


def main() -> None:
    """Run the scenario and look at it from all sides."""
    run = testbed.run(SCENARIO, overrides={"seed": 7})
    print(run.answer())

    summary = run.summary().set_index("scheme")
    print(summary[["estoi", "estoi_gain", "wire_kbps"]].round(3))

    worst = run.rows(scheme="classic PLC", worst=True).index[0]
    call = run.call(worst)
    lost = call.timeline["dropped_by"] != ""
    print(f"the worst call of classic PLC: {call}, {lost.sum()} of {len(lost)} packets lost")

    run.plot("wire_kbps", "estoi").savefig(run.folder / "cost.png")
    print(run.report())


if __name__ == "__main__":
    main()
