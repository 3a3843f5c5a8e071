/* Kubeconfigs: what is taken, and what is refused with a word on what to do instead. */
#include <stdio.h>

#include "../../lib/kube/kube_priv.h"
#include "unit.h"

static int
read_config(struct bh_kube_access *a, const char *cluster, const char *user,
	    const struct bh_config_source *s, struct bh_err *err)
{
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "current-context: c\nclusters: [{name: k, cluster: {%s}}]\n"
			 "users: [{name: u, user: {%s}}, {name: w, user: {token: other}}]\n"
			 "contexts: [{name: c, context: {cluster: k, user: u}}, "
			 "{name: d, context: {cluster: k, user: w}}]\n",
			 cluster, user);

	memset(err, 0, sizeof(*err));
	return bh_kube_access_read(a, text, (size_t)n, s, err);
}

static const struct bh_config_source source = {.name = "k", .kubeconfig = "/etc/kube/config"};

static void
files_are_relative_to_the_kubeconfigs_folder(void)
{
	struct bh_kube_access a;
	struct bh_err err;

	CU_ASSERT_EQUAL(read_config(&a, "server: 'https://h:6443/', certificate-authority: ca.crt",
				    "tokenFile: /run/token", &source, &err),
			0);
	CU_ASSERT_STRING_EQUAL(a.server, "https://h:6443");
	CU_ASSERT_STRING_EQUAL(a.ca, "/etc/kube/ca.crt");
	CU_ASSERT_STRING_EQUAL(a.token_file, "/run/token");
	CU_ASSERT_PTR_NULL(a.token);
	bh_kube_access_free(&a);
}

static void
the_context_says_which_user(void)
{
	struct bh_config_source s = source;
	struct bh_kube_access a;
	struct bh_err err;

	CU_ASSERT_EQUAL(read_config(&a, "server: 'https://h'", "token: mine", &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(a.token, "mine");
	bh_kube_access_free(&a);
	snprintf(s.context, sizeof(s.context), "d");
	CU_ASSERT_EQUAL(read_config(&a, "server: 'https://h'", "token: mine", &s, &err), 0);
	CU_ASSERT_STRING_EQUAL(a.token, "other");
	bh_kube_access_free(&a);
	snprintf(s.context, sizeof(s.context), "e");
	CU_ASSERT_TRUE(read_config(&a, "server: 'https://h'", "token: mine", &s, &err) < 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.what, "'e'"));
}

static void
data_is_pem_in_base64(void)
{
	struct bh_kube_access a;
	struct bh_err err;

	/* "-----BEGIN X-----\n" */
	CU_ASSERT_EQUAL(read_config(&a,
				    "server: 'https://h', certificate-authority-data: "
				    "LS0tLS1CRUdJTiBYLS0tLS0K",
				    "", &source, &err),
			0);
	CU_ASSERT_STRING_EQUAL(a.ca_data, "-----BEGIN X-----\n");
	bh_kube_access_free(&a);
	CU_ASSERT_TRUE(read_config(&a, "server: 'https://h', certificate-authority-data: '***'", "",
				   &source, &err) < 0);
	CU_ASSERT_TRUE(read_config(&a, "server: 'https://h', certificate-authority-data: QUJD", "",
				   &source, &err) < 0);
}

static void
what_is_not_safe_or_not_done_is_refused_with_a_sentence(void)
{
	static const struct {
		const char *cluster, *user, *says;
	} bad[] = {
		{"server: 'http://h'", "", "https://"},
		{"server: 'https://h', insecure-skip-tls-verify: true", "", "insecure"},
		{"server: 'https://h', proxy-url: 'http://p'", "", "proxy-url"},
		{"server: 'https://h'", "exec: {command: aws}", "nothing is executed"},
		{"server: 'https://h'", "auth-provider: {name: gcp}", "auth-provider"},
		{"server: 'https://h'", "client-certificate: a.crt", "belong together"},
		{"", "", "https://"},
	};
	struct bh_config_source s = source;
	struct bh_kube_access a;
	struct bh_err err;
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(bad); i++) {
		CU_ASSERT_TRUE(read_config(&a, bad[i].cluster, bad[i].user, &source, &err) < 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.what, bad[i].says));
		CU_ASSERT_PTR_NULL(a.token);
	}
	s.insecure = true;
	CU_ASSERT_EQUAL(read_config(&a, bad[1].cluster, "", &s, &err), 0);
	CU_ASSERT_TRUE(a.insecure);
	bh_kube_access_free(&a);
}

const struct bh_unit_test bh_suite_kube_access[] = {
	BH_TEST(files_are_relative_to_the_kubeconfigs_folder),
	BH_TEST(the_context_says_which_user),
	BH_TEST(data_is_pem_in_base64),
	BH_TEST(what_is_not_safe_or_not_done_is_refused_with_a_sentence),
	BH_TEST_END,
};
