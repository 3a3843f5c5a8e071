/* Fields of HTTP/2 header blocks: which are allowed where (RFC 9113 8), and what a request shows.
 * */
#include "http2.h"

enum {
	SAID_METHOD = 1 << 0,
	SAID_SCHEME = 1 << 1,
	SAID_AUTHORITY = 1 << 2,
	SAID_PATH = 1 << 3,
	SAID_PROTOCOL = 1 << 4, /* RFC 8441 */
	SAID_HOST = 1 << 5,
	SAID_LENGTH = 1 << 6,
	SAID_TLS = 1 << 7,     /* :scheme is https */
	SAID_CONNECT = 1 << 8, /* :method */
	SAID_OPTIONS = 1 << 9, /* :method */
	SAID_STAR = 1 << 10,   /* :path is * */
	SAID_LITERAL =
		1 << 11, /* :path has no query and is as normalised: what gRPC servers compare */
	SAID_GRPC = 1 << 12,
	SAID_NO_NAME = 1 << 13, /* :authority is no host name */
};

enum { /* http2_side.seen */
       SEEN_REGULAR = 1 << 0,
       SEEN_STATUS = 1 << 1,
};

static bool
is(struct bh_http_text text, const char *what)
{
	return text.len == strlen(what) && memcmp(text.at, what, text.len) == 0;
}

static const char *
method(struct http2_ops *o, struct bh_http_text value)
{
	if (value.len > BH_HTTP_METHOD_MAX || !bh_http_is_token(value.at, value.len))
		return "method is no token";
	memcpy(o->request.method, value.at, value.len);
	o->request.method_len = (uint8_t)value.len;
	o->said |= is(value, "CONNECT") ? SAID_CONNECT : 0;
	o->said |= is(value, "OPTIONS") ? SAID_OPTIONS : 0;
	return NULL;
}

static const char *
scheme(struct http2_ops *o, struct bh_http_text value)
{
	if (is(value, "https"))
		o->said |= SAID_TLS;
	else if (!is(value, "http"))
		return "scheme is neither http nor https";
	return NULL;
}

/* gRPC clients put names of their resolvers here (etcd's "etcd-endpoints://..."): no host then,
 * which no rule about hosts fits. */
static const char *
authority(struct http2_ops *o, struct bh_http_text value)
{
	if (bh_http_authority(value.at, value.len, &o->authority) == NULL)
		return NULL;
	o->authority.len = 0;
	o->authority.port = 0;
	o->said |= SAID_NO_NAME;
	return NULL;
}

static const char *
path(struct http2_ops *o, struct bh_http_text value)
{
	struct bh_http_path *shown = &o->request.path;
	struct bh_http_target target;
	const char *why;

	if (is(value, "*")) {
		o->said |= SAID_STAR;
		return bh_http_path(value.at, value.len, shown);
	}
	if (value.len == 0 || value.at[0] != '/')
		return "path does not begin with /";
	why = bh_http_path_and_query(value.at, value.len, &target);
	if (why == NULL)
		why = bh_http_path(target.path.at, target.path.len, shown);
	if (why == NULL && shown->len == value.len && memcmp(shown->text, value.at, value.len) == 0)
		o->said |= SAID_LITERAL;
	return why;
}

static const char *
protocol(struct http2_ops *o, struct bh_http_text value)
{
	if (o->connect_protocol == 0)
		return "extended CONNECT that the server did not offer";
	return bh_http_is_token(value.at, value.len) ? NULL : "protocol is no token";
}

static const char *
host(struct http2_ops *o, struct bh_http_text value)
{
	struct bh_http_authority said;
	const char *why = bh_http_authority(value.at, value.len, &said);

	if (why != NULL)
		return why;
	if ((o->said & SAID_AUTHORITY) == 0)
		o->authority = said;
	else if ((o->said & SAID_NO_NAME) != 0 ||
		 !bh_http_same_authority(&o->authority, &said,
					 (o->said & SAID_TLS) != 0 ? 443 : 80))
		return "host is not :authority";
	return NULL;
}

static const char *
content_length(struct http2_ops *o, struct bh_http_text value)
{
	return bh_http_length(value.at, value.len, &o->length)
		       ? NULL
		       : "content-length is no plain number";
}

