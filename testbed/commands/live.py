"""The command `live`."""

from pathlib import Path
from typing import Annotated

import typer

from testbed.terminal import say, tell

app = typer.Typer()


@app.command(
    epilog="Example: testbed live channel.yaml --listen 127.0.0.1:5004 --to 127.0.0.1:6004 --record rec",
)
def live(
    channel: Annotated[
        str,
        typer.Argument(
            metavar="CHANNEL",
            help="A file with `channel:` alone, a scenario, or the name of a packaged one.",
        ),
    ],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the first client sends to.")
    ] = "127.0.0.1:5004",
    to: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The second client; default: who sends to --back first."),
    ] = None,
    back: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where the second client sends to; default: a free port."),
    ] = None,
    both_ways: Annotated[
        bool,
        typer.Option("--both-ways", help="Packets on the way back meet `reverse:`, or else `channel:`, too."),
    ] = False,
    all_: Annotated[
        bool, typer.Option("--all", help="RTCP, STUN and DTLS meet the channel, too; default: RTP alone.")
    ] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record log, capture and arrivals in a new folder.")
    ] = None,
    record_mb: Annotated[int, typer.Option(min=1, help="Largest size of the recording.")] = 1000,
    seconds: Annotated[
        float | None, typer.Option(min=0.001, help="End after this time; default: at Ctrl-C.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one value by its dotted key. Repeatable."),
    ] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Allow addresses of other machines.")
    ] = False,
) -> None:
    """Relay a real call between two UDP clients, through a channel in real time."""
    from testbed.live.addresses import read_address, shown
    from testbed.live.network import load_network
    from testbed.live.relay import Relay
    from testbed.signals import ending_by

    network = load_network(channel, both_ways, set_ or ())
    first = read_address(listen, "--listen", allow_remote)
    second = None if to is None else read_address(to, "--to", allow_remote)
    returns = None if back is None else read_address(back, "--back", allow_remote)
    with Relay(network, first, second, returns, all_, record, record_mb) as relay:
        say(f"listening on {shown(relay.listens_at)}; answers to {shown(relay.answers_at)}")
        with ending_by(relay.stop):
            relay.run(seconds, lambda elapsed_s: tell(str(relay.counts.as_data(elapsed_s))))
