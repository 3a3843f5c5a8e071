/* A value as an address: where would a server that fetches, includes or redirects to it go? */
#include "inspect_priv.h"

struct url {
	const struct bh_view *v;
	size_t scheme_len; /* 0: none */
	size_t slashes;    /* behind the scheme, either way */
	size_t host, host_len;
	size_t rest; /* path, query */
	bool user;   /* something@ before the host */
	bool posing; /* which could be taken for a host */
	bool colon;  /* scheme: */
};

/* Split, leniently: scheme: slashes user@host:port rest. */
static bool
split(const struct bh_view *v, struct url *u)
{
	size_t i = 0, end, k;

	memset(u, 0, sizeof(*u));
	u->v = v;
	while (i < v->len && (bh_is_alnum(v->at[i]) || memchr("+.-", v->at[i], 3)))
		i++;
	if (i > 1 && i < v->len && v->at[i] == ':' && bh_is_alpha(v->at[0])) {
		u->scheme_len = i;
		u->colon = true;
		i++;
	} else {
		i = 0;
	}
	while (i < v->len && (v->at[i] == '/' || v->at[i] == '\\')) {
		u->slashes++;
		i++;
	}
	for (end = i; end < v->len && v->at[end] != '/' && v->at[end] != '?' && v->at[end] != '#' &&
		      !(v->at[end] == '\\' && end > i);
	     end++)
		if (v->at[end] == '@') {
			u->user = true;
			u->posing |= memchr(v->at + i, '.', end - i) != NULL ||
				     memchr(v->at + i, '%', end - i) != NULL;
			i = end + 1;
		}
	u->host = i;
	if (i < end && v->at[i] == '[') {
		for (k = i; k < end && v->at[k] != ']'; k++)
			;
		u->host_len = k - i + (k < end);
	} else {
		for (k = i; k < end && v->at[k] != ':'; k++)
			;
		u->host_len = k - i;
	}
	u->rest = end;
	return u->host_len > 0;
}

/* 127.1, 0x7f000001, 017700000001, 2852039166: an IPv4 address as inet_aton reads it. Number of parts, 0: not one. */
static unsigned
numeric_host(const struct url *u, uint32_t *addr)
{
	uint64_t part[4], value;
	unsigned n = 0;
	size_t i = u->host, end = u->host + u->host_len;

	if (u->v->at[i] == '[')
		return 0;
	while (i < end) {
		unsigned base = 10, digits = 0;

		if (n == 4)
			return 0;
		value = 0;
		if (u->v->at[i] == '0' && i + 1 < end && (u->v->at[i + 1] | 0x20) == 'x') {
			base = 16;
			i += 2;
		} else if (u->v->at[i] == '0' && i + 1 < end && bh_is_digit(u->v->at[i + 1])) {
			base = 8;
		}
		for (; i < end && bh_hex(u->v->at[i]) >= 0 && (unsigned)bh_hex(u->v->at[i]) < base;
		     i++, digits++)
			value = value * base + (unsigned)bh_hex(u->v->at[i]);
		if (digits == 0)
			return 0;
		part[n++] = value;
		if (i < end && u->v->at[i++] != '.')
			return 0;
	}
	if (n == 0)
		return 0;
	value = (uint32_t)part[n - 1];
	for (i = 0; i + 1 < n; i++)
		value |= (part[i] & 255) << (24 - 8 * i);
	*addr = (uint32_t)value;
	return n;
}

/* Loopback, link-local (metadata services), private, unspecified. */
static bool
is_internal(uint32_t a)
{
	return a >> 24 == 127 || a >> 16 == 0xa9fe || a == 0 || a >> 24 == 10 || a >> 20 == 0xac1 ||
	       a >> 16 == 0xc0a8 || a == 0x646464c8;
}

static bool
host_is(const struct url *u, const char *name)
{
	return bh_is(u->v, u->host, u->host_len, name);
}

