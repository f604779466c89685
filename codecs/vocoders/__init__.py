"""The registry of vocoders, which synthesize gaps from features.

A new vocoder is one file and one line here, or an entry point `testbed.vocoders` of another package.
"""
