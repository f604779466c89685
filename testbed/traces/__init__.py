"""Recorded networks: read, converted, drawn, and fitted by a loss model.

A recording in any of `testbed.traces.formats.FORMATS` becomes a `Recording` (the fate of each packet), a
`testbed.channels.link.mahimahi.DeliveryTrace` (the capacity of a link), or a `MeasuredCall` (counters of a
call, interval by interval). A new format is a file, a line in
that registry, and its detection in `testbed.channels.recordings.kind`.
"""