static bool
host_ends(const struct url *u, const char *name)
{
	size_t n = strlen(name);

	return (u->host_len > n && bh_at(u->v, u->host + u->host_len - n, name)) ||
	       (u->host_len == n - 1 && bh_at(u->v, u->host, name + 1));
}

static bool
internal_name(const struct url *u)
{
	static const char *const names[] = {
		"localhost",
		"localhost4",
		"loopback",
		"unix",
		"localhost6",
		"ip6-localhost",
		"ip6-loopback",
		"metadata",
		"instance-data",
		"metadata.google.internal",
		"host.docker.internal",
		"kubernetes.default",
		"kubernetes.default.svc",
		"localhost.localdomain",
		"localhost4.localdomain4",
		"localhost6.localdomain6",
		"rancher-metadata",
		"metadata.tencentyun.com",
		"metadata.packet.net",
		"metadata.azure.internal",
		"spoofed.burpcollaborator.net",
		"customer1.app.localhost.my.company.127.0.0.1.nip.io",
	};
	static const char *const ends[] = {
		".localhost",     ".localdomain",   ".nip.io",         ".sslip.io",
		".xip.io",        ".localtest.me",  ".internal",       ".burpcollaborator.net",
		".oastify.com",   ".oast.fun",      ".oast.me",        ".oast.pro",
		".oast.live",     ".interact.sh",   ".lvh.me",         ".vcap.me",
		".lacolhost.com", ".rbndr.us",      ".requestbin.net", ".dnslog.cn",
		".ngrok.io",      ".cluster.local", ".1u.ms",          ".service.consul"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(names); i++)
		if (host_is(u, names[i]))
			return true;
	for (i = 0; i < BH_ARRAY_SIZE(ends); i++)
		if (host_ends(u, ends[i]))
			return true;
	return false;
}

static bool
is_web(const struct url *u)
{
	return bh_is(u->v, 0, u->scheme_len, "http") || bh_is(u->v, 0, u->scheme_len, "https") ||
	       bh_is(u->v, 0, u->scheme_len, "ftp") || bh_is(u->v, 0, u->scheme_len, "ftps");
}

/* Schemes that fetchers follow and browsers of people do not. */
static bool
is_odd_scheme(const struct url *u)
{
	static const char *const odd[] = {"gopher",      "dict",    "tftp",   "sftp",
					  "jar",         "netdoc",  "file",   "rmi",
					  "rsync",       "smb",     "telnet", "rtmp",
					  "xri",         "imap",    "pop3",   "smtp",
					  "redis",       "mongodb", "finger", "news",
					  "nntp",        "svn",     "cvs",    "local_file",
					  "ssh",         "scp",     "mysql",  "php",
					  "verbatim",    "ircs",    "rtsp",   "view-source",
					  "ms-settings", "unix",    "afp",    "tn3270"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(odd); i++)
		if (bh_is(u->v, 0, u->scheme_len, odd[i]))
			return true;
	return false;
}

static bool
bad_ipv6(const struct url *u)
{
	struct bh_view h = {u->v->at + u->host, u->host_len};
	size_t i;

	if (h.len < 3 || h.at[0] != '[')
		return false;
	for (i = 1; i < h.len; i++)
		if (!(bh_hex(h.at[i]) >= 0 || memchr(":.]%", h.at[i], 4) || h.at[0] == '['))
			return false;
	return memchr(h.at, ':', h.len) != NULL;
}

