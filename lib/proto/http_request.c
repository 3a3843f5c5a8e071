/* What an operation shows of an HTTP request, of either version. */
#include "http.h"

/* Method, host, path, protocol, user agent, content type, and gRPC's service and method. */
#define OTHER_VALUES 8

/* Records show them; a longer one is cut, no rule asks. */
static uint8_t
keep(uint8_t *to, struct bh_http_text value)
{
	uint8_t n = value.len < BH_HTTP_TEXT_MAX ? (uint8_t)value.len : BH_HTTP_TEXT_MAX;

	memcpy(to, value.at, n);
	return n;
}

/* Each name once. Rules ask for presence, so that a name too many can only make an operation fit
 * fewer rules. */
static void
add_name(struct bh_http_request *r, struct bh_http_text name)
{
	uint8_t *to = r->names + r->names_len + 1;
	uint16_t i;

	if (name.len > UINT8_MAX || r->names_len + 1 + name.len > sizeof(r->names) ||
	    r->n_names == BH_OP_VALUES - OTHER_VALUES)
		return;
	for (i = 0; i < name.len; i++)
		to[i] = name.at[i] | (name.at[i] >= 'A' && name.at[i] <= 'Z' ? 0x20 : 0);
	for (i = 0; i < r->names_len; i = (uint16_t)(i + 1 + r->names[i])) {
		if (r->names[i] == name.len && memcmp(r->names + i + 1, to, name.len) == 0)
			return;
	}
	to[-1] = (uint8_t)name.len;
	r->names_len = (uint16_t)(r->names_len + 1 + name.len);
	r->n_names++;
}

void
bh_http_request_field(struct bh_http_request *r, struct bh_http_text name,
		      struct bh_http_text value)
{
	add_name(r, name);
	if (BH_HTTP_IS(name, "user-agent"))
		r->agent_len = keep(r->agent, value);
	else if (BH_HTTP_IS(name, "content-type"))
		r->type_len = keep(r->type, value);
}

void
bh_http_request_op(const struct bh_http_request *r, const struct bh_http_authority *host,
		   const char *protocol, struct bh_op *op)
{
	uint16_t i;

	bh_op_add(op, BH_OP_HTTP_METHOD, r->method, r->method_len);
	if (host->len != 0)
		bh_op_add(op, BH_OP_HTTP_HOST, host->host, host->len);
	if (r->path.len != 0)
		bh_op_add(op, BH_OP_HTTP_PATH, r->path.text, r->path.len);
	bh_op_add(op, BH_OP_HTTP_PROTOCOL, protocol, strlen(protocol));
	if (r->agent_len != 0)
		bh_op_add(op, BH_OP_HTTP_USER_AGENT, r->agent, r->agent_len);
	if (r->type_len != 0)
		bh_op_add(op, BH_OP_HTTP_CONTENT_TYPE, r->type, r->type_len);
	for (i = 0; i < r->names_len; i = (uint16_t)(i + 1 + r->names[i]))
		bh_op_add(op, BH_OP_HTTP_HEADER, r->names + i + 1, r->names[i]);
}
