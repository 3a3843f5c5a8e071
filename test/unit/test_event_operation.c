/* event: the words of operations in records. */
#include "event_rig.h"

static void
operation_is_written_field_by_field(void)
{
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS] = {tcp_event(BH_EVENT_VIOLATION)};
	struct bh_event_text t = {0};
	struct bh_event_ring *r;
	json_t *v, *sql;

	bh_event_text_add(&t, BH_OP_PG_VERB, "delete", 6);
	bh_event_text_add(&t, BH_OP_PG_TABLE, "orders", 6);
	bh_event_text_add(&t, BH_OP_PG_TABLE, "x\"y", 3);
	bh_event_text_add(&t, BH_OP_SSH_CLIENT_PROTO, "2.0", 3);
	bh_event_text_add(&t, BH_OP_SSH_CLIENT, "OpenSSH_9", 9);
	bh_event_text_add(&t, BH_EVENT_WHY, "not listed", 10);
	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
	CU_ASSERT_EQUAL(bh_event_pop(r, e, BH_ARRAY_SIZE(e)), 2);
	v = written(e, &names);
	sql = json_object_get(json_object_get(v, "bulkhead"), "sql");
	CU_ASSERT_PTR_NULL(json_object_get(v, "sql"));
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(sql, "verb")), "delete");
	CU_ASSERT_EQUAL(json_array_size(json_object_get(sql, "table")), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(json_object_get(sql, "table"), 1)),
			       "x\"y");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_object_get(json_object_get(v, "ssh"), "client"),
				       "software_version")),
			       "OpenSSH_9");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_object_get(json_object_get(v, "ssh"), "client"),
				       "proto_version")),
			       "2.0");
	CU_ASSERT_STRING_EQUAL(json_string_value(
				       json_object_get(json_object_get(v, "bulkhead"), "detail")),
			       "not listed");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "event_type")), "alert");
	json_decref(v);
	e[0].type = BH_EVENT_OPERATION;
	v = written(e, &names);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(v, "event_type")), "sql");
	json_decref(v);
	bh_event_ring_destroy(r);
}

/* Members of objects that Suricata's schema of EVE (7 and 8) has: it allows no others in them, and no other objects. */
static const char *const suricatas[] = {
	"http.http_method",
	"http.hostname",
	"http.url",
	"http.http_user_agent",
	"http.http_content_type",
	"http.protocol",
	"http.status",
	"dns.rrtype",
	"dns.rrname",
	"dns.rcode",
	"dns.version",
	"tls.sni",
	"tls.version",
	"tls.ja3.hash",
	"tls.ja3s.hash",
	"tls.subject",
	"tls.issuerdn",
	"tls.notafter",
	"tls.serial",
	"tls.fingerprint",
	"quic.sni",
	"quic.version",
	"quic.ja3.hash",
	"ssh.client.software_version",
	"ssh.client.proto_version",
	"ssh.server.software_version",
	"ssh.server.proto_version",
};

static bool
is_suricatas(const char *path)
{
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(suricatas); i++) {
		if (strcmp(suricatas[i], path) == 0)
			return true;
	}
	return false;
}

/* All members below o, by path, are Suricata's, and texts but for the one that is a number there. */
static void
check_members(json_t *o, const char *path)
{
	const char *key;
	char below[128];
	bool number;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		snprintf(below, sizeof(below), "%s.%s", path, key);
		if (json_is_object(v)) {
			check_members(v, below);
			continue;
		}
		CU_ASSERT(is_suricatas(below));
		number = strcmp(below, "http.status") == 0 || strcmp(below, "dns.version") == 0;
		CU_ASSERT(number ? json_is_integer(v) : json_is_string(v));
	}
}

/* Each field of op_field.def, alone in a record: either in one of Suricata's members, or inside ours. */
static void
what_suricata_has_no_member_for_stands_inside_ours(void)
{
	static const char *const objects[] = {"http", "dns", "tls", "quic", "ssh"};
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_ring *r;
	unsigned field, i, theirs = 0, ours = 0;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	for (field = 0; field < BH_OP_FIELD_COUNT; field++) {
		const struct bh_op_field_info *info = bh_op_field_info((uint8_t)field);
		struct bh_event_text t = {0};
		json_t *v, *o;

		if (info->eve_object == NULL)
			continue;
		e[0] = tcp_event(BH_EVENT_OPERATION);
		bh_event_text_add(&t, (uint8_t)field, "404", 3);
		CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
		CU_ASSERT(bh_event_pop(r, e, BH_ARRAY_SIZE(e)) >= 2);
		v = written(e, &names);
		for (i = 0, o = NULL; i < BH_ARRAY_SIZE(objects) && o == NULL; i++) {
			o = json_object_get(v, objects[i]);
			if (o != NULL)
				check_members(o, objects[i]);
		}
		/* Its schema asks for it, always. */
		CU_ASSERT((json_object_get(v, "dns") != NULL) ==
			  (json_integer_value(
				   json_object_get(json_object_get(v, "dns"), "version")) == 2));
		theirs += o != NULL;
		if (o == NULL) {
			o = json_object_get(json_object_get(v, "bulkhead"),
					    str(v, NULL, "event_type"));
			CU_ASSERT_EQUAL(json_object_size(o), 1);
			ours++;
		}
		json_decref(v);
	}
	CU_ASSERT(theirs >= 25 && ours >= 20);
	bh_event_ring_destroy(r);
}

