/* value: from JSON to the text of a cell. */
#include <stdlib.h>

#include "ctl.h"

json_t *
bh_ctl_value_at(json_t *o, const char *path)
{
	char part[64];
	size_t n;

	for (; o != NULL && *path != '\0'; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		if (n >= sizeof(part))
			return NULL;
		memcpy(part, path, n);
		part[n] = '\0';
		o = json_object_get(o, part);
	}
	return o;
}

static void
value_scalar(struct bh_buf *b, json_t *v)
{
	if (json_is_string(v))
		bh_buf_str(b, json_string_value(v));
	else if (json_is_integer(v))
		bh_buf_printf(b, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		bh_buf_printf(b, "%g", json_real_value(v));
	else if (json_is_boolean(v))
		bh_buf_str(b, json_is_true(v) ? "yes" : "no");
}

/* {"address": "10.0.0.1", "port": 80} as 10.0.0.1:80, [2001:db8::1]:80. */
static void
value_end(struct bh_buf *b, json_t *v)
{
	const char *address = json_string_value(json_object_get(v, "address"));
	json_t *port = json_object_get(v, "port");

	if (address == NULL)
		return;
	if (port == NULL)
		bh_buf_str(b, address);
	else
		bh_buf_printf(b, strchr(address, ':') != NULL ? "[%s]:%lld" : "%s:%lld", address,
			      (long long)json_integer_value(port));
}

/* {"application": "redis", "operations": {"commands": ["get", "set"]}} as redis (commands: get,set). */
static void
value_application(struct bh_buf *b, json_t *v)
{
	const char *key;
	json_t *patterns, *item;
	size_t n = 0, i;

	value_scalar(b, json_object_get(v, "application"));
	json_object_foreach(json_object_get(v, "operations"), key, patterns)
	{
		bh_buf_printf(b, "%s%s: ", n++ == 0 ? " (" : "; ", key);
		json_array_foreach(patterns, i, item)
		{
			bh_buf_str(b, i != 0 ? "," : "");
			value_scalar(b, item);
		}
	}
	bh_buf_str(b, n != 0 ? ")" : "");
}

void
bh_ctl_value_text(struct bh_buf *b, json_t *v, unsigned flags)
{
	const char *key;
	json_t *item;
	size_t i;

	if ((flags & BH_COL_END) != 0) {
		value_end(b, v);
	} else if ((flags & BH_COL_MAP) != 0) {
		i = 0;
		json_object_foreach(v, key, item)
		{
			bh_buf_printf(b, "%s%s=", i++ != 0 ? "," : "", key);
			value_scalar(b, item);
		}
	} else if (json_is_array(v)) {
		if ((flags & BH_COL_APPS) != 0 && json_array_size(v) == 0)
			bh_buf_str(b, "any");
		json_array_foreach(v, i, item)
		{
			if (i != 0)
				bh_buf_str(b, ",");
			if (json_is_object(item))
				value_application(b, item);
			else
				value_scalar(b, item);
		}
	} else {
		value_scalar(b, v);
	}
}

void
bh_ctl_clean(char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];

		if (c < 0x20 || c == 0x7f)
			*s = '?';
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f)
			*s = s[1] = '?';
	}
}

void
bh_ctl_put_clean(FILE *out, const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		return;
	bh_ctl_clean(copy);
	fputs(copy, out);
	free(copy);
}

void
bh_ctl_human(char *out, size_t size, double v)
{
	static const char steps[] = " kMGTPE";
	unsigned i = 0;

	/* 999.5 would be printed as 1000 with this step's letter. */
	while (v >= 999.5 && i < sizeof(steps) - 2) {
		v /= 1000;
		i++;
	}
	if (i == 0)
		snprintf(out, size, "%.0f", v);
	else
		snprintf(out, size, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, steps[i]);
}
