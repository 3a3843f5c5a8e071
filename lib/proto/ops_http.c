/* http/1: each request is an operation at the end of its headers; responses are for records. */
#include "http.h"

struct http_ops {
	struct bh_http1 http1;
	struct bh_http_request request;
	uint8_t status[3];
};

static void
show_request(const struct http_ops *o, uint8_t minor, struct bh_op *op)
{
	bh_http_request_op(&o->request, &o->http1.authority, minor != 0 ? "HTTP/1.1" : "HTTP/1.0",
			   op);
}

static void
show_response(struct http_ops *o, uint16_t status, struct bh_op *op)
{
	o->status[0] = (uint8_t)('0' + status / 100);
	o->status[1] = (uint8_t)('0' + status / 10 % 10);
	o->status[2] = (uint8_t)('0' + status % 10);
	bh_op_add(op, BH_OP_HTTP_STATUS, o->status, sizeof(o->status));
	op->flags |= BH_OP_RECORD;
}

/* CONNECT's target has no path. */
static const char *
begin(struct bh_http_request *r, const struct bh_http1_part *part)
{
	r->names_len = 0;
	r->n_names = 0;
	r->agent_len = 0;
	r->type_len = 0;
	r->path.len = 0;
	r->method_len = (uint8_t)part->name.len;
	memcpy(r->method, part->name.at, part->name.len);
	return part->path.at != NULL ? bh_http_path(part->path.at, part->path.len, &r->path) : NULL;
}

static enum bh_ops_status
feed(struct bh_ops *s, unsigned side, struct bh_cur *in, bool ended, struct bh_ops_out *out)
{
	struct http_ops *o = BH_OPS_OF(s, struct http_ops);
	struct bh_http1_part part;
	const char *why = NULL;

	while (why == NULL) {
		switch (bh_http1_next(&o->http1, side, in, ended, &part)) {
		case BH_HTTP1_REQUEST:
			why = begin(&o->request, &part);
			break;
		case BH_HTTP1_HEADER:
			if (side == 0)
				bh_http_request_field(&o->request, part.name, part.value);
			break;
		case BH_HTTP1_HEADERS_END:
			if (side == 0)
				show_request(o, part.minor, &out->op);
			else
				show_response(o, part.status, &out->op);
			return BH_OPS_OP;
		case BH_HTTP1_MORE:
			out->pending = side == 0 ? bh_http1_head(&o->http1, side) : 0;
			return BH_OPS_MORE;
		case BH_HTTP1_SWITCH:
			out->became = part.became;
			return bh_ops_say(out, BH_OPS_OPAQUE,
					  part.status == 101 ? "switched protocols" : "a tunnel");
		case BH_HTTP1_ERROR:
			why = part.why;
			break;
		default:
			break;
		}
	}
	return bh_ops_say(out, BH_OPS_ERROR, why);
}

static uint64_t
http_free(const struct bh_ops *s, unsigned side)
{
	return bh_http1_free(&((const struct http_ops *)(const void *)s->state)->http1, side);
}

static void
http_pass(struct bh_ops *s, unsigned side, uint64_t n)
{
	bh_http1_pass(&BH_OPS_OF(s, struct http_ops)->http1, side, n);
}

const struct bh_ops_parser bh_ops_http = {.feed = feed, .free = http_free, .pass = http_pass};
