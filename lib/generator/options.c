/* The generator's options: option.def, read and compared. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

enum kind { TEXT, NUMBER, REAL, WORD, FLAG, GROUP };

struct line {
	enum kind kind;
	const char *name, *arg, *text, *normal;
	size_t at;
	double def, min, max;
};

#define AT(field) offsetof(struct bh_gen_options, field)
static const struct line lines[] = {
#define BH_GEN_TEXT(field, name, arg, def, text) {TEXT, name, arg, text, def, AT(field), 0, 0, 0},
#define BH_GEN_NUMBER(field, name, def, min, max, text)                                            \
	{NUMBER, name, "N", text, "", AT(field), (double)(def), (double)(min), (double)(max)},
#define BH_GEN_REAL(field, name, arg, def, min, max, text)                                         \
	{REAL, name, arg, text, "", AT(field), def, min, max},
#define BH_GEN_WORD(field, name, words, def, text)                                                 \
	{WORD, name, words, text, "", AT(field), def, 0, 0},
#define BH_GEN_FLAG(field, name, text) {FLAG, name, "", text, "", AT(field), 0, 0, 0},
#define BH_GEN_GROUP(title) {GROUP, title, "", "", "", 0, 0, 0, 0},
#include "option.def"
#undef BH_GEN_TEXT
#undef BH_GEN_NUMBER
#undef BH_GEN_REAL
#undef BH_GEN_WORD
#undef BH_GEN_FLAG
#undef BH_GEN_GROUP
};

void
bh_gen_options_default(struct bh_gen_options *o)
{
	unsigned i;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		uint8_t *field = (uint8_t *)o + lines[i].at;

		if (lines[i].kind == TEXT)
			snprintf((char *)field, BH_GEN_TEXT_SIZE, "%s", lines[i].normal);
		else if (lines[i].kind == NUMBER)
			*(uint64_t *)(void *)field = (uint64_t)lines[i].def;
		else if (lines[i].kind == REAL)
			*(double *)(void *)field = lines[i].def;
		else if (lines[i].kind == WORD)
			*(unsigned *)(void *)field = (unsigned)lines[i].def;
	}
}

/* "2.5M". 0 or -EINVAL. */
static int
parse_number(const char *text, double *out)
{
	char *end;
	double v;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	v = strtod(text, &end);
	if (*end == 'k' || *end == 'M' || *end == 'G') {
		v *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1e9;
		end++;
	}
	if (*end != '\0' || !isfinite(v))
		return -EINVAL;
	*out = v;
	return 0;
}

static int
set_word(unsigned *field, const struct line *l, const char *value, struct bh_err *err)
{
	const char *p = l->arg;
	unsigned i;

	for (i = 0; *p != '\0'; i++) {
		size_t n = strcspn(p, " ");

		if (strlen(value) == n && memcmp(p, value, n) == 0) {
			*field = i;
			return 0;
		}
		p += n + (p[n] == ' ');
	}
	return bh_err_set(err, EINVAL, "%s: '%s' is none of: %s", l->name, value, l->arg);
}

int
bh_gen_options_set(struct bh_gen_options *o, const char *name, const char *value,
		   struct bh_err *err)
{
	const struct line *l = lines;
	uint8_t *field;
	double v;

	while (l < lines + BH_ARRAY_SIZE(lines) && (l->kind == GROUP || strcmp(l->name, name) != 0))
		l++;
	if (l == lines + BH_ARRAY_SIZE(lines))
		return bh_err_set(err, ENOENT, "there is no option '%s'", name);
	field = (uint8_t *)o + l->at;
	switch (l->kind) {
	case FLAG:
		*(bool *)field = true;
		return 0;
	case TEXT:
		if (strlen(value) >= BH_GEN_TEXT_SIZE)
			return bh_err_set(err, EINVAL, "%s: its value is longer than %d bytes",
					  name, BH_GEN_TEXT_SIZE - 1);
		memcpy(field, value, strlen(value) + 1);
		return 0;
	case WORD:
		return set_word((unsigned *)(void *)field, l, value, err);
	default:
		if (parse_number(value, &v) < 0 || v < l->min || v > l->max ||
		    (l->kind == NUMBER && v != floor(v)))
			return bh_err_set(err, EINVAL, "%s: '%s' is not a%s number from %g to %g",
					  name, value, l->kind == NUMBER ? " whole" : "", l->min,
					  l->max);
		if (l->kind == REAL)
			*(double *)(void *)field = v;
		else
			*(uint64_t *)(void *)field =
				v >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)v;
		return 0;
	}
}

