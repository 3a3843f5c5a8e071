/* Any bytes as a DNS message whose addresses are wanted. Beyond no crash: a name is text of letters, digits, '-', '_' and
 * single dots, of the length that is said; a query has no addresses; the same bytes give the same; and what is behind
 * the message does not change what is read. */
#include <ctype.h>
#include <stdlib.h>

#include "../../lib/proto/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
check(const struct bh_dns_message *m)
{
	size_t i;

	MUST(m->name_len != 0 && m->name_len <= 253 && strlen(m->name) == m->name_len);
	for (i = 0; i < m->name_len; i++) {
		char c = m->name[i];

		MUST(islower((unsigned char)c) || isdigit((unsigned char)c) || c == '-' ||
		     c == '_' ||
		     (c == '.' && i != 0 && m->name[i - 1] != '.' && i + 1 < m->name_len));
	}
	MUST(m->type == 1 || m->type == 28);
	MUST(m->n <= BH_DNS_ADDRESSES && (m->response || m->n == 0));
	for (i = 0; i < m->n; i++)
		MUST(m->address[i].ttl <= INT32_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_dns_message a, b;
	uint8_t *longer;

	if (size > 4096 || bh_dns_read(data, size, &a) != 0)
		return 0;
	check(&a);
	longer = calloc(1, size + 64);
	MUST(longer != NULL);
	memcpy(longer, data, size);
	MUST(bh_dns_read(longer, size + 64, &b) == 0);
	MUST(memcmp(&a, &b, sizeof(a)) == 0);
	free(longer);
	return 0;
}
