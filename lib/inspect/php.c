/* A value as PHP: calls of its functions, where a call can stand. */
#include "inspect_priv.h"

/* Names that only PHP has. */
static const char *const own[] = {
	"addslashes",
	"array_diff",
	"array_filter",
	"array_key_exists",
	"array_map",
	"array_merge",
	"array_reduce",
	"array_walk",
	"assert_options",
	"base64_decode",
	"base64_encode",
	"bin2hex",
	"boolval",
	"call_user_func",
	"call_user_func_array",
	"class_exists",
	"create_function",
	"ctype_alpha",
	"curl_exec",
	"curl_init",
	"debug_backtrace",
	"debug_print_backtrace",
	"debug_zval_refcount",
	"disk_free_space",
	"error_log",
	"error_reporting",
	"escapeshellarg",
	"escapeshellcmd",
	"explode",
	"fclose",
	"fgetc",
	"fgets",
	"file_exists",
	"file_get_contents",
	"file_put_contents",
	"fileatime",
	"filectime",
	"fileperms",
	"filesize",
	"filetype",
	"floatval",
	"fopen",
	"fputcsv",
	"fputs",
	"fread",
	"fsockopen",
	"fsync",
	"ftruncate",
	"func_get_args",
	"function_exists",
	"fwrite",
	"get_cfg_var",
	"get_current_user",
	"get_defined_constants",
	"get_defined_vars",
	"get_included_files",
	"get_loaded_extensions",
	"get_object_vars",
	"getallheaders",
	"getcwd",
	"getenv",
	"gethostbyaddr",
	"gethostbyname",
	"gethostname",
	"getimagesize",
	"getlastmod",
	"getmygid",
	"getmyinode",
	"getmypid",
	"getmyuid",
	"getopt",
	"getprotobyname",
	"getrusage",
	"getservbyname",
	"getservbyport",
	"gettype",
	"gzdecode",
	"gzinflate",
	"gzopen",
	"gzread",
	"gzuncompress",
	"hex2bin",
	"highlight_file",
	"highlight_string",
	"htmlentities",
	"htmlspecialchars",
	"ignore_user_abort",
	"implode",
	"in_array",
	"ini_get",
	"ini_restore",
	"ini_set",
	"intval",
	"is_array",
	"is_callable",
	"is_int",
	"is_numeric",
	"is_string",
	"lcfirst",
	"mb_ereg_replace",
	"method_exists",
	"move_uploaded_file",
	"nl2br",
	"ob_start",
	"opendir",
	"parse_ini_file",
	"parse_str",
	"parse_url",
	"passthru",
	"pcntl_exec",
	"pcntl_fork",
	"pfsockopen",
	"php_sapi_name",
	"php_strip_whitespace",
	"php_uname",
	"phpcredits",
	"phpinfo",
	"phpversion",
	"popen",
	"posix_getpwuid",
	"posix_kill",
	"posix_mkfifo",
	"posix_setuid",
	"preg_match",
	"preg_replace",
	"preg_replace_callback",
	"print_r",
	"proc_close",
	"proc_nice",
	"proc_open",
	"putenv",
	"rawurldecode",
	"readfile",
	"readgzfile",
	"realpath",
	"register_shutdown_function",
	"register_tick_function",
	"scandir",
	"set_error_handler",
	"set_time_limit",
	"settype",
	"shell_exec",
	"shm_attach",
	"show_source",
	"simplexml_load_file",
	"simplexml_load_string",
	"spl_autoload",
	"sqlite_open",
	"str_replace",
	"str_rot13",
	"strcmp",
	"strftime",
	"stripslashes",
	"stristr",
	"strlen",
	"strpos",
	"strrev",
	"strstr",
	"strtolower",
	"strtoupper",
	"strtr",
	"strval",
	"substr",
	"substr_count",
	"symlink",
	"sys_get_temp_dir",
	"sys_getloadavg",
	"tempnam",
	"uasort",
	"ucfirst",
	"ucwords",
	"uksort",
	"unserialize",
	"urldecode",
	"urlencode",
	"usleep",
	"usort",
	"var_dump",
	"var_export",
	"vprintf",
	"vsprintf",
	"zend_version",
};

