/* proto: what detectors ask of text, against the plainest way to answer. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "../../lib/proto/proto_priv.h"
#include "unit.h"

#define TEXT 160

static int
find_plainly(const uint8_t *p, uint32_t len, const char *needle, uint32_t limit)
{
	uint32_t n = (uint32_t)strlen(needle), i, k;

	len = len < limit ? len : limit;
	for (i = 0; i + n <= len; i++) {
		for (k = 0; k < n && tolower(p[i + k]) == tolower((uint8_t)needle[k]); k++)
			;
		if (k == n)
			return (int)i;
	}
	return -1;
}

/* Few different bytes, which differ in bit 5 from one another and from what is no letter: '[' and '{', '\r' and '-'. The
 * text ends where its memory does, which sanitizers watch. */
static void
words_are_found_where_they_stand(void)
{
	static const char alphabet[] = "aAbB[{\r-\n*";
	unsigned round, i, wrong = 0, found = 0;

	srand(11);
	for (round = 0; round < 200000; round++) {
		uint32_t len = (uint32_t)rand() % TEXT, n = 1 + (uint32_t)rand() % 6;
		uint32_t limit = rand() % 2 ? TEXT : (uint32_t)rand() % TEXT;
		uint8_t *text = malloc(len != 0 ? len : 1);
		struct bh_proto_input in = {.data = {text, text}, .len = {len, len}};
		char needle[8];
		int at;

		CU_ASSERT_PTR_NOT_NULL_FATAL(text);
		for (i = 0; i < len; i++)
			text[i] = (uint8_t)alphabet[(unsigned)rand() % (sizeof(alphabet) - 1)];
		for (i = 0; i < n; i++)
			needle[i] = alphabet[(unsigned)rand() % (sizeof(alphabet) - 1)];
		needle[n] = '\0';
		at = bh_proto_find_nocase(&in, round & 1, needle, limit);
		wrong += at != find_plainly(text, len, needle, limit);
		found += at >= 0;
		free(text);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(found > 10000);
}

/* The first path that is there says yes; a request that ends within one may still say it. */
static void
paths_are_told_as_far_as_they_are_there(void)
{
	static const char *const paths[] = {"/v2/keys", "/v3/kv/", "/raft ", NULL};
	static const struct {
		const char *request;
		enum bh_proto_answer answer;
	} asked[] = {
		{"GET /v2/keys/a HTTP/1.1", BH_PROTO_YES},
		{"GET /v2/keys", BH_PROTO_YES},
		{"GET /raft HTTP/1.1", BH_PROTO_YES},
		{"GET /rafts HTTP/1.1", BH_PROTO_NO},
		{"GET /v2/key", BH_PROTO_MAYBE},
		{"GET ", BH_PROTO_MAYBE},
		{"GET", BH_PROTO_MAYBE},
		{"GET /v2/kex", BH_PROTO_NO},
		{"GET /v4", BH_PROTO_NO},
		{"", BH_PROTO_MAYBE},
	};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(asked); i++) {
		struct bh_proto_input in = {.data = {(const uint8_t *)asked[i].request, NULL},
					    .len = {(uint32_t)strlen(asked[i].request), 0}};

		CU_ASSERT_EQUAL(bh_proto_path(&in, paths), asked[i].answer);
	}
}

static enum bh_proto_answer
path_plainly(const char *request, const char *const paths[])
{
	enum bh_proto_answer best = BH_PROTO_NO;
	const char *path = strchr(request, ' ') + 1;

	for (; *paths != NULL; paths++) {
		if (strncmp(path, *paths, strlen(*paths)) == 0)
			return BH_PROTO_YES;
		if (strncmp(path, *paths, strlen(path)) == 0)
			best = BH_PROTO_MAYBE;
	}
	return best;
}

static void
paths_are_told_apart_as_letter_by_letter(void)
{
	static const char *const paths[] = {"/", "/a/b", "/ab", "/ab/", "/ ", "/bb ", "/b?", NULL};
	static const char alphabet[] = "/ab ?";
	unsigned round, i, wrong = 0, count[3] = {0};

	srand(12);
	for (round = 0; round < 100000; round++) {
		/* With the path that any path begins with, and without. */
		const char *const *asked = paths + (round & 1);
		char request[16] = "GET ";
		struct bh_proto_input in = {.data = {(const uint8_t *)request, NULL}};
		enum bh_proto_answer a;

		for (i = 4; i < 4 + (unsigned)rand() % 7; i++)
			request[i] = i == 4 && rand() % 4 != 0
					     ? '/'
					     : alphabet[(unsigned)rand() % (sizeof(alphabet) - 1)];
		in.len[0] = (uint32_t)strlen(request);
		a = bh_proto_path(&in, asked);
		wrong += a != path_plainly(request, asked);
		count[a == BH_PROTO_YES ? 2 : a == BH_PROTO_MAYBE]++;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(count[0] > 1000 && count[1] > 1000 && count[2] > 1000);
}

static void
own_paths_are_found_behind_a_doubled_slash(void)
{
	static const char request[] = "GET //_bulk HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char answer[] =
		"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"took\":3}";
	struct bh_proto_input in = {.data = {(const uint8_t *)request, (const uint8_t *)answer},
				    .len = {sizeof(request) - 1, sizeof(answer) - 1}};

	CU_ASSERT_EQUAL(bh_proto_ELASTICSEARCH(&in), BH_PROTO_YES);
	in.data[0] = (const uint8_t *)"GET /a/b HTTP/1.1\r\nHost: abc\r\n\r\n";
	CU_ASSERT_EQUAL(bh_proto_ELASTICSEARCH(&in), BH_PROTO_NO);
}

const struct bh_unit_test bh_suite_proto_text[] = {
	BH_TEST(words_are_found_where_they_stand),
	BH_TEST(paths_are_told_as_far_as_they_are_there),
	BH_TEST(paths_are_told_apart_as_letter_by_letter),
	BH_TEST(own_paths_are_found_behind_a_doubled_slash),
	BH_TEST_END,
};
