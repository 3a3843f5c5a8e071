/* Statements behind a semicolon, or at the value's beginning. */
#include "sql.h"

static bool
starts_statement(const struct bh_isql *s, unsigned i)
{
	unsigned k = i > 0 ? bh_isql_kind(s, i - 1) : BH_SQL_SEMI;

	return k == BH_SQL_SEMI || k == BH_SQL_NUMBER || k == BH_SQL_STRING || k == BH_SQL_RP ||
	       k == BH_SQL_OTHER || bh_isql_word(s, i - 1) == BH_SQLW_BEGIN;
}

static bool
is_object(unsigned w)
{
	return w == BH_SQLW_TABLE || w == BH_SQLW_DATABASE || w == BH_SQLW_VIEW ||
	       w == BH_SQLW_INDEX || w == BH_SQLW_USER || w == BH_SQLW_FUNCTION ||
	       w == BH_SQLW_PROCEDURE || w == BH_SQLW_TRIGGER || w == BH_SQLW_SCHEMA ||
	       w == BH_SQLW_COLUMN;
}

bool
bh_isql_statement_shape(const struct bh_isql *s, unsigned i)
{
	unsigned w1 = bh_isql_word(s, i + 1), j;
	bool first = starts_statement(s, i),
	     stacked = i > 0 && bh_isql_kind(s, i - 1) == BH_SQL_SEMI;

	switch (bh_isql_word(s, i)) {
	case BH_SQLW_INSERT:
	case BH_SQLW_REPLACE:
		if (w1 != BH_SQLW_INTO)
			return false;
		for (j = i + 3; bh_isql_kind(s, j) == BH_SQL_DOT && j < s->n; j += 2)
			;
		return bh_isql_kind(s, j) == BH_SQL_LP || bh_isql_word(s, j) == BH_SQLW_VALUES ||
		       (bh_isql_word(s, j) == BH_SQLW_SELECT && first);
	case BH_SQLW_UPDATE:
		for (j = i + 2; bh_isql_kind(s, j) == BH_SQL_DOT && j < s->n; j += 2)
			;
		return (bh_isql_word(s, j) == BH_SQLW_SET &&
			bh_isql_kind(s, j + 1) == BH_SQL_WORD &&
			bh_isql_kind(s, j + 2) == BH_SQL_COMPARE) ||
		       (stacked && w1 == BH_SQLW_NAME && bh_isql_ends(s, i + 2));
	case BH_SQLW_DELETE:
		/* "delete from cart" alone is what a button says */
		return w1 == BH_SQLW_FROM && bh_isql_kind(s, i + 2) == BH_SQL_WORD &&
		       ((first && bh_isql_ends(s, i + 3) && (i > 0 || i + 3 < s->n)) ||
			(bh_isql_word(s, i + 3) == BH_SQLW_WHERE &&
			 bh_isql_is_comparison(s, i + 5)));
	case BH_SQLW_DROP:
	case BH_SQLW_TRUNCATE:
		return (is_object(w1) && first && bh_isql_kind(s, i + 2) == BH_SQL_WORD &&
			(stacked || s->quote != 0 || bh_isql_ends(s, i + 3))) ||
		       (stacked && w1 == BH_SQLW_NAME && bh_isql_ends(s, i + 2));
	case BH_SQLW_CREATE:
	case BH_SQLW_ALTER:
		return is_object(w1) && first && bh_isql_kind(s, i + 2) == BH_SQL_WORD &&
		       (stacked || s->quote != 0 || bh_isql_kind(s, i + 3) == BH_SQL_LP ||
			bh_isql_ends(s, i + 3) || bh_isql_word(s, i + 3) == BH_SQLW_ALTER ||
			bh_isql_word(s, i + 3) == BH_SQLW_DROP);
	case BH_SQLW_EXEC:
	case BH_SQLW_EXECUTE:
		return (bh_isql_kind(s, i + 1) == BH_SQL_LP &&
			(bh_isql_kind(s, i + 2) == BH_SQL_VAR ||
			 bh_isql_kind(s, i + 2) == BH_SQL_STRING)) ||
		       (bh_isql_kind(s, i + 1) == BH_SQL_WORD &&
			bh_isql_kind(s, i + 2) == BH_SQL_DOT && first &&
			bh_isql_adjacent(s, i + 1)) ||
		       (stacked && (bh_isql_kind(s, i + 2) == BH_SQL_STRING ||
				    bh_isql_kind(s, i + 2) == BH_SQL_OPEN ||
				    bh_isql_kind(s, i + 1) == BH_SQL_VAR));
	case BH_SQLW_DECLARE:
	case BH_SQLW_PRINT:
		return bh_isql_kind(s, i + 1) == BH_SQL_VAR;
	case BH_SQLW_SET:
		return bh_isql_kind(s, i + 1) == BH_SQL_VAR &&
		       bh_isql_kind(s, i + 2) == BH_SQL_COMPARE;
	case BH_SQLW_SHUTDOWN:
	case BH_SQLW_RECONFIGURE:
		return (stacked || s->quote != 0) && bh_isql_ends(s, i + 1);
	case BH_SQLW_USE:
	case BH_SQLW_KILL:
	case BH_SQLW_BACKUP:
	case BH_SQLW_RESTORE:
	case BH_SQLW_CALL:
	case BH_SQLW_DO:
	case BH_SQLW_RENAME:
	case BH_SQLW_HANDLER:
	case BH_SQLW_COPY:
	case BH_SQLW_ATTACH:
	case BH_SQLW_PRAGMA:
		/* "(...; do not use it)" is a remark */
		return stacked && bh_isql_kind(s, i + 1) == BH_SQL_WORD && w1 != BH_SQLW_NOT &&
		       w1 != BH_SQLW_THE && bh_isql_kind(s, i + 2) != BH_SQL_RP &&
		       (bh_isql_ends(s, i + 2) || bh_isql_word(s, i + 2) != BH_SQLW_NAME) &&
		       s->n <= i + 40 && i > 1;
	case BH_SQLW_LOAD:
		return w1 == BH_SQLW_DATA && bh_isql_kind(s, i + 2) == BH_SQL_WORD && first;
	case BH_SQLW_GRANT:
		return first && w1 == BH_SQLW_ALL;
	}
	return false;
}
