"""NetEq's controller: how long sound waits, and when it is stretched or concealed. It needs no sound."""
