"""Recorded networks: read, converted, drawn, and fitted by a loss model.

A recording in any of `testbed.traces.formats.FORMATS` becomes a `Recording` (the fate of each packet) or a
`testbed.channels.link.mahimahi.DeliveryTrace` (the capacity of a link). A new format is a file, a line in
that registry, and its detection in `testbed.channels.recordings.kind`.
"""
