/* Any bytes as what the other process says. Asserts beyond "no crash": a message lies inside what came, is never longer
 * than one may be, and what decodes says the same when it is encoded again. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/ipc/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)                                                                                 \
	do {                                                                                       \
		if (!(x))                                                                          \
			abort();                                                                   \
	} while (0)

static void
same(const struct bh_ipc_message *m, const struct bh_buf *again)
{
	const char *payload = again->data + sizeof(struct bh_ipc_header);

	REQUIRE(!again->failed && again->len == sizeof(struct bh_ipc_header) + m->len);
	/* But for the width of two numbers, which are read as what they mean. */
	REQUIRE(memcmp(payload + 12, m->payload + 12, m->len - 12) == 0);
}

static void
decode(const struct bh_ipc_message *m)
{
	struct bh_buf again = {0};
	struct bh_ipc_reply reply;
	struct bh_ipc_setup setup;
	struct bh_ipc_head head;

	if (bh_ipc_get_head(m, &head) == 0) {
		bh_ipc_put_head(&again, m->id, &head);
		same(m, &again);
	} else if (bh_ipc_get_reply(m, &reply) == 0) {
		bh_ipc_put_reply(&again, m->id, m->flags, &reply);
		same(m, &again);
	} else {
		(void)bh_ipc_get_setup(m, &setup);
	}
	bh_buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bh_ipc_reader r = {0};
	struct bh_ipc_message m;

	bh_buf_add(&r.in, data, size);
	while (size != 0 && bh_ipc_next(&r, &m) == 1) {
		REQUIRE(m.len <= BH_IPC_PAYLOAD_MAX && m.payload >= r.in.data &&
			m.payload + m.len <= r.in.data + r.in.len);
		decode(&m);
	}
	bh_ipc_reader_free(&r);
	return 0;
}