static int
read_mac(const char *name, const char *text, uint8_t out[6], bool *known, struct bh_err *err)
{
	unsigned v[6], i;
	int end = 0;

	if (text[0] == '\0')
		return 0;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
		   &end) != 6 ||
	    text[end] != '\0')
		return bh_err_set(err, EINVAL, "%s: '%s' is not an address like 02:00:00:00:00:01",
				  name, text);
	for (i = 0; i < 6; i++)
		out[i] = (uint8_t)v[i];
	*known = true;
	return 0;
}

static int
read_router(struct bh_gen_options *o, unsigned side, const char *text, struct bh_err *err)
{
	struct bh_err why = {0};
	struct bh_prefix p;

	if (text[0] == '\0')
		return 0;
	if (bh_prefix_parse(text, &p, &why) < 0 || p.family != o->wire.net[0].family ||
	    p.len != (p.family == BH_IP4 ? 32 : 128))
		return bh_err_set(err, EINVAL,
				  "%s-router: '%s' is not an address of the family of the networks",
				  side == BH_GEN_CLIENT ? "client" : "server", text);
	memcpy(o->next[side], p.addr, 16);
	o->routed[side] = true;
	return 0;
}

/* How many clients: as many as flows, but not more than one would see behind one port of an access switch. */
static void
default_clients(struct bh_gen_options *o)
{
	const struct bh_prefix *p = &o->wire.net[BH_GEN_CLIENT];
	uint64_t n = o->clients != 0 ? o->clients : o->flows < 250 ? o->flows : 250;

	if (o->clients == 0 && p->len == (p->family == BH_IP4 ? 32 : 128))
		n = 1;
	o->wire.hosts[BH_GEN_CLIENT] = (uint32_t)n;
	o->wire.hosts[BH_GEN_SERVER] = (uint32_t)o->servers;
}

static int
read_wire(struct bh_gen_options *o, struct bh_err *err)
{
	static const uint16_t ports[] = {
		[BH_GEN_HTTP] = 80, [BH_GEN_REDIS] = 6379, [BH_GEN_TLS] = 443};
	struct bh_err why = {0};
	int rc;

	if (bh_prefix_parse(o->client_net, &o->wire.net[BH_GEN_CLIENT], &why) < 0)
		return bh_err_set(err, EINVAL, "client-net: %s", why.what);
	if (bh_prefix_parse(o->server_net, &o->wire.net[BH_GEN_SERVER], &why) < 0)
		return bh_err_set(err, EINVAL, "server-net: %s", why.what);
	default_clients(o);
	o->wire.vlan = (uint16_t)o->vlan;
	/* echo, as RFC 2544 C.2.6.4 has it; those that the protocols have */
	o->wire.port = bh_gen_options_connect(o) ? ports[o->protocol] : 7;
	if (o->port != 0)
		o->wire.port = (uint16_t)o->port;
	rc = bh_gen_wire_check(&o->wire, err);
	if (rc == 0 && o->flows > bh_gen_wire_flows(&o->wire))
		rc = bh_err_set(err, EINVAL,
				"flows: %llu are more than %u clients, %u servers and %d ports "
				"make: give more --clients",
				(unsigned long long)o->flows, o->wire.hosts[0], o->wire.hosts[1],
				BH_GEN_PORTS);
	if (rc == 0)
		rc = read_mac("server-mac", o->server_mac, o->wire.to[BH_GEN_CLIENT],
			      &o->to_known[BH_GEN_CLIENT], err);
	if (rc == 0)
		rc = read_mac("client-mac", o->client_mac, o->wire.to[BH_GEN_SERVER],
			      &o->to_known[BH_GEN_SERVER], err);
	if (rc == 0)
		rc = read_router(o, BH_GEN_CLIENT, o->client_router, err);
	if (rc == 0)
		rc = read_router(o, BH_GEN_SERVER, o->server_router, err);
	return rc;
}

