/* A value as a path: does it climb, or name a file that only its system should read? */
#include "inspect_priv.h"

static inline bool
is_slash(uint8_t c)
{
	return c == '/' || c == '\\';
}

/* Climbs: ".." as a whole segment (dots alone, two or more, which some systems shorten to two). */
static unsigned
climbs(const struct bh_view *v, size_t *first)
{
	size_t i = 0, start;
	unsigned n = 0;

	while (i < v->len) {
		if (v->at[i] != '.' || (i > 0 && v->at[i - 1] == '.')) {
			i++;
			continue;
		}
		start = i;
		while (i < v->len && v->at[i] == '.')
			i++;
		/* semicolons cut parameters off a segment, NUL and spaces end names early */
		if (i - start >= 2 && i < v->len && i - start < 7) {
			size_t e = i;

			while (e < v->len && e < i + 3 &&
			       (v->at[e] == ';' || v->at[e] == 0 || v->at[e] == '%'))
				e++;
			if (e < v->len && is_slash(v->at[e]) &&
			    (start == 0 || !bh_is_alnum(v->at[start - 1]))) {
				if (n++ == 0)
					*first = start;
			}
		} else if (i - start == 2 && i == v->len && start > 0 &&
			   is_slash(v->at[start - 1])) {
			if (n++ == 0)
				*first = start;
		}
	}
	return n;
}

/* The same odd separator between pairs of dots again and again: an encoding that only the target knows. */
static bool
odd_separators(const struct bh_view *v)
{
	size_t i, gap;
	unsigned same;

	for (i = 0; i + 6 < v->len; i++) {
		if (v->at[i] != '.' || v->at[i + 1] != '.' || v->at[i + 2] == '.')
			continue;
		for (gap = 1; gap <= 10 && i + 2 + gap + 1 < v->len; gap++) {
			size_t k = i + 2, next = k + gap;

			if (v->at[next] != '.' || v->at[next + 1] != '.')
				continue;
			for (same = 1; next + 2 + gap <= v->len &&
				       memcmp(v->at + k, v->at + next + 2, gap) == 0;
			     same++) {
				next += 2 + gap;
				if (next + 1 >= v->len || v->at[next] != '.')
					break;
			}
			if (same >= 2 && v->at[k] != ' ' && v->at[k] != '.')
				return true;
			break;
		}
	}
	return false;
}

