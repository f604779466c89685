"""Files of Ogg Opus, packed field by field after RFC 3533 and RFC 7845."""

import struct

HEAD = b"OpusHead\x01\x01" + struct.pack("<HIhB", 312, 48000, 0, 0)
TAGS = b"OpusTags" + bytes(8)


def crc(data):
    """RFC 3533's, bit by bit."""
    remainder = 0
    for byte in data:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x04C11DB7 if remainder & 0x80000000 else 0)) & 0xFFFFFFFF
    return remainder


def page(packets, granule, flags=0, serial=9, number=0, goes_on=False):
    sizes = b"".join(b"\xff" * (len(each) // 255) + bytes([len(each) % 255]) for each in packets)
    if goes_on:
        sizes = sizes[:-1]
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, number, 0, len(sizes)) + sizes
    whole = head + b"".join(packets)
    return whole[:22] + struct.pack("<I", crc(whole)) + whole[26:]


def ogg(pages_of_packets, serial=9, head=HEAD):
    """Pages of (packets, granule position), after the headers."""
    content = page([head], 0, 2, serial) + page([TAGS], 0, 0, serial)
    return content + b"".join(page(packets, granule, 0, serial) for packets, granule in pages_of_packets)
