"""How does one see and hear the result: the HTML report and single plots."""
