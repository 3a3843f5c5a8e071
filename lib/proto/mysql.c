/* mysql.h: what is known of types. */
#include "mysql.h"

int
bh_mysql_value_size(uint8_t type)
{
	switch (type) {
	case 1: /* TINY */
		return 1;
	case 2: /* SHORT, YEAR */
	case 13:
		return 2;
	case 3: /* LONG, FLOAT, INT24 */
	case 4:
	case 9:
		return 4;
	case 5: /* DOUBLE, LONGLONG */
	case 8:
		return 8;
	case 7: /* TIMESTAMP, DATE, TIME, DATETIME: a byte of length */
	case 10:
	case 11:
	case 12:
	case 0: /* DECIMAL, VARCHAR, BIT, JSON ... and texts */
	case 15:
	case 16:
	case 245 ... 246:
	case 247 ... 255:
		return 0;
	default:
		return -1;
	}
}