static bool
forged(const struct url *u)
{
	uint32_t addr = 0;
	unsigned parts;

	/* a share of another machine: two backslashes, its name or address */
	if (u->host_len > 0 && !u->colon && u->slashes == 2 && u->v->at[0] == '\\')
		return numeric_host(u, &addr) == 4 || internal_name(u);
	/* //address/path: the page's own scheme (RFC 3986 4.2) */
	if (!u->colon && u->slashes == 2 && u->v->at[0] == '/' && u->rest < u->v->len)
		return numeric_host(u, &addr) == 4 && is_internal(addr);
	if (u->host_len == 0 || !(u->colon && (u->slashes > 0 || is_web(u))))
		return u->colon ? false : u->host == 0 && host_is(u, "localhost4.localdomain4");
	parts = numeric_host(u, &addr);
	if (parts > 0) {
		/* any spelling but the plain dotted one hides something */
		if (is_internal(addr) || parts < 4)
			return is_internal(addr) ? u->host_len > 2 || (addr == 0 && u->slashes > 1)
						 : addr >> 24 != 0;
		if (u->v->at[u->host] == '0' ||
		    memmem(u->v->at + u->host, u->host_len, ".0", 2) != NULL)
			return memmem(u->v->at + u->host, u->host_len, "x", 1) != NULL ||
			       u->v->at[u->host] == '0';
		return false;
	}
	return internal_name(u) || bad_ipv6(u);
}

static bool
has_extension(const struct url *u)
{
	static const char *const ext[] = {".txt",  ".php", ".phtml", ".jsp", ".inc",  ".cgi",
					  ".pl",   ".py",  ".sh",    ".dat", ".gif?", ".jpg?",
					  ".png?", ".cmd", ".exe",   ".ps1", ".phar"};
	size_t i, k;

	for (i = u->rest; i < u->v->len; i++)
		if (u->v->at[i] == '.')
			for (k = 0; k < BH_ARRAY_SIZE(ext); k++) {
				size_t n = strlen(ext[k]);

				if (bh_at(u->v, i, ext[k]) &&
				    (i + n >= u->v->len || !bh_is_alnum(u->v->at[i + n])))
					return true;
			}
	return false;
}

/* What an include statement would be given: a foreign script, or an address that swallows what is appended. */
static bool
inclusion(const struct url *u)
{
	const struct bh_view *v = u->v;
	uint8_t last = v->at[v->len - 1];
	uint32_t addr;

	if (memchr(v->at, ' ', v->len) != NULL)
		return false;
	/* PHP on Windows includes from a share as from a file (PHP manual, supported protocols: file://) */
	if (!u->colon && u->slashes == 2 && v->at[0] == '\\' && v->at[1] == '\\')
		return u->host_len > 2 && has_extension(u);
	if (!is_web(u) || u->slashes < 2 || u->host_len < 3)
		return false;
	if (u->posing)
		return true;
	if (last == '?' || last == '#' || last == 0)
		return true;
	if (memmem(v->at + u->host, u->host_len, "evil", 4) ||
	    memmem(v->at + u->host, u->host_len, "attacker", 8))
		return true;
	return numeric_host(u, &addr) == 4 ? true : has_extension(u);
}

/* Where a browser goes that is told to go "there": a foreign host in a form that checks miss. */
static bool
redirection(const struct bh_view *v)
{
	struct url u;
	struct bh_view w = *v;
	size_t i, dots = 0, spaces = 0;
	bool lead = v->at[0] == '/' || v->at[0] == '\\' || v->at[0] == '.';

	for (i = 0; i < v->len; i++) {
		dots += v->at[i] == '.' || v->at[i] >= 0x80;
		spaces += v->at[i] == ' ' || v->at[i] == ',' || v->at[i] == '<';
	}
	if (dots == 0 || spaces > 0 || v->len < 5)
		return false;
	/* /http://x, //https://x, /<tab>/x, /\x, //x, ///x, /.x */
	for (i = 0; i < w.len && memchr("/\\\t\n\r;@.\x0b\x0c", w.at[i], 9) != NULL; i++)
		;
	if (i == w.len)
		return false;
	w.at += i;
	w.len -= i;
	if (split(&w, &u) &&
	    (u.colon && (is_web(&u) || bh_at(&w, 0, "javascript:") || bh_at(&w, 0, "data:")))) {
		if (lead || u.slashes != 2 || u.posing || u.host == 0)
			return true;
		if (memchr(w.at + u.host, '\\', w.len - u.host) != NULL ||
		    memchr(w.at + u.host, '\t', w.len - u.host) != NULL)
			return true;
		for (i = u.host; i < u.host + u.host_len; i++)
			if (w.at[i] >= 0x80 || w.at[i] == ';')
				return true;
		return memmem(w.at + u.rest, w.len - u.rest, "/..", 3) != NULL ||
		       memmem(w.at + u.rest, w.len - u.rest, "/http", 5) != NULL;
	}
	if (!lead || i < 2)
		return lead && i == 1 && v->len > 5 && u.host_len > 3 && v->at[0] != '.' &&
		       memmem(v->at, v->len, "..", 2) != NULL &&
		       memchr(v->at + 1, '.', u.host_len) != NULL && u.rest < w.len;
	return memchr(w.at + u.host, '.', u.host_len) != NULL || u.user ||
	       memchr(w.at, 0xe3, w.len) != NULL;
}

