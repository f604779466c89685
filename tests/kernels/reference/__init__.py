"""Plain versions of the kernels, one module for each of `testbed.kernels`: slow, short, on other formulas."""