/* Names that other languages and prose have, too. */
static const char *const shared[] = {
	"assert",       "bzopen",   "chdir",     "chgrp",      "chmod",     "chown",     "chr",
	"compact",      "constant", "copy",      "crypt",      "current",   "date",      "define",
	"die",          "dl",       "each",      "echo",       "end",       "eval",      "exec",
	"exif",         "exit",     "extract",   "file",       "filegroup", "fileowner", "ftok",
	"ftp_connect",  "ftp_get",  "glob",      "gzpassthru", "hash",      "header",    "include",
	"include_once", "isset",    "key",       "lchown",     "link",      "list",      "mail",
	"md5",          "mkdir",    "next",      "opcache",    "ord",       "pack",      "preg",
	"print",        "rand",     "readdir",   "readgz",     "readlink",  "rename",    "require",
	"require_once", "reset",    "rewinddir", "rmdir",      "serialize", "sha1",      "sleep",
	"sort",         "stat",     "system",    "touch",      "trim",      "umask",     "unlink",
	"unpack",       "unset",
};

/* How the functions of its extensions begin. */
static const char *const prefixes[] = {
	"apache_",    "apcu_",     "array_",     "base64_",    "bcompiler_",
	"bz",         "cairo_",    "cal_",       "call_user_", "ctype_",
	"cubrid_",    "curl_",     "date_",      "dba_",       "dbase_",
	"debug_",     "dio_",      "dns_",       "eio_",       "enchant_",
	"error_",     "event_",    "exif_",      "expect_",    "fam_",
	"fann_",      "fbsql_",    "fdf_",       "ffmpeg_",    "file_",
	"fileinfo_",  "filepro",   "filter_",    "finfo_",     "forward_static_",
	"ftp_",       "func_",     "gd_",        "geoip_",     "get_",
	"getmy",      "gmp_",      "gnupg_",     "gz",         "hash_",
	"highlight_", "http_",     "ibase_",     "iconv_",     "id3_",
	"ifx_",       "iis_",      "image",      "imap_",      "ingres_",
	"ini_",       "inotify_",  "intl",       "is_",        "ldap_",
	"libxml_",    "lzf_",      "mailparse_", "mb_",        "mcrypt_",
	"mhash_",     "ming_",     "mqseries_",  "msession_",  "msg_",
	"msql_",      "mssql_",    "mysql_",     "mysqli_",    "mysqlnd_",
	"ncurses_",   "newt_",     "nsapi_",     "ob_",        "oci_",
	"ocibind",    "odbc_",     "opcache_",   "openal_",    "openssl_",
	"ovrimos_",   "parse_",    "parsekit_",  "password_",  "pathinfo_",
	"pcntl_",     "pdf_",      "pg_",        "php_",       "posix_",
	"preg_",      "proc_",     "ps_",        "pspell_",    "px_",
	"radius_",    "readline_", "recode_",    "register_",  "rrd_",
	"runkit_",    "sapi_",     "sem_",       "session_",   "set_",
	"shell_",     "shm_",      "shmop_",     "simplexml_", "snmp",
	"socket_",    "sockets_",  "sodium_",    "spl_",       "sqlite_",
	"sqlsrv_",    "ssh2_",     "stats_",     "str_",       "stream_",
	"strip_",     "substr_",   "svn_",       "swf_",       "sybase_",
	"sys_",       "tidy_",     "token_",     "trader_",    "unregister_",
	"uopz_",      "utf8_",     "var_",       "variant_",   "vpopmail_",
	"wddx_",      "win32_",    "wincache_",  "xattr_",     "xdebug_",
	"xdiff_",     "xhprof_",   "xml_",       "xmlrpc_",    "xmlwriter_",
	"yaml_",      "yaz_",      "yp_",        "zend_",      "zip_",
	"zlib_",
};

/* Back from a parenthesis over white space and comments to the end of what is called. */
static size_t
callee_end(const struct bh_view *v, size_t paren)
{
	size_t i = paren, k;
	unsigned turns;

	for (turns = 0; turns < 8; turns++) {
		while (i > 0 && bh_is_space(v->at[i - 1]))
			i--;
		if (i >= 4 && v->at[i - 1] == '/' && v->at[i - 2] == '*') {
			for (k = i - 2;
			     k > 1 && i - k < 64 && !(v->at[k - 2] == '/' && v->at[k - 1] == '*');
			     k--)
				;
			if (k <= 1 || i - k >= 64)
				return i;
			i = k - 2;
			continue;
		}
		if (i == paren)
			break;
		/* # to the end of a line */
		for (k = i; k > 0 && i - k < 128 && v->at[k - 1] != '\n' && v->at[k - 1] != '#';
		     k--)
			;
		if (k > 0 && v->at[k - 1] == '#' && i < paren &&
		    memchr(v->at + i, '\n', paren - i) != NULL) {
			i = k - 1;
			continue;
		}
		break;
	}
	return i;
}

