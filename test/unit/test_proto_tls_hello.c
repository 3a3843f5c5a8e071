/* What a hello says: fingerprints, names, protocols, meshes. */
#include "proto_hello.h"
#include "unit.h"

#define END 0xffff

/* The example in JA4's description, with noise values among all lists. */
static void
ja4_is_the_published_one(void)
{
	static const uint16_t ciphers[] = {0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
					   0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
					   0x009c, 0x009d, 0x002f, 0x0035, END};
	static const uint16_t extensions[] = {0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010,
					      0x4469, 0x0017, 0x002d, 0x000d, 0x0005,
					      0x0023, 0x0012, 0x002b, 0xff01, 0x000b,
					      0x000a, 0x0015, 0x5a5a, END};
	static const uint16_t signatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
					      0x0501, 0x0806, 0x0601, END};
	static const uint16_t versions[] = {0xbaba, 0x0304, 0x0303, END};
	static const uint16_t groups[] = {0xcaca, 29, 23, 24, END};
	struct hello h = {.sni = "a.example",
			  .ciphers = ciphers,
			  .extensions = extensions,
			  .signatures = signatures,
			  .versions = versions,
			  .groups = groups,
			  .session = 32,
			  .alpn = {"h2", "http/1.1"}};
	struct heard t;

	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja4=t13d1516h2_8daaf6152771_e5627efa2ab1 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " version=1.3 "));
}

/* The example in JA3's description. */
static void
ja3_is_the_published_one(void)
{
	static const uint16_t ciphers[] = {47,    53, 5,  10, 49161, 49162, 49171,
					   49172, 50, 56, 19, 4,     END};
	static const uint16_t extensions[] = {0, 10, 11, END};
	static const uint16_t groups[] = {23, 24, 25, END};
	struct hello h = {.version = 0x0301,
			  .sni = "a.example",
			  .ciphers = ciphers,
			  .extensions = extensions,
			  .groups = groups};
	struct heard t;

	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja3.hash=ada70206e40642a3e4461f35503241d5 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " version=1.0 "));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja4=t10d120300_"));
}

static void
alpn_that_is_not_text_is_shown_and_counted(void)
{
	struct hello h = plain("a.example");
	struct heard t;

	h.alpn[0] = "\x30\xab";
	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja4=t13d02033b_"));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " client_alpns=0\\xab\n"));
	h.alpn[0] = "\x0a\x0a"; /* noise: no protocol */
	h.alpn[1] = "h2";
	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "_000000000000 client_alpns=h2\n") != NULL
				       ? t.text
				       : strstr(t.text, " client_alpns=h2\n"));
	CU_ASSERT_PTR_NULL(strstr(t.text, "x0a"));
}

static void
names_are_lower_case_and_whole_or_refused(void)
{
	static const uint16_t twice[] = {0, 43, 0, END};
	struct hello h = plain("WWW.Example");
	struct heard t;

	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "sni=www.example "));
	h.sni = "good.example\0.bad.example";
	h.sni_len = 25;
	hello_says(&t, &h, 16384);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	h = plain("");
	hello_says(&t, &h, 16384);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	h = plain("a.example");
	h.extensions = twice;
	hello_says(&t, &h, 16384);
	CU_ASSERT_EQUAL(t.end, BH_OPS_ERROR);
	CU_ASSERT_STRING_EQUAL(t.why, "an extension comes twice");
}

static void
mesh_is_recognised(void)
{
	static const struct {
		const char *sni, *alpn, *words;
	} cases[] = {
		{"outbound_.9080_._.reviews.shop.svc.cluster.local", "istio",
		 "service=reviews.shop version=1.3 mesh=istio"},
		{"outbound_.80_.v1_.reviews.shop.svc.cluster.local", "h2",
		 "service=reviews.shop version=1.3 mesh=istio"},
		{"a.example", "istio-peer-exchange", "sni=a.example version=1.3 mesh=istio"},
		{"a.example", "istio-http/1.1", "sni=a.example version=1.3 mesh=istio"},
		{"a.example", "istiox", "sni=a.example version=1.3"},
		{"db.prod.svc.cluster.local", "h2", "service=db.prod version=1.3"},
		{"pod-0.db.prod.svc.corp.example", "h2", "service=db.prod version=1.3"},
		{"db.prod.svc", "h2", "service=db.prod version=1.3"},
		{"svc.prod.svc.cluster.local", "h2", "service=svc.prod version=1.3"},
		/* a pod of service db in namespace svc, or service x in namespace db of domain svc.local? */
		{"x.db.svc.svc.cluster.local", "h2", "local version=1.3"},
		{"svc.cluster.local", "h2", "sni=svc.cluster.local version=1.3"},
		{"a.svc.cluster.local", "h2", "sni=a.svc.cluster.local version=1.3"},
		{"db..svc.cluster.local", "h2", "local version=1.3"},
		{"outbound_.x_._.reviews.shop.svc.cluster.local", "h2",
		 "service=reviews.shop version=1.3 "},
		{"web.shop.serviceaccount.identity.linkerd.cluster.local", "h2",
		 "service=web.shop version=1.3 mesh=linkerd"},
		{"a.example", "transport.l5d.io/v1", "sni=a.example version=1.3 mesh=linkerd"},
	};
	struct heard t;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hello h = plain(cases[i].sni);
		char *ja3, *mesh;

		h.alpn[0] = cases[i].alpn;
		hello_says(&t, &h, 16384);
		/* cut the fingerprints out */
		ja3 = strstr(t.text, " ja3.hash=");
		mesh = strstr(t.text, " mesh=");
		if (mesh == NULL)
			mesh = strstr(t.text, " client_alpns=");
		memmove(ja3, mesh, strlen(mesh) + 1);
		CU_ASSERT_PTR_NOT_NULL(strstr(t.text, cases[i].words));
		CU_ASSERT_EQUAL(strstr(cases[i].words, "mesh=") != NULL,
				strstr(t.text, "mesh=") != NULL);
	}
}

static void
more_than_is_kept_is_partial(void)
{
	static uint16_t ciphers[700];
	struct hello h = plain("a.example");
	struct heard t;
	unsigned i;

	for (i = 0; i < 699; i++)
		ciphers[i] = (uint16_t)(0x1000 + i);
	ciphers[699] = END;
	h.ciphers = ciphers;
	hello_says(&t, &h, 16384);
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, "[0 partial] sni=a.example "));
	CU_ASSERT_PTR_NOT_NULL(strstr(t.text, " ja4=t13d9903h2_"));
}

const struct bh_unit_test bh_suite_proto_tls_hello[] = {
	BH_TEST(ja4_is_the_published_one),
	BH_TEST(ja3_is_the_published_one),
	BH_TEST(alpn_that_is_not_text_is_shown_and_counted),
	BH_TEST(names_are_lower_case_and_whole_or_refused),
	BH_TEST(mesh_is_recognised),
	BH_TEST(more_than_is_kept_is_partial),
	BH_TEST_END,
};
