/* Statement analyser: words by name. */
#include "sql.h"

static const char *const words[] = {
	"",
#define SQL_WORD(w) #w,
#include "sql_word.def"
#undef SQL_WORD
};

#define WORD_MAX 27

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

enum bh_sql_word
bh_sql_word(const char *at, size_t len)
{
	unsigned low = 1, high = BH_SQLW_COUNT, mid;
	char text[WORD_MAX + 1];
	size_t i;
	int order;

	if (len == 0 || len > WORD_MAX)
		return BH_SQLW_NONE;
	for (i = 0; i < len; i++)
		text[i] = lower(at[i]);
	text[len] = '\0';
	while (low < high) {
		mid = (low + high) / 2;
		order = strcmp(text, words[mid]);
		if (order == 0)
			return (enum bh_sql_word)mid;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return BH_SQLW_NONE;
}

const char *
bh_sql_word_text(unsigned word)
{
	return word < BH_SQLW_COUNT ? words[word] : "";
}

bool
bh_sql_starts(const struct bh_sql_token *t, const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (i == t->len || lower(t->text[i]) != text[i])
			return false;
	}
	return true;
}

bool
bh_sql_is(const struct bh_sql_token *t, const char *text)
{
	return strlen(text) == t->len && bh_sql_starts(t, text);
}
