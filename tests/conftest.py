"""What all tests share."""

from hypothesis import settings

# The same examples every time, and no test fails because a machine was slow.
settings.register_profile("testbed", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("testbed")