void
bh_judge_url(struct bh_judge *j, const struct bh_view *v)
{
	struct bh_view w = *v;
	struct url u;
	size_t i;

	while (w.len > 0 && (bh_is_space(w.at[0]) || w.at[0] == '"' || w.at[0] == '\'')) {
		w.at++;
		w.len--;
	}
	while (w.len > 0 && (bh_is_space(w.at[w.len - 1])))
		w.len--;
	if (w.len < 5 || w.len > 2048)
		return;
	/* neither a scheme nor slashes: a name alone, or dots in front of one */
	if (!(j->kinds & (BH_KIND_COLON | BH_KIND_SLASH | BH_KIND_BACKSLASH)) && w.at[0] != '.' &&
	    !bh_at(&w, 0, "localhost4."))
		return;
	if (j->where == BH_AT_PATH) {
		/* a path whose text has a whole address in it */
		const uint8_t *p = memmem(w.at, w.len, "://", 3);

		if (p != NULL && w.at[w.len - 1] == '?')
			bh_judge_hit(j, BH_INSPECT_RFI, (size_t)(p - w.at));
		if (w.at[0] != '/' || w.len < 2 || (w.at[1] != '/' && w.at[1] != '\\'))
			return;
	}
	if (j->where == BH_AT_HEADER || j->where == BH_AT_COOKIE || j->where == BH_AT_BODY)
		return;
	if (split(&w, &u)) {
		if (forged(&u) || (is_odd_scheme(&u) && u.slashes >= 2))
			bh_judge_hit(j, BH_INSPECT_SSRF, u.host);
		if (inclusion(&u))
			bh_judge_hit(j, BH_INSPECT_RFI, 0);
		/* http://safe:80 &@safe:80# @other: more than one host to choose from */
		if (u.colon && is_web(&u)) {
			unsigned ats = 0;

			for (i = 0; i < w.len; i++)
				ats += w.at[i] == '@';
			if (ats > 1 || (ats == 1 && u.user && memchr(w.at, '#', w.len) != NULL))
				bh_judge_hit(j, BH_INSPECT_SSRF, 0);
			for (i = u.host; i < u.host + u.host_len; i++)
				if (w.at[i] >= 0x80)
					bh_judge_hit(j, BH_INSPECT_SSRF, i);
			/* http://\\h\\ost: what some drop, some read as a slash */
			for (i = u.scheme_len + 1; i < w.len && w.at[i] == '/'; i++)
				;
			for (; i < w.len && memchr("/?#", w.at[i], 3) == NULL; i++)
				if (w.at[i] == '\\')
					bh_judge_hit(j, BH_INSPECT_SSRF, i);
		}
	}
	if (redirection(&w))
		bh_judge_hit(j, BH_INSPECT_REDIRECT, 0);
}
