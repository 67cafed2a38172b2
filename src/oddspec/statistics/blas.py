"""Five routines of SciPy's own BLAS and LAPACK: in place, and without the interpreter's lock.

A ring's Gram matrix and its Cholesky factor take some 0.1 ms for 200 bands. At that size NumPy and
SciPy lose a third of the time to copies, to clearing the other triangle and to fresh memory, and
`scipy.linalg.blas` holds the interpreter's lock, so that two threads are no faster than one. SciPy
publishes the addresses of the routines for compiled callers (`scipy.linalg.cython_blas` and
`cython_lapack`); `ctypes` calls them and releases the lock meanwhile.

A symmetric matrix is kept in the *upper* triangle of a row-major float64 array, what lies below
the diagonal means nothing. (BLAS counts by columns, and so calls it the lower one.) Calls are
prepared once for fixed arrays, which halves what Python spends on them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import byref, c_char_p, c_double, c_int, c_void_p
from typing import Any

import numpy as np
from scipy.linalg import cython_blas, cython_lapack

_LOWER, _PLAIN, _TRANSPOSED = b"L", b"N", b"T"
_ONE = c_double(1.0)


def _routine(module: Any, name: str, arguments: int) -> Callable[..., None]:
    capsule = module.__pyx_capi__[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = c_void_p, [ctypes.py_object, c_char_p]
    signature = ctypes.CFUNCTYPE(None, *[c_void_p] * arguments)
    return signature(get_pointer(capsule, get_name(capsule)))


_dsyrk = _routine(cython_blas, "dsyrk", 10)
_dtrmm = _routine(cython_blas, "dtrmm", 11)
_dpotrf = _routine(cython_lapack, "dpotrf", 5)
_dpotrs = _routine(cython_lapack, "dpotrs", 8)


def square(size: int) -> np.ndarray:
    """A matrix of zeros whose rows lie well in the cache: an odd number of cache lines apart."""
    lines = -(-size // 8)
    return np.zeros((size, 8 * (lines + 1 - lines % 2)))[:, :size]


def with_padding(matrix: np.ndarray) -> np.ndarray:
    """All memory of a matrix made by `square`: one piece, and so the quickest to fill or copy."""
    assert matrix.base is not None
    return matrix.base


def gram_adder(rows: np.ndarray, total: np.ndarray) -> Callable[[], None]:
    """A call that adds ``rows.T @ rows`` to the leading corner of ``total``."""
    return _product_adder(rows, total, _PLAIN, rows.shape[1], rows.shape[0])


def inner_product_adder(rows: np.ndarray, total: np.ndarray) -> Callable[[], None]:
    """A call that adds ``rows @ rows.T`` to the leading corner of ``total``."""
    return _product_adder(rows, total, _TRANSPOSED, rows.shape[0], rows.shape[1])


def _product_adder(
    rows: np.ndarray, total: np.ndarray, form: bytes, size: int, depth: int
) -> Callable[[], None]:
    if size > min(total.shape):
        raise ValueError(f"a {total.shape} matrix cannot take {size} x {size} products")
    arguments = (
        _LOWER,
        form,
        byref(c_int(size)),
        byref(c_int(depth)),
        byref(_ONE),
        *_place(rows),
        byref(_ONE),
        *_place(total),
    )
    return _call(_dsyrk, arguments, (rows, total))


def multiply_by_upper(rows: np.ndarray, upper: np.ndarray) -> None:
    """Overwrite ``rows`` with ``rows @ upper``, of an upper triangular matrix."""
    if upper.shape != (rows.shape[1], rows.shape[1]):
        raise ValueError(f"cannot multiply {rows.shape} by {upper.shape}")
    # By columns, as BLAS sees both, this is a lower triangular matrix times another.
    _dtrmm(
        b"L",
        _LOWER,
        b"N",
        b"N",
        byref(c_int(rows.shape[1])),
        byref(c_int(rows.shape[0])),
        byref(_ONE),
        *_place(upper),
        *_place(rows),
    )


def factoriser(matrix: np.ndarray) -> Callable[[], bool]:
    """A call that overwrites a symmetric matrix with R: ``R.T @ R`` is the matrix, R is upper.

    It returns False if the matrix is not positive definite; its content is then of no use.
    """
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a square matrix, not {matrix.shape}")
    info = c_int(0)
    arguments = (_LOWER, byref(c_int(len(matrix))), *_place(matrix), byref(info))
    call = _call(_dpotrf, arguments, matrix)

    def factorise() -> bool:
        call()
        return info.value == 0

    return factorise


def _call(routine: Callable[..., None], arguments: Any, arrays: Any) -> Callable[[], None]:
    def call(_alive: Any = arrays) -> None:
        routine(*arguments)

    return call


def solve_factorised(factor: np.ndarray, right: np.ndarray) -> None:
    """Overwrite the vector ``right`` with the solution, given the matrix's factor."""
    if right.dtype != np.float64 or right.shape != (len(factor),) or right.strides != (8,):
        raise ValueError("expected a contiguous float64 vector of the factor's size")
    size = byref(c_int(len(factor)))
    _dpotrs(
        _LOWER,
        size,
        byref(c_int(1)),
        *_place(factor),
        right.ctypes.data,
        size,
        byref(c_int(0)),
    )


def _place(array: np.ndarray) -> tuple[int, Any]:
    """Address and row length; a wrong layout would be read, or written, beyond the array's end."""
    if array.dtype != np.float64 or array.ndim != 2 or array.strides[1] != 8:
        raise ValueError("expected a float64 matrix with contiguous rows")
    return array.ctypes.data, byref(c_int(array.strides[0] // 8))
