/* args: the query of a URI, decoded and checked. */
#include <errno.h>
#include <stdio.h>

#include "api_priv.h"

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
bh_api_decode(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++) {
		int hi, lo;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		hi = hex(s[1]);
		lo = hi < 0 ? -1 : hex(s[2]);
		if (lo < 0 || (hi | lo) == 0)
			return false;
		*out++ = (char)(hi << 4 | lo);
		s += 2;
	}
	*out = '\0';
	return true;
}

static void
fail_arg(struct bh_api_req *req, const char *name, const char *what)
{
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = name}, "%s", what);
}

bool
bh_api_args_parse(struct bh_api_req *req, char *query)
{
	char *save = NULL, *pair, *eq, *p;

	for (p = query; *p != '\0'; p++) {
		if (*p == '+')
			*p = ' '; /* HTML form encoding: what URL libraries write for a blank */
	}
	for (pair = strtok_r(query, "&", &save); pair != NULL; pair = strtok_r(NULL, "&", &save)) {
		struct bh_api_arg *a = &req->arg[req->n_args];

		if (req->n_args == BH_API_MAX_ARGS) {
			fail_arg(req, NULL, "too many query arguments");
			return false;
		}
		eq = strchr(pair, '=');
		a->name = pair;
		a->value = eq != NULL ? eq + 1 : pair + strlen(pair);
		if (eq != NULL)
			*eq = '\0';
		if (!bh_api_decode(a->name) || !bh_api_decode(a->value)) {
			fail_arg(req, NULL, "the query has a broken %-escape");
			return false;
		}
		/* Only these may come twice: of two others, two readers may take different ones. */
		if (!bh_api_word_in(a->name, "label op") && bh_api_arg(req, a->name) != NULL) {
			fail_arg(req, a->name, "given twice");
			return false;
		}
		req->n_args++;
	}
	return true;
}

const char *
bh_api_arg(const struct bh_api_req *req, const char *name)
{
	unsigned i;

	for (i = 0; i < req->n_args; i++) {
		if (strcmp(req->arg[i].name, name) == 0)
			return req->arg[i].value;
	}
	return NULL;
}

/* Decimal digits only: strtoull alone would take "-1" and " 1". */
static bool
parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return errno == 0 && *end == '\0' && *out <= max;
}

bool
bh_api_arg_u64(struct bh_api_req *req, const char *name, uint64_t max, uint64_t *value)
{
	const char *s = bh_api_arg(req, name);
	char what[64];

	if (s == NULL || parse_u64(s, max, value))
		return true;
	snprintf(what, sizeof(what), "must be a number from 0 to %llu", (unsigned long long)max);
	fail_arg(req, name, what);
	return false;
}

bool
bh_api_arg_ms(struct bh_api_req *req, const char *name, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	const uint64_t max = 7 * units[4].ms;
	const char *s = bh_api_arg(req, name);
	char number[12] = "";
	uint64_t v;
	size_t n, i;

	if (s == NULL)
		return true;
	n = strspn(s, "0123456789");
	if (n < sizeof(number))
		memcpy(number, s, n);
	for (i = 0; i < BH_ARRAY_SIZE(units); i++) {
		if (strcmp(s + n, units[i].unit) != 0 || !parse_u64(number, max, &v) ||
		    v * units[i].ms < 1000 || v * units[i].ms > max)
			continue;
		*ms = v * units[i].ms;
		return true;
	}
	fail_arg(req, name, "must be a time from 1s to 7d, such as 10m");
	return false;
}

bool
bh_api_arg_limit(struct bh_api_req *req, size_t *limit)
{
	uint64_t n = BH_API_LIMIT_DEFAULT;
	const char *s = bh_api_arg(req, "limit");

	if (s != NULL && (!parse_u64(s, BH_API_LIMIT_MAX, &n) || n == 0)) {
		fail_arg(req, "limit", "must be a number from 1 to 1000");
		return false;
	}
	*limit = n;
	return true;
}

