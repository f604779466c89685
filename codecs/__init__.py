"""What is in a packet, and what comes back out of it?"""