static const char *
content_type(struct http2_ops *o, struct bh_http_text value)
{
	if (value.len >= 16 && bh_http_is_nocase(value.at, 16, "application/grpc"))
		o->said |= SAID_GRPC;
	return NULL;
}

static const struct known {
	const char *name;
	uint32_t once; /* SAID_*, or 0: may come again */
	const char *(*take)(struct http2_ops *o, struct bh_http_text value);
} known[] = {
	{":method", SAID_METHOD, method},
	{":scheme", SAID_SCHEME, scheme},
	{":authority", SAID_AUTHORITY, authority},
	{":path", SAID_PATH, path},
	{":protocol", SAID_PROTOCOL, protocol},
	{"host", SAID_HOST, host},
	{"content-length", SAID_LENGTH, content_length},
	{"content-type", 0, content_type},
};

/* RFC 9113 8.2.2 */
static const char *
of_the_connection(struct bh_http_text name, struct bh_http_text value)
{
	static const char *const names[] = {"connection", "keep-alive", "proxy-connection",
					    "transfer-encoding", "upgrade"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++) {
		if (is(name, names[i]))
			return "field of an HTTP/1 connection";
	}
	return is(name, "te") && !is(value, "trailers") ? "te is not trailers" : NULL;
}

/* RFC 9113 8.2.1, of every block */
static const char *
well_formed(struct http2_side *s, struct bh_http_text name, struct bh_http_text value)
{
	bool pseudo = name.len != 0 && name.at[0] == ':';
	uint32_t i;

	s->list += name.len + value.len + 32;
	if (s->list > HTTP2_LIST_MAX || s->fields++ == HTTP2_FIELDS)
		return "too many headers";
	if (pseudo && (s->seen & SEEN_REGULAR) != 0)
		return "pseudo header behind a regular one";
	if (!pseudo)
		s->seen |= SEEN_REGULAR;
	for (i = 0; i < name.len; i++) {
		if (name.at[i] >= 'A' && name.at[i] <= 'Z')
			return "upper case in a header's name";
	}
	if (!bh_http_is_token(name.at + pseudo, name.len - pseudo))
		return "name of a header is no token";
	if (!bh_http_is_value(value.at, value.len))
		return "control character";
	if (value.len != 0 && (value.at[0] == ' ' || value.at[0] == '\t' ||
			       value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
		return "header's value begins or ends with a space";
	return pseudo ? NULL : of_the_connection(name, value);
}

static const char *
request_field(struct http2_ops *o, struct bh_http_text name, struct bh_http_text value)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(known); i++) {
		const char *why;

		if (!is(name, known[i].name))
			continue;
		if ((o->said & known[i].once) != 0)
			return "header that may come once comes twice";
		why = known[i].take(o, value);
		if (why != NULL)
			return why;
		o->said |= known[i].once;
	}
	if (name.at[0] != ':')
		bh_http_request_field(&o->request, name, value);
	else if (!is(name, ":method") && !is(name, ":scheme") && !is(name, ":authority") &&
		 !is(name, ":path") && !is(name, ":protocol"))
		return "unknown pseudo header";
	return NULL;
}

static const char *
response_field(struct http2_ops *o, struct bh_http_text name, struct bh_http_text value)
{
	struct http2_side *s = &o->side[1];
	unsigned i;

	if (name.at[0] != ':')
		return NULL;
	if (!is(name, ":status") || (s->seen & SEEN_STATUS) != 0)
		return "pseudo header that a response can't have";
	s->seen |= SEEN_STATUS;
	if (value.len != 3 || value.at[0] < '1' || value.at[0] > '5')
		return "status is not from 100 to 599";
	for (i = 0; i < 3; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return "status is no number of three digits";
		o->status[i] = value.at[i];
	}
	return NULL;
}

