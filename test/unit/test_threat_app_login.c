/* SSH's versions, and log-ins that fail, by protocol. */
#include "threat_app_rig.h"

static void
ssh_1_is_told_and_1_99_is_not(void)
{
	static const struct {
		const char *banner;
		unsigned hits;
	} cases[] = {{"SSH-1.5-OpenSSH_3.4\r\n", 1},
		     {"Welcome\r\nSSH-1.3-x\r\n", 1},
		     {"SSH-1.99-Cisco\r\n", 0},
		     {"SSH-2.0-OpenSSH_9\r\n", 0}};
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct threat_rig *r = rig_open(BH_APP_SSH);

		rig_drip(r, 1, cases[i].banner, strlen(cases[i].banner));
		CU_ASSERT_EQUAL(r->hits[BH_THREAT_SSH_1], cases[i].hits);
		free(r);
	}
}

/* Through the key exchange; then the server's encrypted messages have these sizes (0: end). */
static unsigned
ssh_failures(const uint16_t *size)
{
	static const uint8_t sealed[2048] = {0};
	static const uint8_t newkeys[16] = {0, 0, 0, 12, 10, 21};
	struct threat_rig *r = rig_open(BH_APP_SSH);
	unsigned failed, side;

	for (side = 0; side < 2; side++) {
		RIG_TEXT(r, side, "SSH-2.0-x\r\n");
		rig_drip(r, side, newkeys, sizeof(newkeys));
	}
	for (; *size != 0; size++) {
		rig_say(r, 0, sealed, 64);
		rig_say(r, 1, sealed, *size);
	}
	bh_threat_conn_close(&r->conn, &r->ctx);
	failed = r->failed;
	free(r);
	return failed;
}

static void
failed_ssh_log_ins_are_told_by_sizes(void)
{
	/* EXT_INFO, SERVICE_ACCEPT, then FAILURE each time (chacha20-poly1305: 16 bytes of tag, 4 of length) */
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){260, 44, 52, 52, 52, 52, 0}), 3);
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){44, 52, 0}), 1);
	/* the last one is SUCCESS: 16 bytes shorter than SERVICE_ACCEPT */
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){260, 44, 52, 52, 28, 0}), 0);
	/* SUCCESS and host keys in one segment */
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){260, 44, 52, 700, 0}), 0);
	/* hung up before, or a probe */
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){260, 44, 0}), 0);
	CU_ASSERT_EQUAL(ssh_failures((const uint16_t[]){0}), 0);
}

static size_t
mysql_packet(uint8_t *out, uint8_t seq, const void *p, size_t n)
{
	const uint8_t head[4] = {(uint8_t)n, 0, 0, seq};

	memcpy(out, head, 4);
	memcpy(out + 4, p, n);
	return n + 4;
}

static struct threat_rig *
mysql(const void *answer, size_t n, uint32_t caps)
{
	struct threat_rig *r = rig_open(BH_APP_MYSQL);
	uint8_t b[128], login[40] = {0};

	rig_drip(r, 1, b,
		 mysql_packet(b, 0,
			      "\x0a"
			      "8.0.30\0.......",
			      16));
	memcpy(login, &caps, 4);
	rig_drip(r, 0, b, mysql_packet(b, 1, login, (caps & 0x800) != 0 ? 32 : 40));
	rig_drip(r, 1, b, mysql_packet(b, 2, answer, n));
	return r;
}

