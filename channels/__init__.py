"""What does the network do to a packet?"""
