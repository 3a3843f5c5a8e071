/* Threats' detectors over what applications say: the first byte says which one, then pieces of either side, each with a byte
 * for its side and length. Beyond no crash: every application that is known opens, what is hit and how many log-ins fail
 * does not depend on how the bytes of a side are cut (but of SSH, whose log-ins are told by the sizes of what a server sends at
 * once), a hit has a text, and a DNS question has the lengths that it says. */
#include <stdlib.h>

#include "../../lib/threat/threat_app.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	bool hit[BH_THREAT_COUNT];
	unsigned failed;
};

static const uint8_t apps[] = {
	BH_APP_TLS,  BH_APP_SSH,   BH_APP_HTTP, BH_APP_HTTP2, BH_APP_MYSQL, BH_APP_FTP,
	BH_APP_SMTP, BH_APP_REDIS, BH_APP_IMAP, BH_APP_POP3,  BH_APP_DNS,   BH_APP_POSTGRESQL,
};

static void
on_hit(void *arg, unsigned threat, const char *text)
{
	struct seen *s = arg;

	if (threat >= BH_THREAT_COUNT || text == NULL || strlen(text) > 127)
		abort();
	s->hit[threat] = true;
}

static void
on_failed(void *arg, unsigned app, unsigned n)
{
	struct seen *s = arg;

	(void)app;
	s->failed += n;
}

static void
on_asked(void *arg, const struct bh_threat_question *q)
{
	(void)arg;
	if (q->n != 0 && strlen(q->name) != q->n)
		abort();
}

/* cut: bytes at once of what came in one piece; 0: all. */
static void
run(const struct bh_threat_ctx *how, unsigned app, const uint8_t *data, size_t size, unsigned cut,
    struct seen *out)
{
	static struct bh_threat_conn c;
	struct bh_threat_ctx ctx = *how;

	*out = (struct seen){0};
	ctx.arg = out;
	if (!bh_threat_conn_open(&c, app))
		return;
	while (size > 1) {
		unsigned side = data[0] & 1;
		size_t n = (data[0] >> 1) + 1u, at, piece;

		data++;
		size--;
		n = n < size ? n : size;
		for (at = 0; at < n && !c.done; at += piece) {
			piece = cut == 0 || n - at < cut ? n - at : cut;
			bh_threat_conn_feed(&c, &ctx, side, data + at, (uint32_t)piece, false);
		}
		data += n;
		size -= n;
	}
	bh_threat_conn_tick(&c, &ctx, UINT32_MAX);
	bh_threat_conn_close(&c, &ctx);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bh_threat_rule rule[BH_THREAT_COUNT];
	const struct bh_threat_ctx ctx = {.rule = rule,
					  .now_ms = 1000,
					  .wall_s = 1700000000,
					  .hit = on_hit,
					  .failed = on_failed,
					  .asked = on_asked};
	struct bh_threat_question q;
	struct bh_threat_ctx alone = ctx;
	struct seen whole, cut;
	unsigned i, app, pieces;

	if (size < 2)
		return 0;
	for (i = 0; i < BH_THREAT_COUNT; i++)
		rule[i] = (struct bh_threat_rule){.on = true, .threshold = 1 + data[1] % 8u};
	app = apps[data[0] % BH_ARRAY_SIZE(apps)];
	run(&ctx, app, data + 1, size - 1, 0, &whole);
	for (pieces = 1; pieces <= 7; pieces += 2) {
		run(&ctx, app, data + 1, size - 1, pieces, &cut);
		if (memcmp(whole.hit, cut.hit, sizeof(cut.hit)) != 0 ||
		    (app != BH_APP_SSH && whole.failed != cut.failed))
			abort();
	}
	alone.arg = &whole;
	if (bh_threat_dns(&alone, data + 1, (uint32_t)size - 1, (uint32_t)size - 1 + data[0], &q) &&
	    q.n != 0 && strlen(q.name) != q.n)
		abort();
	return 0;
}