bool
bh_api_arg_position(struct bh_api_req *req, size_t *position)
{
	const char *s = bh_api_arg(req, "cursor");
	unsigned long long at;
	unsigned revision;
	char again[64];

	*position = 0;
	if (s == NULL)
		return true;
	if (sscanf(s, "%u.%llu", &revision, &at) == 2) {
		snprintf(again, sizeof(again), "%u.%llu", revision, at);
		if (strcmp(again, s) == 0) {
			if (revision == bh_policy_revision(req->api->p.policy)) {
				*position = at;
				return true;
			}
			bh_api_fail(req, BH_PROBLEM_CONFLICT,
				    &(struct bh_api_where){.argument = "cursor"},
				    "the policy was replaced since the first page: start again");
			return false;
		}
	}
	fail_arg(req, "cursor", "must be the `next` of the page before");
	return false;
}

json_t *
bh_api_position(struct bh_api_req *req, size_t position)
{
	char text[48];

	snprintf(text, sizeof(text), "%u.%zu", bh_policy_revision(req->api->p.policy), position);
	return json_string(text);
}

bool
bh_api_page_begin(struct bh_api_req *req, uint64_t max, struct bh_api_page *page)
{
	*page = (struct bh_api_page){.limit = 0};
	if (!bh_api_arg_limit(req, &page->limit) ||
	    !bh_api_arg_u64(req, "cursor", max, &page->before))
		return false;
	page->items = json_array();
	return true;
}

void
bh_api_page_end(struct bh_api_req *req, struct bh_api_page *page, int rc, const struct bh_err *err)
{
	bool more = json_array_size(page->items) == page->limit && page->last > 1;

	if (rc != 0) {
		json_decref(page->items);
		bh_api_fail(req, BH_PROBLEM_INTERNAL, NULL, "%s", err->what);
		return;
	}
	bh_api_json(req, 200,
		    json_pack("{s:o, s:o}", "items", page->items, "next",
			      more ? json_sprintf("%llu", (unsigned long long)page->last)
				   : json_null()));
}

bool
bh_api_has_store(struct bh_api_req *req)
{
	if (req->api->p.store != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_STORE, NULL, "set store.path in the configuration");
	return false;
}

bool
bh_api_has_learn(struct bh_api_req *req)
{
	if (req->api->p.learn != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_LEARNING, NULL,
		    "set learning.record: true in the configuration");
	return false;
}

bh_tenant
bh_api_tenant_make(uint64_t outer, uint64_t inner, uint64_t vni)
{
	return outer << 52 | inner << 40 | vni;
}

/* "12", or "100,12": outer and inner tag. */
static bool
parse_vlan(const char *s, uint64_t vlan[2])
{
	char outer[8];
	size_t n = strcspn(s, ",");

	if (n >= sizeof(outer))
		return false;
	memcpy(outer, s, n);
	outer[n] = '\0';
	if (!parse_u64(outer, BH_API_VLAN_MAX, &vlan[0]) || vlan[0] == 0)
		return false;
	return s[n] == '\0' || (parse_u64(s + n + 1, BH_API_VLAN_MAX, &vlan[1]) && vlan[1] != 0);
}

bool
bh_api_arg_tenant(struct bh_api_req *req, bh_tenant *tenant)
{
	const char *s = bh_api_arg(req, "vlan"), *t = bh_api_arg(req, "vni");
	uint64_t vlan[2] = {0}, vni = 0;

	if (s != NULL && !parse_vlan(s, vlan)) {
		fail_arg(req, "vlan", "must be an id from 1 to 4094, or two: outer,inner");
		return false;
	}
	if (t != NULL && (!parse_u64(t, BH_API_VNI_MAX, &vni) || vni == 0)) {
		fail_arg(req, "vni", "must be a number from 1 to 16777215");
		return false;
	}
	*tenant = bh_api_tenant_make(vlan[0], vlan[1], vni);
	return true;
}
