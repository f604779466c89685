"""The E-model: quality of a conversation from loss, codec and delay (ITU-T G.107, G.107.1, G.107.2)."""
