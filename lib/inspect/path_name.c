/* Names of files that only their system should read: their own, their directories'. */
#include "path.h"

static const char *const files[] = {
#include "path_file.def"
};

static const char *const roots[] = {
#include "path_root.def"
};

/* Does the path from pos on (slashes either way, repeated or not, dots skipped) name one of them? */
static bool
spells_file(const struct bh_view *v, size_t pos, const char *file)
{
	size_t i = pos, limit;

	for (; *file != '\0'; file++) {
		if (i >= v->len)
			return false;
		if (*file == '/') {
			if (!bh_path_is_slash(v->at[i]))
				return false;
			/* no run of slashes and dots is that long in earnest: work stays bounded */
			limit = i + 32;
			while (i < v->len && i < limit &&
			       (bh_path_is_slash(v->at[i]) || (v->at[i] == '.' && i + 1 < v->len &&
							       bh_path_is_slash(v->at[i + 1]))))
				i++;
			continue;
		}
		if (bh_lower(v->at[i]) != (uint8_t)*file)
			return false;
		i++;
	}
	/* /etc/passwd-like: a word that goes on */
	return !(i + 1 < v->len && v->at[i] == '-' && bh_is_alpha(v->at[i + 1]) &&
		 bh_is_alpha(v->at[i - 1]));
}

/* One of a sorted list, in which every path begins with a slash and another
 * byte: only those whose second byte is the one behind the text's slashes are
 * compared. */
static bool
spells_any(const struct bh_view *v, size_t pos, const char *const *list, unsigned n)
{
	size_t i = pos + 1, limit = pos + 32;
	unsigned lo = 0, hi = n;
	uint8_t c;

	while (i < v->len && i < limit &&
	       (bh_path_is_slash(v->at[i]) ||
		(v->at[i] == '.' && i + 1 < v->len && bh_path_is_slash(v->at[i + 1]))))
		i++;
	if (i >= v->len)
		return false;
	c = bh_lower(v->at[i]);
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if ((uint8_t)list[mid][1] < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n && (uint8_t)list[lo][1] == c; lo++)
		if (spells_file(v, pos, list[lo]))
			return true;
	return false;
}

bool
bh_path_names_file(const struct bh_view *v, size_t *at)
{
	size_t i;

	for (i = 0; i < v->len; i++) {
		/* the last slash of a run, also with dots between them, stands for all */
		if (!bh_path_is_slash(v->at[i]) ||
		    (i + 1 < v->len && bh_path_is_slash(v->at[i + 1])) ||
		    (i + 2 < v->len && v->at[i + 1] == '.' && bh_path_is_slash(v->at[i + 2])))
			continue;
		if (spells_any(v, i, files, BH_ARRAY_SIZE(files))) {
			*at = i;
			return true;
		}
	}
	return false;
}

bool
bh_path_is_path(const struct bh_view *v)
{
	size_t i, spaces = 0;

	if (v->len < 4)
		return false;
	for (i = 0; i < v->len; i++) {
		if (bh_is_space(v->at[i]))
			spaces++;
		if (v->at[i] == ',' || v->at[i] == '"' || v->at[i] == '<')
			return false;
	}
	return spaces <= 2;
}

/* What a directory of a Windows machine is read for: settings, logs, images of the registry. */
static bool
is_windows_record(const struct bh_view *v)
{
	static const char *const ends[] = {".ini", ".log",    ".conf", ".cnf",  ".cfg",
					   ".err", ".inf",    ".sav",  ".sa",   ".evt",
					   ".asa", ".config", ".inc",  ".evtx", "_log"};
	size_t len = v->len;
	unsigned i;

	while (len > 0 && (v->at[len - 1] == 0 || bh_is_space(v->at[len - 1])))
		len--;
	for (i = 0; i < BH_ARRAY_SIZE(ends); i++) {
		size_t n = strlen(ends[i]);

		if (len > n && bh_at(v, len - n, ends[i]))
			return true;
	}
	return false;
}

/* C:\x: browsers send the names of uploaded files so, too; it depends on the directory. */
static bool
is_windows_system(const struct bh_view *v)
{
	static const char *const dirs[] = {"winnt", "boot",    "inetpub", "apache",
					   "php",   "xampp",   "mysql",   "wamp",
					   "nginx", "appserv", "sysprep", "log"};
	static const char *const parts[] = {"repair", "panther", "temp", "debug", "notepad.exe"};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(dirs); i++)
		if (bh_at(v, 3, dirs[i]))
			return true;
	for (i = 0; i < BH_ARRAY_SIZE(parts); i++)
		if (bh_at(v, 3, "windows") && bh_at(v, 11, parts[i]))
			return true;
	return is_windows_record(v);
}

bool
bh_path_is_system(const struct bh_view *v)
{
	struct bh_view p = *v;

	if (bh_at(&p, 0, "file:")) {
		p.at += 5;
		p.len -= 5;
		while (p.len > 1 && bh_path_is_slash(p.at[1])) {
			p.at++;
			p.len--;
		}
	}
	if (p.len > 4 && bh_is_alpha(p.at[0]) && p.at[1] == ':' && bh_path_is_slash(p.at[2]))
		return is_windows_system(&p);
	return p.len > 0 && bh_path_is_slash(p.at[0]) &&
	       spells_any(&p, 0, roots, BH_ARRAY_SIZE(roots));
}

bool
bh_path_is_hidden(const struct bh_view *v)
{
	unsigned k;

	if (v->len == 0 || v->at[0] != '.')
		return false;
	for (k = 0; k < BH_ARRAY_SIZE(files); k++)
		if (files[k][1] == '.' && files[k][3] != '/' && spells_file(v, 0, files[k] + 1))
			return true;
	return false;
}
