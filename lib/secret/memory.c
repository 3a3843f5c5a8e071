/* Memory of secrets. */
#include <sodium.h>

#include "secret_priv.h"

char *
bh_secret_alloc(size_t size)
{
	char *p;

	if (sodium_init() < 0 || size > BH_VAULT_ANSWER_MAX)
		return NULL;
	/* Ends at a guard page, is locked where the limit permits, and excepted from dumps whether or not it is. */
	p = sodium_malloc(size + 1);
	if (p != NULL)
		memset(p, 0, size + 1);
	return p;
}

void
bh_secret_free(char *value)
{
	if (value != NULL)
		sodium_free(value);
}

bool
bh_secret_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a != NULL && b != NULL && a_len == b_len && sodium_memcmp(a, b, a_len) == 0;
}