void
bh_http2_fields_begin(struct http2_ops *o, unsigned side)
{
	struct http2_side *s = &o->side[side];

	s->list = 0;
	s->sent = 0;
	s->fields = 0;
	s->seen = 0;
	s->continuations = 0;
	if (side != 0) {
		o->status[0] = 0;
		return;
	}
	o->said = 0;
	o->length = 0;
	o->authority.len = 0;
	o->authority.port = 0;
	o->request.path.len = 0;
	o->request.method_len = 0;
	o->request.agent_len = 0;
	o->request.type_len = 0;
	o->request.names_len = 0;
	o->request.n_names = 0;
}

const char *
bh_http2_field(struct http2_ops *o, unsigned side, struct bh_http_text name,
	       struct bh_http_text value)
{
	struct http2_side *s = &o->side[side];
	const char *why = well_formed(s, name, value);

	if (why != NULL)
		return why;
	switch (s->block) {
	case BLOCK_REQUEST:
		return request_field(o, name, value);
	case BLOCK_RESPONSE:
		return response_field(o, name, value);
	case BLOCK_TRAILERS:
		if (name.at[0] == ':' || is(name, "host") || is(name, "content-length"))
			return "framing field in a trailer";
		return NULL;
	default: /* a promised request is the server's own */
		return NULL;
	}
}

/* RFC 9113 8.3.1, 8.5; RFC 8441 4 */
static const char *
request_end(struct http2_ops *o)
{
	uint32_t said = o->said;

	if ((said & SAID_METHOD) == 0)
		return "request without :method";
	if ((said & SAID_PROTOCOL) != 0 && (said & SAID_CONNECT) == 0)
		return ":protocol of another method than CONNECT";
	if ((said & SAID_CONNECT) != 0 && (said & SAID_PROTOCOL) == 0) {
		if ((said & (SAID_SCHEME | SAID_PATH)) != 0)
			return "CONNECT with :scheme or :path";
		return o->authority.len != 0 && o->authority.port != 0 ? NULL
								       : "CONNECT without a port";
	}
	if ((said & SAID_SCHEME) == 0 || (said & SAID_PATH) == 0)
		return "request without :scheme or :path";
	if ((said & SAID_STAR) != 0 && (said & SAID_OPTIONS) == 0)
		return "target * of another method than OPTIONS";
	if ((said & SAID_LENGTH) != 0 && o->length != 0 &&
	    (o->side[0].block_flags & HTTP2_END_STREAM) != 0)
		return "content-length of a request without a body";
	return NULL;
}

const char *
bh_http2_fields_end(struct http2_ops *o, unsigned side)
{
	struct http2_side *s = &o->side[side];

	switch (s->block) {
	case BLOCK_REQUEST:
		return request_end(o);
	case BLOCK_RESPONSE:
		/* Without a status they are trailers, which end the stream (RFC 9113 8.1). */
		return (s->seen & SEEN_STATUS) != 0 || (s->block_flags & HTTP2_END_STREAM) != 0
			       ? NULL
			       : "response without :status";
	default:
		return NULL;
	}
}

bool
bh_http2_has_length(const struct http2_ops *o)
{
	return (o->said & SAID_LENGTH) != 0;
}

/* "/" service "/" method (gRPC over HTTP2, Requests) */
static void
show_grpc(const struct bh_http_path *p, struct bh_op *op)
{
	const uint8_t *service = p->text + 1, *slash;
	size_t len = p->len - 1u, n;

	slash = memchr(service, '/', len);
	if (slash == NULL)
		return;
	n = (size_t)(slash - service);
	if (n == 0 || n + 1 == len || memchr(slash + 1, '/', len - n - 1) != NULL)
		return;
	bh_op_add(op, BH_OP_GRPC_SERVICE, service, n);
	bh_op_add(op, BH_OP_GRPC_METHOD, slash + 1, len - n - 1);
}

void
bh_http2_show(struct bh_ops *s, struct http2_ops *o, struct bh_op *op)
{
	bool grpc_proven = bh_app_is(s->app, BH_APP_GRPC);

	bh_http_request_op(&o->request, &o->authority, "HTTP/2", op);
	if ((o->said & SAID_GRPC) == 0) {
		op->app = grpc_proven ? BH_APP_HTTP2 : s->app;
		return;
	}
	op->app = grpc_proven ? s->app : BH_APP_GRPC;
	if ((o->said & SAID_LITERAL) != 0)
		show_grpc(&o->request.path, op);
}
