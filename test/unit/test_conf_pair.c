/* What `pair` must say to be taken. */
#include <stdio.h>

#include "../../lib/conf/conf.h"
#include "unit.h"

#define REST                                                                                       \
	"mode: discover\nports: [{name: a, device: iface:a0}, {name: b, device: iface:b0}]\n"      \
	"pairs: [{name: p, outside: a, inside: b}]\n"

static int
load(const char *pair, struct bh_err *err)
{
	static struct bh_config c;
	char text[1024];

	snprintf(text, sizeof(text), REST "%s", pair);
	*err = (struct bh_err){0};
	return bh_config_load_text(&c, "t.yaml", text, strlen(text), true, err);
}

static void
a_pair_is_taken_when_it_is_whole(void)
{
	static const struct {
		const char *pair, *says; /* NULL: taken */
	} cases[] = {
		{"", NULL},
		{"pair: {listen: '10.0.0.1:8475', peer: '10.0.0.2:8475', secret_file: s}\n", NULL},
		{"pair: {listen: '[fd00::1]:1', peer: '[fd00::2]:1', secret_file: s}\n", NULL},
		{"pair: {listen: '10.0.0.1:8475', secret_file: s}\n", "go together"},
		{"pair: {peer: '10.0.0.1:8475', secret_file: s}\n", "go together"},
		{"pair: {listen: '10.0.0.1:8475', peer: '10.0.0.2:8475'}\n", "secret_file"},
		{"pair: {listen: '10.0.0.1', peer: '10.0.0.2:8475', secret_file: s}\n",
		 "ADDRESS:PORT"},
		{"pair: {listen: 'a.b:8475', peer: '10.0.0.2:8475', secret_file: s}\n",
		 "ADDRESS:PORT"},
		{"pair: {listen: '10.0.0.1:70000', peer: '10.0.0.2:8475', secret_file: s}\n",
		 "ADDRESS:PORT"},
		{"pair: {listen: '10.0.0.1:0', peer: '10.0.0.2:8475', secret_file: s}\n",
		 "ADDRESS:PORT"},
		{"pair: {listen: '10.0.0.2:1', peer: '10.0.0.2:1', secret_file: s}\n",
		 "its own twin"},
		{"pair: {listen: '10.0.0.1:1', peer: '10.0.0.2:1', secret_file: s, dead: 299ms}\n",
		 "pair.dead"},
		{"pair: {listen: '10.0.0.1:1', peer: '10.0.0.2:1', secret_file: s, dead: 300ms}\n",
		 NULL},
		{"pair: {second: {listen: '10.0.0.1:1', peer: '10.0.0.2:1'}}\n", "no first"},
		{"pair: {listen: '10.0.0.1:1', peer: '10.0.0.2:1', secret_file: s}\n"
		 "failure: {crash: bypass}\n",
		 "loop"},
	};
	struct bh_err err;
	char text[1024];
	size_t i;

	for (i = 0; i < BH_ARRAY_SIZE(cases); i++) {
		int rc = load(cases[i].pair, &err);

		CU_ASSERT_EQUAL(rc == 0, cases[i].says == NULL);
		bh_err_format(&err, text, sizeof(text));
		CU_ASSERT(rc == 0 || cases[i].says == NULL || strstr(text, cases[i].says) != NULL);
	}
}

const struct bh_unit_test bh_suite_conf_pair[] = {
	BH_TEST(a_pair_is_taken_when_it_is_whole),
	BH_TEST_END,
};
