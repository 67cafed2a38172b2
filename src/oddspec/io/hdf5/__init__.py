"""HDF5, and the formats built on it: NetCDF-4 and MATLAB v7.3."""
