/* How rows are grouped, as in quality/neighbours.py. */

#pragma once

enum { GROUP = 32, BLOCK = 16 }; /* rows in a group, groups in a block */