static void
mysql_refusals_are_told(void)
{
	struct threat_rig *r = mysql("\xff\x15\x04#28000Access denied", 22, 0x85);

	CU_ASSERT_EQUAL(r->hits[BH_THREAT_MYSQL_DENIED], 1);
	CU_ASSERT_EQUAL(r->failed, 1);
	free(r);
	r = mysql("\xff\x14\x04#42000Access denied", 22, 0x85);
	CU_ASSERT_EQUAL(r->hits[BH_THREAT_MYSQL_DENIED], 1);
	free(r);
	r = mysql("\xff\x10\x04#08004Too many", 18, 0x85);
	CU_ASSERT_EQUAL(r->n_hits, 0);
	CU_ASSERT_EQUAL(r->failed, 0);
	free(r);
	r = mysql("\0\0\0\2\0\0\0", 7, 0x85); /* OK */
	CU_ASSERT_TRUE(r->conn.done);
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
	r = mysql("\xff\x15\x04#28000Access denied", 22, 0x885); /* TLS follows: not read */
	CU_ASSERT_TRUE(r->conn.done);
	CU_ASSERT_EQUAL(r->n_hits, 0);
	free(r);
}

static unsigned
postgresql(const char *first, size_t n_first, const char *answer, size_t n)
{
	struct threat_rig *r = rig_open(BH_APP_POSTGRESQL);
	unsigned failed;

	rig_drip(r, 0, first, n_first);
	rig_drip(r, 1, answer, n);
	failed = r->failed;
	free(r);
	return failed;
}

static void
postgresql_refusals_are_counted(void)
{
	static const char startup[] = "\0\0\0\x09\0\3\0\0";
	static const char ssl[] = "\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x09\0\3\0\0";
	static const char no[] = "R\0\0\0\x08\0\0\0\x03"
				 "E\0\0\0\x1aSFATAL\0VFATAL\0C28P01\0\0\0";
	static const char other[] = "E\0\0\0\x1aSFATAL\0VFATAL\0C3D000\0\0\0";
	static const char in[] = "R\0\0\0\x08\0\0\0\0"
				 "Z\0\0\0\5I"
				 "E\0\0\0\x1aSERROR\0VERROR\0C28000\0\0\0";
	static const char after_ssl[] = "NR\0\0\0\x08\0\0\0\x03"
					"E\0\0\0\x1aSFATAL\0VFATAL\0C28P01\0\0\0";

	CU_ASSERT_EQUAL(postgresql(startup, 8, no, sizeof(no) - 1), 1);
	CU_ASSERT_EQUAL(postgresql(startup, 8, other, sizeof(other) - 1), 0);
	CU_ASSERT_EQUAL(postgresql(startup, 8, in, sizeof(in) - 1), 0);
	CU_ASSERT_EQUAL(postgresql(ssl, 16, after_ssl, sizeof(after_ssl) - 1), 1);
}

static void
mssql_and_ldap_refusals_are_counted(void)
{
	/* a response: header of 8, ERROR 18456 */
	uint8_t tds[40] = {4, 1, 0, 40, 0, 0, 1, 0, 0xaa, 29, 0, 0x18, 0x48, 0, 0};
	static const char bind_no[] = "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\0\x04\0";
	static const char bind_ok[] =
		"\x30\x84\0\0\0\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\0\x04\0";
	struct threat_rig *r = rig_open(BH_APP_MSSQL);

	rig_drip(r, 1, tds, sizeof(tds));
	CU_ASSERT_EQUAL(r->failed, 1);
	free(r);
	r = rig_open(BH_APP_LDAP);
	rig_drip(r, 1, bind_no, sizeof(bind_no) - 1);
	rig_drip(r, 1, bind_no, sizeof(bind_no) - 1);
	CU_ASSERT_EQUAL(r->failed, 2);
	rig_drip(r, 1, bind_ok, sizeof(bind_ok) - 1);
	CU_ASSERT_TRUE(r->conn.done);
	CU_ASSERT_EQUAL(r->failed, 2);
	free(r);
}

