"""Recorded networks: read, converted, drawn, and fitted by a loss model.

A recording in any of `testbed.traces.formats.FORMATS` becomes a `Recording` (what became of each packet) or a
`testbed.channels.link.mahimahi.DeliveryTrace` (what a link could carry). A new format is a file, a line in
that registry, and what tells it in `testbed.channels.recordings.kind`.
"""
