/* numpy's arrays by the buffer protocol, which is part of Python's stable ABI: one build serves all later versions. */

#ifndef INGAN_FAST_ARRAYS_H
#define INGAN_FAST_ARRAYS_H

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <stdlib.h>

/* Several versions of a function, of which the processor's best one is taken when the module is loaded: wheels are built
   for any x86-64. All of them round alike, since products and sums are not fused (-ffp-contract=off). */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__)
#define VECTORISED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTORISED
#endif

#ifdef _MSC_VER
#define RESTRICT __restrict
#else
#define RESTRICT restrict
#endif

enum { MOST_ARRAYS = 16 };

typedef struct {
    int count;
    Py_buffer views[MOST_ARRAYS];
} Arrays;

/* Take an array [.., ..] of a type: 'f' float32, 'd' float64, 'q' int64, 'H' uint16, 'B' uint8 or bool; 'w' after it: it is written
   to, 's': its rows may lie apart. NULL with an exception for anything else, or what is not contiguous. */
Py_buffer *take(Arrays *arrays, PyObject *object, const char *type, int dimensions);

/* Give all arrays back; returns NULL where an exception is set, else `result`, or None for NULL. */
PyObject *given_back(Arrays *arrays, PyObject *result);

/* An exception for arrays that don't fit together; 0. */
int unfit(const char *what);

PyObject *around(PyObject *self, PyObject *args);
PyObject *band_costs(PyObject *self, PyObject *args);
PyObject *best_jumps(PyObject *self, PyObject *args);
PyObject *best_repeats(PyObject *self, PyObject *args);
PyObject *best_seams(PyObject *self, PyObject *args);
PyObject *between(PyObject *self, PyObject *args);
PyObject *copy_pieces(PyObject *self, PyObject *args);
PyObject *count_levels(PyObject *self, PyObject *args);
PyObject *differences(PyObject *self, PyObject *args);
PyObject *group_rows(PyObject *self, PyObject *args);
PyObject *mean_fields(PyObject *self, PyObject *args);
PyObject *nearest(PyObject *self, PyObject *args);
PyObject *pass_cascade(PyObject *self, PyObject *args);
PyObject *path_costs(PyObject *self, PyObject *args);
PyObject *paths(PyObject *self, PyObject *args);
PyObject *place_seam(PyObject *self, PyObject *args);
PyObject *polish(PyObject *self, PyObject *args);
PyObject *put(PyObject *self, PyObject *args);
PyObject *scale_fields(PyObject *self, PyObject *args);
PyObject *shade(PyObject *self, PyObject *args);
PyObject *shown_before(PyObject *self, PyObject *args);
PyObject *steps_at(PyObject *self, PyObject *args);
PyObject *turn(PyObject *self, PyObject *args);

#endif