/* Comma-separated numbers. */
static int
read_list(const char *name, const char *text, double max, double *out, unsigned *n, unsigned room,
	  struct bh_err *err)
{
	char *end;

	for (*n = 0; *text != '\0'; text = *end == ',' ? end + 1 : end) {
		double v = strtod(text, &end);

		if (end == text || (*end != '\0' && *end != ',') || !(v >= 0 && v <= max))
			return bh_err_set(err, EINVAL, "%s: '%s' is not a list of numbers up to %g",
					  name, text, max);
		if (*n == room)
			return bh_err_set(err, EINVAL, "%s: more than %u numbers", name, room);
		out[(*n)++] = v;
	}
	return 0;
}

static int
read_cores(struct bh_gen_options *o, struct bh_err *err)
{
	double cpu[BH_MAX_WORKERS];
	unsigned i;
	int rc = read_list("cores", o->cores, 1023, cpu, &o->n_workers, BH_MAX_WORKERS, err);

	for (i = 0; rc == 0 && i < o->n_workers; i++)
		o->worker[i] = (uint16_t)cpu[i];
	return rc;
}

static int
read_frames(struct bh_gen_options *o, struct bh_err *err)
{
	const uint16_t least = bh_gen_probe_least(&o->wire);
	unsigned i;
	int rc = bh_gen_frames_parse(&o->trials, o->frames, err);

	if (rc == 0)
		rc = bh_gen_pattern_parse(o->pattern, &o->order, &o->exponent, err);
	for (i = 0; rc == 0 && !bh_gen_options_connect(o) && i < o->trials.n; i++) {
		if (bh_gen_mix_least(&o->trials.mix[i]) < least)
			rc = bh_err_set(err, EINVAL,
					"frames: %u bytes have no room for a probe with these "
					"addresses and tags: %u at least",
					bh_gen_mix_least(&o->trials.mix[i]), least);
		else if (o->mtu != 0 && bh_gen_mix_largest(&o->trials.mix[i]) >
						o->mtu + bh_gen_wire_l2(&o->wire) + BH_GEN_FCS)
			rc = bh_err_set(err, EINVAL, "frames: %u bytes do not pass an MTU of %llu",
					bh_gen_mix_largest(&o->trials.mix[i]),
					(unsigned long long)o->mtu);
	}
	return rc;
}

/* What depends on the test. */
static int
read_connections(struct bh_gen_options *o, struct bh_err *err)
{
	const char *sizes = o->size;
	unsigned i;
	int rc;

	if (!bh_gen_options_connect(o))
		return 0;
	if (sizes[0] == '\0')
		sizes = o->test == BH_GEN_TEST_TPS ? "1,16,64,256" : "1";
	rc = read_list("size", sizes, BH_GEN_KIB_MAX, o->kib, &o->n_sizes, BH_GEN_SIZES, err);
	for (i = 0; rc == 0 && i < o->n_sizes; i++) {
		if (o->kib[i] != floor(o->kib[i]))
			rc = bh_err_set(err, EINVAL, "size: %g is not whole", o->kib[i]);
	}
	if (rc == 0 && o->mss != 0 && o->mss < BH_GEN_REQUEST_MAX)
		rc = bh_err_set(err, EINVAL, "mss: a request needs %d", BH_GEN_REQUEST_MAX);
	if (o->connections == 0)
		o->connections = o->test == BH_GEN_TEST_CPS   ? 100
				 : o->test == BH_GEN_TEST_TPS ? 10
							      : 10000;
	if (o->transactions == 0 && o->test == BH_GEN_TEST_CPS)
		o->transactions = 1;
	if (o->think == 0 && o->test == BH_GEN_TEST_CONCURRENT)
		o->think = 1;
	if (rc == 0 && o->connections > bh_gen_wire_flows(&o->wire))
		rc = bh_err_set(err, EINVAL,
				"connections: more than these hosts' ports: give more "
				"--clients");
	return rc;
}

