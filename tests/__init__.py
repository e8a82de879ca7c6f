"""The tests of ftpx, in the shape of the package itself."""