/* RFC 1035 allows several, Suricata's member has one. */
static void
of_two_questions_the_first_is_suricatas_and_both_are_ours(void)
{
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_text t = {0};
	struct bh_event_ring *r;
	json_t *v, *ours, *names_asked;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	e[0] = tcp_event(BH_EVENT_OPERATION);
	bh_event_text_add(&t, BH_OP_DNS_TYPE, "A", 1);
	bh_event_text_add(&t, BH_OP_DNS_NAME, "a.test", 6);
	bh_event_text_add(&t, BH_OP_DNS_NAME, "b.test", 6);
	CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
	CU_ASSERT(bh_event_pop(r, e, BH_ARRAY_SIZE(e)) >= 2);
	v = written(e, &names);
	check_members(json_object_get(v, "dns"), "dns");
	CU_ASSERT_STRING_EQUAL(str(v, "dns", "rrname"), "a.test");
	CU_ASSERT_STRING_EQUAL(str(v, "dns", "rrtype"), "A");
	ours = json_object_get(json_object_get(v, "bulkhead"), "dns");
	CU_ASSERT_EQUAL(json_object_size(ours), 1);
	names_asked = json_object_get(ours, "rrname");
	CU_ASSERT_EQUAL(json_array_size(names_asked), 2);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(names_asked, 1)), "b.test");
	json_decref(v);
	bh_event_ring_destroy(r);
}

/* The issuer and the last four digits stay; times, hashes and longer numbers are as they were. */
static void
no_word_shows_a_card_number(void)
{
	static const struct {
		const char *say, *want;
	} cases[] = {
		{"/pay/4111111111111111/x", "/pay/411111******1111/x"},
		{"card 4111-1111-1111-1111 x", "card 4111-11**-****-1111 x"},
		{"a=4111%201111%201111%201111", "a=4111%2011**%20****%201111"},
		{"4111 1111 1111 1111 123", "4111 11** **** 1111 123"},
		{"7 4111111111111111 5500000000000004", "7 411111******1111 550000******0004"},
		{"key378282246310005", "key378282*****0005"},
		{"1763800000000000", "1763800000000000"},
		{"4111111111111112", "4111111111111112"},
		{"94111111111111111119999", "94111111111111111119999"},
		{"ab4111111111111111cdefabcdefabcd", "ab4111111111111111cdefabcdefabcd"},
	};
	struct bh_event e[1 + BH_EVENT_TEXT_SLOTS];
	struct bh_event_ring *r;
	unsigned i;
	json_t *v;

	CU_ASSERT_EQUAL_FATAL(bh_event_ring_create(&r, 16), 0);
	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		struct bh_event_text t = {0};

		e[0] = tcp_event(BH_EVENT_VIOLATION);
		bh_event_text_add(&t, BH_EVENT_WHY, cases[i].say, strlen(cases[i].say));
		CU_ASSERT_TRUE(bh_event_push_text(r, &e[0], &t));
		CU_ASSERT(bh_event_pop(r, e, BH_ARRAY_SIZE(e)) > 1);
		v = written(e, &names);
		CU_ASSERT_STRING_EQUAL(json_string_value(
					       json_object_get(json_object_get(v, "bulkhead"),
							       "detail")),
				       cases[i].want);
		json_decref(v);
	}
	bh_event_ring_destroy(r);
}

const struct bh_unit_test bh_suite_event_operation[] = {
	BH_TEST(operation_is_written_field_by_field),
	BH_TEST(what_suricata_has_no_member_for_stands_inside_ours),
	BH_TEST(of_two_questions_the_first_is_suricatas_and_both_are_ours),
	BH_TEST(no_word_shows_a_card_number),
	BH_TEST_END,
};
