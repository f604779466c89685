"""A relay for live calls: UDP datagrams pass the stages of a channel in real time.

`relay` has the loop, `direction` one way through the channel, `network` the channels of both ways.
"""