static bool
has_prefix(const struct bh_view *v, size_t pos, size_t len)
{
	unsigned i;

	if (memchr(v->at + pos, '_', len) == NULL && !(bh_at(v, pos, "image") && len > 8))
		return false;
	for (i = 0; i < BH_ARRAY_SIZE(prefixes); i++)
		if (strlen(prefixes[i]) < len && bh_at(v, pos, prefixes[i]))
			return true;
	return false;
}

/* A call may follow nothing, an operator, a bracket, a quote; after a space only when its argument is PHP's. */
static bool
can_stand(const struct bh_view *v, size_t start, bool php_argument)
{
	size_t i = start;

	if (i == 0)
		return true;
	if (bh_is_space(v->at[i - 1])) {
		while (i > 0 && bh_is_space(v->at[i - 1]))
			i--;
		if (i == 0 || memchr(";=({@!&|?:,.>", v->at[i - 1], 13) != NULL)
			return true;
		return php_argument;
	}
	return memchr(";=({@!&|?:,.\"'`<>[/\\$-+*~^", v->at[i - 1], 26) != NULL;
}

/* readlink(2), getopt(3p): how text names a page of the manual; sleep(5) alone is a call. */
static bool
is_manual_page(const struct bh_view *v, size_t start, size_t paren)
{
	size_t i = paren + 1;

	if (i >= v->len || v->at[i] < '1' || v->at[i] > '8')
		return false;
	i += 1 + (i + 1 < v->len && bh_is_alpha(v->at[i + 1]));
	if (i >= v->len || v->at[i] != ')')
		return false;
	i++;
	return (start > 0 || i < v->len) &&
	       (start == 0 || v->at[start - 1] == ' ' || v->at[start - 1] == '-' ||
		v->at[start - 1] == '(') &&
	       (i >= v->len || v->at[i] == ' ' || v->at[i] == ',' || v->at[i] == '.' ||
		v->at[i] == ')');
}

static bool
is_call(const struct bh_view *v, size_t paren)
{
	size_t end = callee_end(v, paren), start = end, arg = bh_skip_space(v, paren + 1), k;
	bool quoted, closed, php, is_own, is_shared;

	while (start > 0 && bh_is_word(v->at[start - 1]) && end - start < 64)
		start--;
	if (end - start < 2)
		return false;
	quoted = arg < v->len && memchr("$\"'`@", v->at[arg], 5) != NULL;
	closed = arg >= v->len || v->at[arg] == ')';
	if (is_manual_page(v, start, paren))
		return false;
	is_own = bh_in_list(v, start, end - start, own, BH_ARRAY_SIZE(own)) ||
		 has_prefix(v, start, end - start);
	for (k = start; !is_own && k < end && k < start + 8; k++)
		is_own = v->at[start] >= 'A' && v->at[start] <= 'Z' && bh_is_alpha(v->at[k]) &&
			 memchr(v->at + k, '_', end - k) != NULL &&
			 bh_in_list(v, k, end - k, own, BH_ARRAY_SIZE(own));
	is_shared = bh_in_list(v, start, end - start, shared, BH_ARRAY_SIZE(shared));
	php = quoted || (arg < v->len && bh_is_digit(v->at[arg]) && end == paren && is_own);
	if (is_own)
		return can_stand(v, start, php) && (end == paren || quoted || closed || start == 0);
	if (!is_shared || !can_stand(v, start, quoted && end == paren))
		return false;
	if (quoted)
		return end == paren || start == 0 || v->at[arg] == '$';
	if (start == 0 && end < paren) {
		for (k = arg; k < v->len && bh_is_word(v->at[k]); k++)
			;
		return k > arg && k + 1 == v->len && v->at[k] == ')';
	}
	/* time.sleep(), (crypt() variant) */
	if (start > 0 &&
	    (v->at[start - 1] == '.' || (closed && strchr(";={|&@\"'", v->at[start - 1]) == NULL)))
		return false;
	/* system(whoami), eval(chr(112)), unpack() */
	for (k = arg; k < v->len && bh_is_word(v->at[k]); k++)
		;
	return end == paren && (start == 0 || v->at[start - 1] != ' ') &&
	       ((k < v->len && (v->at[k] == ')' || v->at[k] == '(')) || k >= v->len);
}

void
bh_judge_php(struct bh_judge *j, const struct bh_view *v)
{
	const uint8_t *p = v->at, *end = v->at + v->len;

	while (p < end && (p = memchr(p, '(', (size_t)(end - p))) != NULL) {
		if (is_call(v, (size_t)(p - v->at))) {
			bh_judge_hit(j, BH_INSPECT_PHP, (size_t)(p - v->at));
			return;
		}
		p++;
	}
}