static const char *const files[] = {
	"/etc/passwd",
	"/etc/shadow",
	"/etc/group",
	"/etc/hosts",
	"/etc/issue",
	"/etc/motd",
	"/etc/fstab",
	"/etc/sudoers",
	"/etc/crontab",
	"/etc/resolv.conf",
	"/etc/ssh/",
	"/etc/mysql/",
	"/etc/apache",
	"/etc/httpd/",
	"/etc/nginx/",
	"/etc/php",
	"/etc/security/",
	"/etc/master.passwd",
	"/etc/init.d/",
	"/etc/rc.",
	"/etc/cron",
	"/etc/network",
	"/etc/samba/",
	"/etc/ldap",
	"/etc/pam",
	"/etc/environment",
	"/proc/self/",
	"/proc/version",
	"/proc/cmdline",
	"/proc/net/",
	"/proc/sched_debug",
	"/proc/mounts",
	"/proc/1/",
	"/proc/cpuinfo",
	"/var/log/",
	"/var/www/",
	"/var/lib/mysql",
	"/var/run/secrets",
	"/var/mail/",
	"/var/spool/cron",
	"/var/lib/docker",
	"/root/.",
	"/.ssh/",
	"id_rsa",
	"/.bash_history",
	"/.bashrc",
	"/.aws/",
	"/.git/",
	"/.svn/",
	"/.hg/",
	"/.env",
	"/.htaccess",
	"/.htpasswd",
	"/.docker",
	"/.kube/",
	"/.npmrc",
	"/.netrc",
	"/.mysql_history",
	"/.subversion",
	"/.ds_store",
	"/.profile",
	"/.vscode/",
	"/.idea/",
	"/web-inf/",
	"/meta-inf/",
	"/web.config",
	"/wp-config.php",
	"/boot.ini",
	"/win.ini",
	"/system.ini",
	"/windows/system32",
	"/winnt/",
	"/windows/win",
	"/windows/repair",
	"/windows/php",
	"/windows/debug",
	"/windows/panther",
	"/inetpub/",
	"/autoexec.bat",
	"/config.sys",
	"/php.ini",
	"/my.ini",
	"/my.cnf",
	"/httpd.conf",
	"/apache2.conf",
	"/nginx.conf",
	"/access_log",
	"/access.log",
	"/error_log",
	"/error.log",
	"/server.xml",
	"/tomcat-users.xml",
	"/web.xml",
	"/unattend.xml",
	"/sysprep",
	"/pagefile.sys",
	"/hiberfil.sys",
	"/ntuser.dat",
	"/global.asa",
	"/localsettings.php",
	"/config.inc.php",
	"/configuration.php",
	"/database.yml",
	"/secrets.yml",
	"/credentials.xml",
	"/proftpd",
	"/vsftpd",
	"/pure-ftpd",
	"/my-huge.cnf",
	"/localhost.err",
	"/mysql-bin.",
	"/phpmyadmin/config",
	"/settings.php",
	"/lfi.php",
	"/serviceaccount/token",
	"/localstart.asp",
	"/minint/",
	"/microsoft sql server",
	"/apache group/",
	"/xampp/",
	"/wamp/",
	"/program files",
	"/documents and settings/",
	"/dev/random",
	"/dev/zero",
	"/dev/shm",
	"/sysvol",
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
			if (!is_slash(v->at[i]))
				return false;
			/* no run of slashes and dots is that long in earnest: work stays bounded */
			limit = i + 32;
			while (i < v->len && i < limit &&
			       (is_slash(v->at[i]) ||
				(v->at[i] == '.' && i + 1 < v->len && is_slash(v->at[i + 1]))))
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

static bool
names_file(const struct bh_view *v, size_t *at)
{
	size_t i;
	unsigned k;

	for (i = 0; i < v->len; i++) {
		/* the last slash of a run, also with dots between them, stands for all */
		if (!is_slash(v->at[i]) || (i + 1 < v->len && is_slash(v->at[i + 1])) ||
		    (i + 2 < v->len && v->at[i + 1] == '.' && is_slash(v->at[i + 2])))
			continue;
		for (k = 0; k < BH_ARRAY_SIZE(files); k++)
			if (files[k][0] == '/' && spells_file(v, i, files[k])) {
				*at = i;
				return true;
			}
	}
	return false;
}

/* The whole value is a path and nothing else. */
static bool
is_path(const struct bh_view *v)
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

static bool
is_system_path(const struct bh_view *v)
{
	static const char *const roots[] = {"/etc/",
					    "/proc/",
					    "/root/",
					    "/var/log/",
					    "/var/adm/",
					    "/usr/local/apache",
					    "/usr/local/etc/",
					    "/usr/local/php",
					    "/usr/local/nginx",
					    "/usr/local/mysql",
					    "/usr/local/pgsql",
					    "/usr/local/cpanel",
					    "/usr/local/zeus",
					    "/usr/lib/security",
					    "/usr/etc/",
					    "/usr/pkg/",
					    "/usr/apache",
					    "/usr/home/",
					    "/usr/ports/",
					    "/usr/sbin/",
					    "/usr/share/adduser",
					    "/usr/spool",
					    "/opt/lampp",
					    "/opt/apache",
					    "/opt/httpd",
					    "/opt/xampp",
					    "/opt/lsws",
					    "/opt/tomcat",
					    "/private/etc",
					    "/boot/grub",
					    "/volumes/",
					    "/library/webserver",
					    "/sys/",
					    "/var/apache",
					    "/var/mysql",
					    "/var/data",
					    "/var/cpanel",
					    "/var/lib/",
					    "/var/local",
					    "/var/run/",
					    "/var/webmin",
					    "/var/nm2",
					    "/var/htmp",
					    "/var/cron",
					    "/var/spool",
					    "/var/backups",
					    "/var/vm",
					    "/var/saf",
					    "/www/logs",
					    "/www/apache",
					    "/www/conf",
					    "/logs/",
					    "/apache",
					    "/home/user/",
					    "/home/bin/",
					    "/home/postgres",
					    "/home/mysql",
					    "/tmp/sess",
					    "/mnt/",
					    "/nginx/",
					    "/php",
					    "/bin/php",
					    "/xampp",
					    "/web/conf",
					    "/wamp",
					    "/dev/",
					    "/srv/",
					    "/core/config",
					    "/usr/local/"};
	struct bh_view p = *v;
	unsigned i;

	if (bh_at(&p, 0, "file:")) {
		p.at += 5;
		p.len -= 5;
		while (p.len > 1 && is_slash(p.at[1])) {
			p.at++;
			p.len--;
		}
	}
	if (p.len > 4 && bh_is_alpha(p.at[0]) && p.at[1] == ':' && is_slash(p.at[2]))
		return p.at[2] == '\\' || bh_at(&p, 3, "win") || bh_at(&p, 3, "boot") ||
		       bh_at(&p, 3, "inetpub") || bh_at(&p, 3, "program") ||
		       bh_at(&p, 3, "apache") || bh_at(&p, 3, "php") || bh_at(&p, 3, "xampp") ||
		       bh_at(&p, 3, "mysql");
	for (i = 0; i < BH_ARRAY_SIZE(roots); i++)
		if (spells_file(&p, 0, roots[i]))
			return true;
	return false;
}

/* 0x2e0x2e0x2f and 2e2e2f: hexadecimal that the target turns into a path itself. */
static size_t
from_hex(uint8_t *out, size_t cap, const struct bh_view *v)
{
	size_t i = 0, n = 0, found = 0;

	while (i < v->len && n < cap) {
		if (i + 3 < v->len && v->at[i] == '0' && (v->at[i + 1] | 0x20) == 'x' &&
		    bh_hex(v->at[i + 2]) >= 0 && bh_hex(v->at[i + 3]) >= 0) {
			out[n++] = (uint8_t)(bh_hex(v->at[i + 2]) << 4 | bh_hex(v->at[i + 3]));
			i += 4;
			found++;
		} else {
			out[n++] = v->at[i++];
		}
	}
	return found >= 2 ? n : 0;
}

/* Dots with NUL or other control characters between them are dots to what drops those. */
static size_t
without_controls(uint8_t *out, const struct bh_view *v)
{
	size_t i, n = 0;

	for (i = 0; i < v->len; i++)
		if (v->at[i] >= 0x20)
			out[n++] = v->at[i];
	return n < v->len ? n : 0;
}

/* The name alone, without a directory: .htaccess, .ssh/id_rsa */
static bool
is_hidden_file(const struct bh_view *v)
{
	unsigned k;

	for (k = 0; k < BH_ARRAY_SIZE(files); k++)
		if (files[k][0] == '/' && files[k][1] == '.' && files[k][3] != '/' &&
		    spells_file(v, 0, files[k] + 1))
			return true;
	return false;
}

/* /.git/x: a directory that is not meant to be served; /.well-known is (RFC 8615). */
static bool
hidden_segment(const struct bh_view *v)
{
	size_t i;

	for (i = 0; i + 2 < v->len; i++)
		if (v->at[i] == '/' && v->at[i + 1] == '.' && bh_is_alnum(v->at[i + 2]) &&
		    !bh_at(v, i, "/.well-known"))
			return true;
	return false;
}

static bool
judge(const struct bh_view *v, unsigned where, size_t *at)
{
	unsigned n = climbs(v, at);

	if (n >= 2)
		return true;
	if (n == 1) {
		/* one step up: in a path, or as the value's beginning; not in prose or a link */
		if (*at == 0 || (*at == 1 && is_slash(v->at[0])) || where == BH_AT_PATH)
			return v->len > 2 && (where == BH_AT_PATH || is_path(v));
		if (is_slash(v->at[*at - 1]) && is_path(v) && memchr(v->at, ':', v->len) == NULL &&
		    memchr(v->at, ' ', v->len) == NULL)
			return true;
	}
	if (where != BH_AT_BODY && names_file(v, at))
		return where == BH_AT_PATH || is_path(v) || bh_at(v, *at, "/etc/passwd") ||
		       bh_at(v, *at, "/etc/shadow") || v->at[*at] == '\\';
	*at = 0;
	if (where == BH_AT_PATH && hidden_segment(v))
		return true;
	if ((where == BH_AT_ARG || where == BH_AT_COOKIE) && is_path(v) && is_hidden_file(v))
		return true;
	return odd_separators(v) ||
	       (where != BH_AT_PATH && where != BH_AT_BODY && is_path(v) && is_system_path(v));
}

void
bh_judge_path(struct bh_judge *j, const struct bh_view *v)
{
	uint8_t *tmp = j->scratch->view[BH_INSPECT_VIEWS];
	struct bh_view hex;
	size_t at = 0;

	if (j->where == BH_AT_COOKIE && v->len < 4)
		return;
	if (judge(v, j->where, &at)) {
		bh_judge_hit(j, BH_INSPECT_TRAVERSAL, at);
		return;
	}
	hex = (struct bh_view){tmp, from_hex(tmp, BH_INSPECT_PIECE, v)};
	if (hex.len == 0)
		hex.len = without_controls(tmp, v);
	if (hex.len > 0 && judge(&hex, j->where, &at))
		bh_judge_hit(j, BH_INSPECT_TRAVERSAL, 0);
}
