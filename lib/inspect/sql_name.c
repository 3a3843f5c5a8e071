/* The names of SQL: functions of MySQL, PostgreSQL, SQL Server, Oracle and SQLite, and tables of their catalogues. */
#include "sql.h"

static const char *const strong_functions[] = {
	"aes_decrypt",
	"aes_encrypt",
	"analyse",
	"array_agg",
	"benchmark",
	"bitand",
	"charindex",
	"coalesce",
	"col_name",
	"concat_ws",
	"connection_id",
	"convert_tz",
	"ctxsys",
	"current_database",
	"current_schema",
	"current_setting",
	"current_user",
	"database_to_xml",
	"db_name",
	"dblink_connect",
	"dbms_lock",
	"dbms_pipe",
	"dbms_xmlgen",
	"des_decrypt",
	"des_encrypt",
	"elt",
	"export_set",
	"extractvalue",
	"find_in_set",
	"fn_virtualfilestats",
	"found_rows",
	"fts3_tokenizer",
	"geometrycollection",
	"get_lock",
	"group_concat",
	"gtid_subset",
	"gtid_subtract",
	"has_dbaccess",
	"has_table_privilege",
	"hex_to_raw",
	"host_name",
	"ifnull",
	"inet_aton",
	"inet_ntoa",
	"is_free_lock",
	"is_member",
	"is_srvrolemember",
	"is_used_lock",
	"isnull",
	"json_array",
	"json_arrayagg",
	"json_extract",
	"json_keys",
	"json_object",
	"json_search",
	"json_table",
	"last_insert_id",
	"likelihood",
	"likely",
	"linestring",
	"listagg",
	"lo_export",
	"lo_import",
	"load_extension",
	"load_file",
	"load_xml",
	"make_set",
	"master_pos_wait",
	"multilinestring",
	"multipoint",
	"multipolygon",
	"name_const",
	"nullif",
	"nvl",
	"object_id",
	"object_name",
	"opendatasource",
	"openquery",
	"openrowset",
	"patindex",
	"pg_client_encoding",
	"pg_ls_dir",
	"pg_read_file",
	"pg_sleep",
	"polygon",
	"procedure_analyse",
	"query_to_xml",
	"quotename",
	"randomblob",
	"regexp_instr",
	"regexp_like",
	"regexp_matches",
	"regexp_replace",
	"regexp_substr",
	"release_lock",
	"row_count",
	"session_user",
	"sleep",
	"sql_to_xml",
	"sqlite_compileoption_get",
	"sqlite_compileoption_used",
	"sqlite_offset",
	"sqlite_source_id",
	"sqlite_version",
	"st_latfromgeohash",
	"st_longfromgeohash",
	"starts_with",
	"string_agg",
	"substring_index",
	"suser_name",
	"suser_sname",
	"sysdate",
	"system_user",
	"to_char",
	"to_date",
	"to_number",
	"to_timestamp_tz",
	"total_changes",
	"typeof",
	"unhex",
	"unicode",
	"unlikely",
	"updatexml",
	"utl_inaddr",
	"utl_raw",
	"uuid_short",
	"wm_concat",
	"xmlagg",
	"xmltype",
	"xp_cmdshell",
	"xp_dirtree",
	"xp_fileexist",
	"xp_regread",
	"zeroblob",
};

static const char *const weak_functions[] = {
	"abs",       "ascii",       "avg",      "bin",       "bit_length", "cast",     "ceil",
	"char",      "char_length", "chr",      "concat",    "conv",       "convert",  "count",
	"database",  "datalength",  "date",     "date_add",  "day",        "decode",   "encode",
	"exists",    "exp",         "field",    "floor",     "format",     "greatest", "hex",
	"if",        "insert",      "instr",    "last",      "lcase",      "least",    "left",
	"len",       "length",      "like",     "ln",        "locate",     "log",      "lower",
	"lpad",      "ltrim",       "max",      "md5",       "mid",        "min",      "mod",
	"month",     "nchar",       "now",      "nvarchar",  "oct",        "ord",      "password",
	"pi",        "position",    "pow",      "power",     "quarter",    "quote",    "radians",
	"rand",      "random",      "rawtohex", "repeat",    "replace",    "reverse",  "right",
	"round",     "rpad",        "rtrim",    "schema",    "sha",        "sha1",     "sha2",
	"sign",      "sin",         "soundex",  "space",     "sqrt",       "stddev",   "str",
	"strcmp",    "stuff",       "substr",   "substring", "sum",        "tan",      "time",
	"to_base64", "trim",        "truncate", "ucase",     "upper",      "user",     "uuid",
	"varchar",   "variance",    "version",  "year",
};

