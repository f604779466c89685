"""The command `live`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.terminal import say, tell

app = typer.Typer()


@app.command(
    epilog="Example: testbed live channel.yaml --to 127.0.0.1:6004 --record call1\n\n"
    "Example: testbed live quickstart --both-ways --ice --set channel.loss.rate=0.1",
)
def live(
    channel: Annotated[
        str,
        typer.Argument(
            metavar="CHANNEL",
            help="A YAML file with `channel:` alone, a scenario, or the name of a packaged one.",
        ),
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the caller sends to.")
    ] = "127.0.0.1:5004",
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The callee; default: who sends to --back first."),
    ] = None,
    back: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the callee sends to; default: a free port."),
    ] = None,
    both_ways: Annotated[
        bool,
        typer.Option(
            "--both-ways", help="The callee's packets meet stages, too: `reverse:`, or else `channel:`."
        ),
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="RTCP, STUN and DTLS meet the stages, too; default: RTP alone.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record log, capture and arrivals in a new folder.")
    ] = None,
    record_mb: Annotated[
        int, typer.Option(metavar="MB", min=1, max=10**6, help="Largest size of the recording.")
    ] = 1000,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="S", min=0.001, max=1e7, help="End after this time; default: at Ctrl-C."),
    ] = None,
    ice: Annotated[
        bool,
        typer.Option("--ice", help="Serve an HTTP helper that puts the relay into SDP and ICE candidates."),
    ] = False,
    ice_at: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the helper of --ice listens.")
    ] = "127.0.0.1:5080",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one value by its dotted key. Repeatable."),
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow addresses other than loopback.")
    ] = False,
) -> None:
    """Relay a real call between two UDP clients through a channel, in real time."""
    import gc
    from contextlib import ExitStack

    from testbed.live.addresses import read_address, read_callee, shown
    from testbed.live.display import displaying, summary
    from testbed.live.ice_helper import ice_helper
    from testbed.live.network import load_network
    from testbed.live.relay import Relay
    from testbed.signals import ending_by
    from testbed.words import counted

    network = load_network(channel, both_ways, set_ or ())
    caller_at = read_address(listen, "--listen", allow_remote)
    callee = None if to is None else read_callee(to, caller_at, allow_remote)
    callee_at = None if back is None else read_address(back, "--back", allow_remote)
    helper_at = read_address(ice_at, "--ice-at", allow_remote)
    with ExitStack() as stack:
        relay = Relay(network, caller_at, callee, callee_at, all_, record, record_mb)
        stack.enter_context(ending_by(relay.stop))
        stack.enter_context(relay)
        if ice:
            relays = {"/caller": relay.answers_at, "/callee": relay.listens_at}
            helper = shown(stack.enter_context(ice_helper(helper_at, relays)))
            tell(f"what the caller says: http://{helper}/caller; the callee: http://{helper}/callee")
        say(f"listening on {shown(relay.listens_at)}, callee's packets on {shown(relay.answers_at)}")
        if callee is None:
            tell(f"waiting for the callee: it is the first who sends to {shown(relay.answers_at)}")
        gc.freeze()  # else the collector delays packets while it walks through all modules
        with displaying() as show:
            relay.run(seconds, show)
    say(summary(relay.counts))
    if relay.recording is not None:
        if failure := relay.recording.failure:
            tell(f"note: the recording lacks the end of the call: {failure}")
        elif left_out := relay.recording.left_out:
            tell(f"note: {counted(left_out, 'packet')} not recorded: the recording was full, see --record-mb")
        say(record)