static void
refusals_in_lines_are_counted(void)
{
	struct threat_rig *r = rig_open(BH_APP_FTP);

	RIG_TEXT(r, 1, "220 hello\r\n530 Please login\r\n");
	RIG_TEXT(r, 0, "USER a\r\nPASS b\r\n");
	RIG_TEXT(r, 1, "331 go on\r\n530 Login incorrect.\r\n");
	CU_ASSERT_EQUAL(r->failed, 1);
	free(r);
	r = rig_open(BH_APP_SMTP);
	RIG_TEXT(r, 1, "220 hello\r\n550 no such user\r\n535 5.7.8 no\r\n");
	CU_ASSERT_EQUAL(r->failed, 1);
	RIG_TEXT(r, 1, "235 2.7.0 ok\r\n");
	CU_ASSERT_TRUE(r->conn.done);
	free(r);
	r = rig_open(BH_APP_POP3);
	RIG_TEXT(r, 1, "+OK hello\r\n-ERR what\r\n");
	RIG_TEXT(r, 0, "user a\r\npass b\r\n");
	RIG_TEXT(r, 1, "-ERR [AUTH] no\r\n");
	CU_ASSERT_EQUAL(r->failed, 1);
	free(r);
	r = rig_open(BH_APP_IMAP);
	RIG_TEXT(r, 1, "* OK hello\r\n");
	RIG_TEXT(r, 0, "a1 LOGIN b c\r\n");
	RIG_TEXT(r, 1, "a1 NO [AUTHENTICATIONFAILED] no\r\n");
	CU_ASSERT_EQUAL(r->failed, 1);
	RIG_TEXT(r, 0, "a2 LOGIN b d\r\n");
	RIG_TEXT(r, 1, "a2 OK in\r\n");
	CU_ASSERT_TRUE(r->conn.done);
	free(r);
}

static void
a_redis_value_that_reads_like_a_refusal_is_none(void)
{
	struct threat_rig *r = rig_open(BH_APP_REDIS);

	RIG_TEXT(r, 1, "$28\r\n\r\n-WRONGPASS a\r\n-WRONGPASS\r\n\r\n+OK\r\n");
	CU_ASSERT_EQUAL(r->failed, 0);
	RIG_TEXT(r, 1, "-WRONGPASS invalid username-password pair\r\n");
	RIG_TEXT(r, 1, "-ERR invalid password\r\n");
	CU_ASSERT_EQUAL(r->failed, 2);
	free(r);
}

static void
random_bytes_end_in_no_detector_that_runs_wild(void)
{
	static const uint8_t apps[] = {BH_APP_TLS,  BH_APP_SSH,   BH_APP_HTTP,       BH_APP_HTTP2,
				       BH_APP_DNS,  BH_APP_MYSQL, BH_APP_POSTGRESQL, BH_APP_MSSQL,
				       BH_APP_LDAP, BH_APP_FTP,   BH_APP_REDIS};
	uint32_t seed = 1;
	size_t a;
	unsigned round, i;

	for (a = 0; a < BH_ARRAY_SIZE(apps); a++) {
		for (round = 0; round < 200; round++) {
			struct threat_rig *r = rig_open(apps[a]);
			uint8_t b[257];

			for (i = 0; i < 40; i++) {
				unsigned k, n;

				for (k = 0; k < sizeof(b); k++) {
					seed = seed * 1664525 + 1013904223;
					b[k] = (uint8_t)(seed >> 24);
				}
				n = b[256];
				rig_say(r, b[255] & 1, b, n);
				r->ctx.now_ms += 500;
				bh_threat_conn_tick(&r->conn, &r->ctx, n);
			}
			bh_threat_conn_close(&r->conn, &r->ctx);
			CU_ASSERT_TRUE(r->conn.done);
			free(r);
		}
	}
}

const struct bh_unit_test bh_suite_threat_app_login[] = {
	BH_TEST(ssh_1_is_told_and_1_99_is_not),
	BH_TEST(failed_ssh_log_ins_are_told_by_sizes),
	BH_TEST(mysql_refusals_are_told),
	BH_TEST(postgresql_refusals_are_counted),
	BH_TEST(mssql_and_ldap_refusals_are_counted),
	BH_TEST(refusals_in_lines_are_counted),
	BH_TEST(a_redis_value_that_reads_like_a_refusal_is_none),
	BH_TEST(random_bytes_end_in_no_detector_that_runs_wild),
	BH_TEST_END,
};