static const char *const catalogue[] = {
	"all_tab_columns",
	"all_tables",
	"all_users",
	"column_name",
	"dba_role_privs",
	"dba_sys_privs",
	"dba_users",
	"dbms_java",
	"dbms_lock",
	"dbms_pipe",
	"dbms_utility",
	"dbms_xmlgen",
	"dbms_xmlquery",
	"information_schema",
	"msysaces",
	"msysobjects",
	"msysqueries",
	"mysql.user",
	"pg_catalog",
	"pg_class",
	"pg_database",
	"pg_shadow",
	"pg_tables",
	"pg_user",
	"sp_addextendedproc",
	"sp_configure",
	"sp_executesql",
	"sp_makewebtask",
	"sp_oacreate",
	"sp_password",
	"sp_start_job",
	"sqlite_master",
	"sqlite_schema",
	"sqlite_temp_master",
	"sys_eval",
	"sys_exec",
	"syscat",
	"syscolumns",
	"sysdatabases",
	"sysibm",
	"syslogins",
	"sysobjects",
	"sysusers",
	"table_name",
	"table_schema",
	"user_tab_columns",
	"user_tables",
	"utl_file",
	"utl_http",
	"utl_inaddr",
	"utl_smtp",
	"v$version",
	"wp_users",
	"xp_availablemedia",
	"xp_cmdshell",
	"xp_dirtree",
	"xp_fileexist",
	"xp_regread",
	"xp_servicecontrol",
};

static bool
in_list(const struct bh_isql *s, unsigned i, const char *const *list, size_t n)
{
	return bh_isql_kind(s, i) == BH_SQL_WORD &&
	       bh_in_list(s->v, s->t[i].at, s->t[i].len, list, n);
}

bool
bh_isql_is_known(const struct bh_isql *s, unsigned i)
{
	return bh_isql_is_call(s, i) &&
	       (in_list(s, i, strong_functions, BH_ARRAY_SIZE(strong_functions)) ||
		in_list(s, i, weak_functions, BH_ARRAY_SIZE(weak_functions)));
}

bool
bh_isql_name_shape(const struct bh_isql *s, unsigned i)
{
	unsigned k = i > 0 ? bh_isql_kind(s, i - 1) : BH_SQL_LP;
	size_t len = s->t[i].len;

	if (bh_isql_kind(s, i) == BH_SQL_VAR)
		return len > 4 && bh_isql_first(s, i) == '@' && s->v->at[s->t[i].at + 1] == '@' &&
		       s->v->at[s->t[i].at + 2] != '@' &&
		       (k != BH_SQL_WORD || bh_isql_word(s, i - 1) != BH_SQLW_NAME);
	if (len > 5 && bh_at(s->v, s->t[i].at, "xp_"))
		return true;
	if (in_list(s, i, catalogue, BH_ARRAY_SIZE(catalogue)))
		return bh_isql_kind(s, i + 1) == BH_SQL_DOT ||
		       bh_isql_kind(s, i + 1) == BH_SQL_LP ||
		       bh_isql_word(s, i - 1) == BH_SQLW_FROM ||
		       (len > 3 && bh_at(s->v, s->t[i].at, "xp_")) ||
		       bh_isql_kind(s, i + 1) == BH_SQL_COMPARE ||
		       bh_isql_kind(s, i - 1) == BH_SQL_DOT;
	if (!bh_isql_is_known(s, i) || (k == BH_SQL_DOT && bh_isql_kind(s, i + 2) == BH_SQL_RP))
		return false;
	/* called with nothing amid names: "override the sleep() function" */
	if (s->quote == 0 && bh_isql_kind(s, i + 2) == BH_SQL_RP &&
	    (bh_isql_word(s, i - 1) == BH_SQLW_NAME || bh_isql_word(s, i + 3) == BH_SQLW_NAME))
		return false;
	if (in_list(s, i, strong_functions, BH_ARRAY_SIZE(strong_functions)) &&
	    bh_isql_adjacent(s, i))
		return true;
	/* a function of a function, or of a subquery */
	if (bh_isql_is_known(s, i + 2) && bh_isql_adjacent(s, i + 2) && bh_isql_adjacent(s, i) &&
	    !bh_is(s->v, s->t[i].at, len, "if"))
		return true;
	if (bh_isql_word(s, i + 2) == BH_SQLW_SELECT ||
	    (bh_isql_kind(s, i + 2) == BH_SQL_LP && bh_isql_word(s, i + 3) == BH_SQLW_SELECT))
		return true;
	if ((bh_isql_kind(s, i + 2) == BH_SQL_RP && bh_isql_adjacent(s, i)) &&
	    (bh_isql_is_comparison(s, i + 3) || (i > 0 && bh_isql_is_comparison(s, i - 1))))
		return bh_is(s->v, s->t[i].at, len, "version") ||
		       bh_is(s->v, s->t[i].at, len, "user") ||
		       bh_is(s->v, s->t[i].at, len, "database") ||
		       bh_is(s->v, s->t[i].at, len, "schema");
	return false;
}
