"""The adaptive receiver: packets at their times of arrival in, sound that was played out."""
