"""The kernels' formulas in plain NumPy and SciPy: their reference in tests, and the fallback."""
