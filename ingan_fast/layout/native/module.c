/* The layouts' inner loops, compiled. Each does what the numpy code does in the function that calls it, to the bit. */

#include "arrays.h"

#include <string.h>

Py_buffer *take(Arrays *arrays, PyObject *object, const char *type, int dimensions)
{
    if (arrays->count == MOST_ARRAYS) {
        PyErr_SetString(PyExc_TypeError, "too many arrays");
        return NULL;
    }
    Py_buffer *view = &arrays->views[arrays->count];
    int strided = type[1] == 's', flags = PyBUF_FORMAT | (strided ? PyBUF_STRIDES : PyBUF_C_CONTIGUOUS);
    flags |= type[1] == 'w' ? PyBUF_WRITABLE : 0;
    if (PyObject_GetBuffer(object, view, flags))
        return NULL;
    arrays->count++;
    char given = view->format[0];
    int fits = given == type[0];
    if (type[0] == 'q')
        fits = (given == 'l' || given == 'q') && view->itemsize == 8;
    if (type[0] == 'B')
        fits = given == 'B' || given == '?';
    Py_ssize_t size = view->itemsize;
    for (int axis = view->ndim - 1; strided && axis > 0; size *= view->shape[axis--])
        fits = fits && view->strides[axis] == size;
    if (!fits || view->ndim != dimensions) {
        PyErr_Format(PyExc_TypeError, "array %d has format %s and %d dimensions, not %c and %d", arrays->count,
                     view->format, view->ndim, type[0], dimensions);
        return NULL;
    }
    return view;
}

PyObject *given_back(Arrays *arrays, PyObject *result)
{
    while (arrays->count)
        PyBuffer_Release(&arrays->views[--arrays->count]);
    if (PyErr_Occurred()) {
        Py_XDECREF(result);
        return NULL;
    }
    return result ? result : Py_NewRef(Py_None);
}

int unfit(const char *what)
{
    PyErr_Format(PyExc_ValueError, "%s don't fit together", what);
    return 0;
}

static PyMethodDef methods[] = {
    {"around", around, METH_VARARGS, NULL},
    {"band_costs", band_costs, METH_VARARGS, NULL},
    {"best_jumps", best_jumps, METH_VARARGS, NULL},
    {"best_repeats", best_repeats, METH_VARARGS, NULL},
    {"best_seams", best_seams, METH_VARARGS, NULL},
    {"between", between, METH_VARARGS, NULL},
    {"copy_pieces", copy_pieces, METH_VARARGS, NULL},
    {"count_levels", count_levels, METH_VARARGS, NULL},
    {"differences", differences, METH_VARARGS, NULL},
    {"group_rows", group_rows, METH_VARARGS, NULL},
    {"mean_fields", mean_fields, METH_VARARGS, NULL},
    {"nearest", nearest, METH_VARARGS, NULL},
    {"pass_cascade", pass_cascade, METH_VARARGS, NULL},
    {"path_costs", path_costs, METH_VARARGS, NULL},
    {"paths", paths, METH_VARARGS, NULL},
    {"place_seam", place_seam, METH_VARARGS, NULL},
    {"polish", polish, METH_VARARGS, NULL},
    {"put", put, METH_VARARGS, NULL},
    {"scale_fields", scale_fields, METH_VARARGS, NULL},
    {"shade", shade, METH_VARARGS, NULL},
    {"shown_before", shown_before, METH_VARARGS, NULL},
    {"steps_at", steps_at, METH_VARARGS, NULL},
    {"turn", turn, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "ingan_fast.layout._loops", NULL, 0, methods, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__loops(void)
{
    return PyModuleDef_Init(&module);
}
