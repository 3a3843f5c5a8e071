/* framing: where a request ends, and for whom it is, must have one reading only. RFC 9112 6.3 lets a
 * server repair some of what is refused here; a proxy in front of us might repair it differently, and
 * the difference is request smuggling. libmicrohttpd 0.9.75 takes the first of several Content-Length
 * headers and ignores transfer codings it does not know, so every header is looked at here. */
#include <microhttpd.h>
#include <strings.h>

#include "front_priv.h"

struct scan {
	struct bh_front_req *req;
	const char *fault;
	enum bh_front_problem problem;
	unsigned lengths, codings;
	bool expect;
};

/* tchar of RFC 9110 5.6.2. A name with a blank at its end ("Content-Length : 5") is another header to
 * a reader that does not trim. */
static bool
name_valid(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		char c = name[i];

		if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z') &&
		    (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
			return false;
	}
	return len != 0;
}

/* field-value of RFC 9110 5.5: no controls but the tab. */
static bool
value_valid(const char *value, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* 1*DIGIT and nothing else: no sign, no list, no blank. 18 digits fit 64 bits. */
static bool
parse_length(const char *value, size_t len, uint64_t *out)
{
	size_t i;

	*out = 0;
	for (i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(value[i] - '0');
	}
	return len != 0 && len <= 18;
}

/* No blank and no control: a reader that ends the target there sees another one (RFC 9112 3.2). */
static bool
target_valid(const char *uri)
{
	for (; *uri != '\0'; uri++) {
		unsigned char c = (unsigned char)*uri;

		if (c <= 0x20 || c == 0x7f)
			return false;
	}
	return true;
}

static void
fault(struct scan *s, const char *what)
{
	if (s->fault == NULL)
		s->fault = what;
}

/* Headers that must not come twice, and where their value goes. */
static const char **
single(struct bh_ipc_head *h, const char *name)
{
	if (strcasecmp(name, "Host") == 0)
		return &h->host;
	if (strcasecmp(name, "Authorization") == 0)
		return &h->authorization;
	if (strcasecmp(name, "Content-Type") == 0)
		return &h->content_type;
	if (strcasecmp(name, "If-Match") == 0)
		return &h->if_match;
	if (strcasecmp(name, "Idempotency-Key") == 0)
		return &h->idempotency_key;
	if (strcasecmp(name, "Cookie") == 0)
		return &h->cookie;
	if (strcasecmp(name, "Origin") == 0)
		return &h->origin;
	return NULL;
}

/* Of these the first counts: no two readings of them do harm. */
static void
plain_header(struct bh_ipc_head *h, const char *name, const char *value)
{
	if (strcasecmp(name, "Accept") == 0 && h->accept == NULL)
		h->accept = value;
	else if (strcasecmp(name, "If-None-Match") == 0 && h->if_none_match == NULL)
		h->if_none_match = value;
	else if (strcasecmp(name, "Last-Event-ID") == 0 && h->last_event_id == NULL)
		h->last_event_id = value;
	else if (strcasecmp(name, "Sec-Fetch-Site") == 0 && h->fetch_site == NULL)
		h->fetch_site = value;
}

static void
framing_header(struct scan *s, const char *name, const char *value, size_t len)
{
	struct bh_ipc_head *h = &s->req->head;

	if (strcasecmp(name, "Content-Length") == 0) {
		if (s->lengths++ != 0)
			fault(s, "Content-Length comes twice");
		else if (!parse_length(value, len, &h->content_length))
			fault(s, "Content-Length is not a plain number");
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		h->chunked = true;
		if (s->codings++ != 0) {
			fault(s, "Transfer-Encoding comes twice");
		} else if (strcasecmp(value, "chunked") != 0) {
			s->problem = BH_PROBLEM_CODING; /* RFC 9112 6.1 */
			fault(s, "the only Transfer-Encoding read here is `chunked`");
		}
	} else if (strcasecmp(name, "Content-Encoding") == 0) {
		if (strcasecmp(value, "identity") != 0) {
			s->problem = BH_PROBLEM_MEDIA_TYPE;
			fault(s, "bodies are read as they are: no Content-Encoding");
		}
	} else if (strcasecmp(name, "Expect") == 0) {
		if (s->expect || strcasecmp(value, "100-continue") != 0)
			fault(s, "the only Expect is one `100-continue`");
		s->expect = true;
	} else {
		plain_header(h, name, value);
	}
}

static enum MHD_Result
one_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
	   size_t value_len)
{
	struct scan *s = arg;
	const char **once;

	(void)kind;
	if (value == NULL) {
		value = "";
		value_len = 0;
	}
	if (!name_valid(name, name_len)) {
		fault(s, "a header name has a character that names do not have");
		return MHD_NO;
	}
	if (!value_valid(value, value_len)) {
		fault(s, "a header value has a control character");
		return MHD_NO;
	}
	once = single(&s->req->head, name);
	if (once == NULL) {
		framing_header(s, name, value, value_len);
	} else if (*once != NULL) {
		fault(s, "Host, Authorization, Content-Type, If-Match, Idempotency-Key, Cookie or "
			 "Origin comes twice");
	} else {
		*once = value;
	}
	return s->fault == NULL ? MHD_YES : MHD_NO;
}

bool
bh_front_framing(struct bh_front_req *req, struct MHD_Connection *conn)
{
	struct scan s = {.req = req, .problem = BH_PROBLEM_FRAMING};
	bool old = strcmp(req->head.version, "HTTP/1.0") == 0;

	if (!target_valid(req->uri))
		fault(&s, "the target has a blank or a control character");
	MHD_get_connection_values_n(conn, MHD_HEADER_KIND, one_header, &s);
	if (s.lengths != 0 && s.codings != 0) {
		s.problem = BH_PROBLEM_FRAMING;
		s.fault = "Content-Length and Transfer-Encoding exclude each other";
	} else if (s.codings != 0 && old) {
		s.problem = BH_PROBLEM_FRAMING;
		s.fault = "HTTP/1.0 has no Transfer-Encoding";
	} else if (s.fault == NULL && req->head.host == NULL && !old) {
		s.fault = "HTTP/1.1 needs a Host header";
	}
	if (s.fault == NULL)
		return true;
	bh_front_fail(req, s.problem, s.fault);
	return false;
}
