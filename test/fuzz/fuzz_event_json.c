/* Random bytes as an event, its names and a free string.
 * Asserts beyond "no crash": the record is one line, and jansson reads it as one object without a duplicate
 * key that has a timestamp, an event_type and a bulkhead object; bh_json_string reads back. */
#include <jansson.h>
#include <stdlib.h>

#include "../../lib/event/event.h"

static const char *
name32(void *arg, uint32_t n)
{
	return n % 3 == 0 ? NULL : arg;
}

static const char *
name16(void *arg, uint16_t n)
{
	return n % 3 == 0 ? NULL : arg;
}

static json_t *
parsed(const struct bh_buf *b)
{
	json_t *v = json_loadb(b->data, b->len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);

	if (v == NULL)
		abort();
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[256];
	struct bh_event_names names = {
		.segment = name32, .rule = name32, .port = name32, .app = name16, .arg = name};
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS] = {0};
	struct bh_buf b = {0};
	size_t n = size < sizeof(e) ? size : sizeof(e), rest;
	json_t *v;

	memcpy(e, data, n);
	rest = size - n < sizeof(name) - 1 ? size - n : sizeof(name) - 1;
	memcpy(name, data + n, rest);
	name[rest] = '\0';

	bh_eve_format(&b, e, &names);
	if (b.len == 0 || memchr(b.data, '\n', b.len) != b.data + b.len - 1)
		abort();
	v = parsed(&b);
	if (!json_is_string(json_object_get(v, "timestamp")) ||
	    !json_is_string(json_object_get(v, "event_type")) ||
	    !json_is_object(json_object_get(v, "bulkhead")))
		abort();
	json_decref(v);

	bh_buf_reset(&b);
	bh_json_string(&b, name);
	v = parsed(&b);
	if (!json_is_string(v))
		abort();
	json_decref(v);
	bh_buf_free(&b);
	return 0;
}
