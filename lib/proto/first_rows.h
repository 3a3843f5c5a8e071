/* The 256 rows of a table of first.c: 16 for each upper half of a byte. */
#define HI 0x00
#include "first_row.h"
#undef HI
#define HI 0x10
#include "first_row.h"
#undef HI
#define HI 0x20
#include "first_row.h"
#undef HI
#define HI 0x30
#include "first_row.h"
#undef HI
#define HI 0x40
#include "first_row.h"
#undef HI
#define HI 0x50
#include "first_row.h"
#undef HI
#define HI 0x60
#include "first_row.h"
#undef HI
#define HI 0x70
#include "first_row.h"
#undef HI
#define HI 0x80
#include "first_row.h"
#undef HI
#define HI 0x90
#include "first_row.h"
#undef HI
#define HI 0xa0
#include "first_row.h"
#undef HI
#define HI 0xb0
#include "first_row.h"
#undef HI
#define HI 0xc0
#include "first_row.h"
#undef HI
#define HI 0xd0
#include "first_row.h"
#undef HI
#define HI 0xe0
#include "first_row.h"
#undef HI
#define HI 0xf0
#include "first_row.h"
#undef HI
