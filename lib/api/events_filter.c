/* What of /events and its stream is asked for: arguments into a filter of the event store. */
#include <stdio.h>
#include <time.h>

#include "events.h"

#define SINCE_MAX_MS (UINT64_C(3650) * 86400 * 1000)

static bool
fail_arg(struct bh_api_req *req, const char *name, const char *what)
{
	bh_api_fail(req, BH_PROBLEM_ARGUMENT, &(struct bh_api_where){.argument = name}, "%s", what);
	return false;
}

/* "10m": so long ago. */
static bool
ago(const char *s, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	size_t n = strspn(s, "0123456789"), i;
	uint64_t v;

	if (n == 0 || n > 9)
		return false;
	v = strtoull(s, NULL, 10);
	for (i = 0; i < BH_ARRAY_SIZE(units); i++) {
		if (strcmp(s + n, units[i].unit) == 0) {
			*ms = v * units[i].ms;
			return *ms <= SINCE_MAX_MS;
		}
	}
	return false;
}

/* RFC 3339: "2026-01-02T03:04:05.678901Z", or with an offset, whose + may have become a blank. */
static bool
moment(const char *s, uint64_t *ns)
{
	unsigned hours = 0, minutes = 0;
	uint64_t fraction = 0, unit = BH_NS_PER_SEC / 10;
	struct tm tm = {0};
	const char *p = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	char sign, z;
	time_t t;
	int n = 0;

	if (p == NULL)
		return false;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
			fraction += (uint64_t)(*p - '0') * unit;
	}
	t = timegm(&tm);
	if (sscanf(p, "%c%2u:%2u%n", &sign, &hours, &minutes, &n) == 3 && p[n] == '\0' &&
	    strchr("+- ", sign) != NULL && hours < 24 && minutes < 60)
		t += (sign == '-' ? 1 : -1) * (time_t)(hours * 3600 + minutes * 60);
	else if (sscanf(p, "%c%n", &z, &n) != 1 || z != 'Z' || p[n] != '\0')
		return false;
	*ns = (uint64_t)t * BH_NS_PER_SEC + fraction;
	return t > 0;
}

bool
bh_api_arg_time(struct bh_api_req *req, const char *name, uint64_t *ns)
{
	const char *s = bh_api_arg(req, name);
	uint64_t ms;

	if (s == NULL || moment(s, ns))
		return true;
	if (!ago(s, &ms))
		return fail_arg(req, name,
				"must be a time such as 2026-01-02T03:04:05Z, or so long ago: 10m");
	*ns = bh_clock_system.wall_ns(NULL) - ms * BH_NS_PER_MS;
	return true;
}

/* An address or a prefix, else a segment. */
static void
arg_end(struct bh_api_req *req, const char *name, struct bh_record_end *out)
{
	const char *s = bh_api_arg(req, name);
	struct bh_err err = {0};

	if (s != NULL && bh_prefix_parse(s, &out->address, &err) != 0) {
		out->address = (struct bh_prefix){0};
		out->segment = s;
	}
}

static bool
arg_verdict(struct bh_api_req *req, const char **out)
{
	*out = bh_api_arg(req, "verdict");
	if (*out == NULL || bh_api_word_in(*out, "drop allow violate deny reject pending"))
		return true;
	return fail_arg(req, "verdict", "must be drop, allow, violate, deny, reject or pending");
}

bool
bh_api_events_filter(struct bh_api_req *req, struct bh_record_filter *f)
{
	const char *address = bh_api_arg(req, "address");
	struct bh_err err = {0};
	uint64_t severity = 0;

	*f = (struct bh_record_filter){.kind = bh_api_arg(req, "kind"),
				       .segment = bh_api_arg(req, "segment"),
				       .rule = bh_api_arg(req, "rule"),
				       .application = bh_api_arg(req, "application")};
	arg_end(req, "from", &f->from);
	arg_end(req, "to", &f->to);
	if (address != NULL && bh_prefix_parse(address, &f->address, &err) != 0)
		return fail_arg(req, "address", err.what);
	if (!bh_api_arg_time(req, "since", &f->since_ns) ||
	    !bh_api_arg_time(req, "until", &f->until_ns) || !arg_verdict(req, &f->verdict) ||
	    !bh_api_arg_u64(req, "severity", 3, &severity))
		return false;
	f->severity = (unsigned)severity;
	return true;
}

bool
bh_api_has_events(struct bh_api_req *req)
{
	if (req->api->p.record != NULL)
		return true;
	bh_api_fail(req, BH_PROBLEM_NO_EVENTS, NULL, "set events.store in the configuration");
	return false;
}
