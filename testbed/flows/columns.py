"""The columns of the tables of a flow study: results, changes of capacity or load, time series."""

from testbed.columns import ERROR, POINT, REALIZATION, Column

FLOW = Column("flow", "", "Flow", "name of the flow or of the source of cross traffic", dtype="")

IDENTITY = (POINT, REALIZATION, FLOW)
"""The columns that identify a flow. The swept parameters follow them."""

MEASURED = (
    Column("direction", "", "Direction", "`forward` or `backward`", dtype=""),
    Column("kind", "", "Kind", "kind of media, or model of the cross traffic", dtype=""),
    Column("active_s", "s", "Active time", "time in which the flow sends", decimals=1, dtype=""),
    Column("sent_kbps", "kb/s", "Sent bitrate", "mean bitrate sent while active", decimals=0, short="Sent"),
    Column(
        "received_kbps",
        "kb/s",
        "Received bitrate",
        "mean bitrate received while active",
        decimals=0,
        short="Rate",
    ),
    Column(
        "utilisation",
        "share",
        "Utilisation by the flow",
        "received bitrate as a share of the capacity while the flow sends",
    ),
    Column(
        "link_utilisation",
        "share",
        "Utilisation of the link",
        "bitrate received by all flows of the direction, without feedback, as a share of the capacity over "
        "the whole run",
        short="Of the capacity",
    ),
    Column(
        "usable_utilisation",
        "share",
        "Utilisation of the usable capacity",
        "the same, as a share of the capacity that the sources could have used",
        short="Of the usable capacity",
    ),
    Column(
        "queue_p50_ms",
        "ms",
        "Time in queues, median",
        "waiting time in links, median",
        decimals=0,
        short="Queue p50",
    ),
    Column(
        "queue_p95_ms",
        "ms",
        "Time in queues, 95th percentile",
        "the same, 95th percentile",
        decimals=0,
        short="Queue p95",
    ),
    Column("queue_max_ms", "ms", "Time in queues, maximum", "the same, maximum", decimals=0),
    Column("delay_p50_ms", "ms", "Delay, median", "delay from sending to arrival, median", decimals=0),
    Column("delay_p95_ms", "ms", "Delay, 95th percentile", "the same, 95th percentile", decimals=0),
    Column("packets_sent", "packets", "Packets sent", "number of packets sent", decimals=0, dtype=""),
    Column(
        "packets_arrived",
        "packets",
        "Packets arrived",
        "number of packets that arrived",
        decimals=0,
        dtype="",
    ),
    Column(
        "loss", "share", "Packets lost", "share of the packets that did not arrive", decimals=4, short="Loss"
    ),
    Column("changes", "", "Changes", "number of changes while the flow sends", decimals=0, dtype=""),
    Column(
        "converged",
        "",
        "Changes with convergence",
        "number of changes after which the flow converged",
        decimals=0,
        dtype="",
    ),
    Column(
        "convergence_s",
        "s",
        "Convergence time",
        "convergence time, mean over these changes",
        decimals=1,
        short="Convergence",
    ),
    Column(
        "oscillation",
        "",
        "Oscillation",
        "coefficient of variation of the received bitrate in whole seconds, mean over the second halves of "
        "the periods",
        decimals=3,
    ),
    Column(
        "fairness",
        "",
        "Fairness",
        "Jain's index of the flows that follow a controller, while all of them send",
        decimals=3,
    ),
    Column(
        "feedback_kbps",
        "kb/s",
        "Feedback bitrate",
        "bitrate of the feedback to the flow",
        decimals=1,
        short="Feedback",
    ),
    Column("feedback_loss", "share", "Feedback lost", "share of the reports that did not arrive", decimals=3),
)
"""The measurements of a flow; NaN where cross traffic has none."""

COLUMNS = (
    *IDENTITY,
    *MEASURED,
    Column("seconds_simulate", "s", "Time to simulate", "processor time of the whole run"),
    ERROR,
)
"""All columns of the results, in the table's order, without swept parameters."""

CHANGES = (
    FLOW,
    Column("start_s", "s", "Start", "start of the period", decimals=1),
    Column("stop_s", "s", "End", "end of the period", decimals=1),
    Column("capacity_kbps", "kb/s", "Capacity", "capacity of the direction", decimals=0),
    Column("fair_kbps", "kb/s", "Fair share", "fair share of the flow", decimals=0),
    Column("received_kbps", "kb/s", "Received bitrate", "mean bitrate received", decimals=0),
    Column(
        "convergence_s",
        "s",
        "Convergence time",
        "time until the flow converged to its fair share; NaN if it did not",
        decimals=1,
    ),
)
"""The columns of a change, after point, realization and swept parameters."""

TRAJECTORY = (
    Column("time_s", "s", "Time", "start of the bin", decimals=1),
    Column("capacity_kbps", "kb/s", "Capacity", "capacity of the direction", decimals=0),
    Column(
        "target_kbps", "kb/s", "Target bitrate", "mean target; NaN while the flow sends nothing", decimals=0
    ),
    Column("sent_kbps", "kb/s", "Sent bitrate", "bitrate sent", decimals=0),
    Column("received_kbps", "kb/s", "Received bitrate", "bitrate received", decimals=0),
    Column(
        "queue_ms",
        "ms",
        "Time in queues",
        "mean waiting time in links of the packets that arrived in the bin; NaN if none did",
        decimals=0,
    ),
    Column(
        "loss",
        "share",
        "Packets lost",
        "share of the packets sent in the bin that did not arrive; NaN if none was sent",
        decimals=3,
    ),
)
"""The columns of the time series, in bins of 100 ms, after those of `IDENTITY`."""
