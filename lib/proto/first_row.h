/* 16 rows of a table of first.c: B is HI and a lower half. Each adds up what COLUMN makes of the lines of
 * proto.def. */
#define B (HI | 0x0)
#include "first_cell.h"
#undef B
#define B (HI | 0x1)
#include "first_cell.h"
#undef B
#define B (HI | 0x2)
#include "first_cell.h"
#undef B
#define B (HI | 0x3)
#include "first_cell.h"
#undef B
#define B (HI | 0x4)
#include "first_cell.h"
#undef B
#define B (HI | 0x5)
#include "first_cell.h"
#undef B
#define B (HI | 0x6)
#include "first_cell.h"
#undef B
#define B (HI | 0x7)
#include "first_cell.h"
#undef B
#define B (HI | 0x8)
#include "first_cell.h"
#undef B
#define B (HI | 0x9)
#include "first_cell.h"
#undef B
#define B (HI | 0xa)
#include "first_cell.h"
#undef B
#define B (HI | 0xb)
#include "first_cell.h"
#undef B
#define B (HI | 0xc)
#include "first_cell.h"
#undef B
#define B (HI | 0xd)
#include "first_cell.h"
#undef B
#define B (HI | 0xe)
#include "first_cell.h"
#undef B
#define B (HI | 0xf)
#include "first_cell.h"
#undef B
