"""How does one see and hear the result?"""