int
bh_gen_options_finish(struct bh_gen_options *o, struct bh_err *err)
{
	int rc;

	o->has[BH_GEN_CLIENT] = o->client[0] != '\0';
	o->has[BH_GEN_SERVER] = o->server[0] != '\0';
	if (!o->has[BH_GEN_CLIENT] && !o->has[BH_GEN_SERVER])
		return bh_err_set(err, EINVAL,
				  "no port: give --client DEVICE, --server DEVICE, or both");
	if (o->both_ways && (o->reflect || !o->has[BH_GEN_SERVER]))
		return bh_err_set(err, EINVAL,
				  "both-ways needs both ports here, and does not go with reflect");
	if (strcmp(o->rate, "max") != 0 &&
	    (parse_number(o->rate, &o->pps) < 0 || o->pps < 0.001 || o->pps > 1e10))
		return bh_err_set(err, EINVAL, "rate: '%s' is neither max nor a number (10k, 1.5M)",
				  o->rate);
	rc = read_wire(o, err);
	if (rc == 0)
		rc = read_frames(o, err);
	if (rc == 0)
		rc = read_connections(o, err);
	if (rc == 0)
		rc = read_cores(o, err);
	if (rc == 0)
		rc = read_list("at", o->at, 100, o->share, &o->n_at, BH_GEN_AT, err);
	return rc;
}

struct bh_gen_option_info
bh_gen_option_info(unsigned index)
{
	struct bh_gen_option_info info = {0};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		if (lines[i].kind == GROUP) {
			info.group = lines[i].name;
			continue;
		}
		if (index-- == 0) {
			info.name = lines[i].name;
			info.value = lines[i].kind != FLAG;
			return info;
		}
	}
	return (struct bh_gen_option_info){0};
}

/* The default, as one would write it. */
static void
put_default(struct bh_buf *out, const struct line *l)
{
	const char *word = l->arg;
	unsigned i;

	if (l->kind == TEXT && l->normal[0] != '\0') {
		bh_buf_printf(out, " [%s]", l->normal);
	} else if (l->kind == NUMBER || l->kind == REAL) {
		bh_buf_printf(out, " [%.10g]", l->def);
	} else if (l->kind == WORD) {
		for (i = 0; i < (unsigned)l->def; i++)
			word = strchr(word, ' ') + 1;
		bh_buf_printf(out, " [%.*s]", (int)strcspn(word, " "), word);
	}
}

void
bh_gen_options_help(struct bh_buf *out)
{
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(lines); i++) {
		const struct line *l = &lines[i];
		char head[300];
		const char *p;

		if (l->kind == GROUP) {
			bh_buf_printf(out, "%s:\n", l->name);
			continue;
		}
		snprintf(head, sizeof(head), "--%s%s%s", l->name, l->kind == FLAG ? "" : " ",
			 l->kind == WORD ? "WORD" : l->arg);
		bh_buf_printf(out, "  %-22s %s", head, l->text);
		if (l->kind == WORD) {
			bh_buf_str(out, ": ");
			for (p = l->arg; *p != '\0'; p++)
				bh_buf_add(out, *p == ' ' ? "|" : p, 1);
		}
		put_default(out, l);
		bh_buf_str(out, "\n");
	}
}
