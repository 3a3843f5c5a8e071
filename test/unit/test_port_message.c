#include <stdio.h>

#include <rte_log.h>

#include "../../lib/port/port_priv.h"
#include "unit.h"

static void
a_known_cause_says_what_to_do_and_quotes(void)
{
	char out[400];

	bh_explain("xdp_get(): fine\nxsk_configure(): Failed to create umem\n"
		   "eth_rx_queue_setup(): Failed to configure xdp socket\n",
		   out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "ulimit -l"));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Failed to configure xdp socket"));
}

static void
an_unknown_cause_is_quoted(void)
{
	char out[400];

	bh_explain("first\nsomething nobody has seen\n\n", out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "DPDK: \"something nobody has seen\"");
}

static void
words_that_say_nothing_are_passed_over(void)
{
	char out[400];

	bh_explain("pmd: the true cause\nEAL: Failed to attach device on primary process\n", out,
		   sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "DPDK: \"pmd: the true cause\"");
	bh_explain("EAL: Failed to attach device on primary process\n", out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, "Failed to attach"));
}

static void
the_reason_of_the_kernel_comes_before_the_words_of_libraries(void)
{
	char out[400];

	bh_explain("libbpf: Kernel error message: veth: Peer MTU is too large to set XDP\n"
		   "xsk_configure(): Failed to create xsk socket.\n",
		   out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(out, "the kernel: \"veth: Peer MTU is too large to set XDP\""));
	CU_ASSERT_PTR_NULL(strstr(out, "xsk_configure"));
}

static void
silence_is_said(void)
{
	char out[64];

	bh_explain(NULL, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "DPDK gives no reason");
	bh_explain("", out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "DPDK gives no reason");
}

static void
a_long_text_is_cut_to_fit(void)
{
	char text[2000], out[50];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	bh_explain(text, out, sizeof(out));
	CU_ASSERT_TRUE(strlen(out) < sizeof(out));
}

static void
what_is_logged_between_begin_and_end_is_kept(void)
{
	struct bh_capture c;
	FILE *before = rte_log_get_stream();

	bh_capture_begin(&c);
	rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL, "number %d\n", 7);
	bh_capture_end(&c);
	CU_ASSERT_STRING_EQUAL(c.text, "number 7\n");
	CU_ASSERT_PTR_EQUAL(rte_log_get_stream(), before);
	bh_capture_free(&c);
	bh_capture_free(&c);
}

const struct bh_unit_test bh_suite_port_message[] = {
	BH_TEST(a_known_cause_says_what_to_do_and_quotes),
	BH_TEST(an_unknown_cause_is_quoted),
	BH_TEST(words_that_say_nothing_are_passed_over),
	BH_TEST(the_reason_of_the_kernel_comes_before_the_words_of_libraries),
	BH_TEST(silence_is_said),
	BH_TEST(a_long_text_is_cut_to_fit),
	BH_TEST(what_is_logged_between_begin_and_end_is_kept),
	BH_TEST_END,
};
