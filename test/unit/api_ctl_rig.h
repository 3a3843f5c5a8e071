/* bulkheadctl run against the fixture's server, with what it wrote. Used by test_api_ctl*.c. */
#ifndef BH_API_CTL_RIG_H
#define BH_API_CTL_RIG_H

#include "../../app/bulkheadctl/ctl.h"
#include "api_fixture.h"

/* A run of the program; out and err are its streams. */
struct run {
	struct fix fix;
	char token[64], policy[64]; /* files */
	char *out, *err;
	size_t out_size, err_size;
};

static FIX_UNUSED void
write_file(char *path, size_t size, const char *text)
{
	int fd;

	snprintf(path, size, "/tmp/bulkhead-ctl-XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static FIX_UNUSED void
run_start_with(struct run *r, void (*adjust)(struct bh_api_params *))
{
	memset(r, 0, sizeof(*r));
	fix_start(&r->fix, adjust);
	write_file(r->token, sizeof(r->token), FIX_TOKEN "\n");
	write_file(r->policy, sizeof(r->policy), fix_policy);
	unsetenv("BULKHEAD_TOKEN_FILE");
	setenv("BULKHEAD_SERVER", r->fix.server, 1);
}

static FIX_UNUSED void
run_start(struct run *r)
{
	run_start_with(r, NULL);
}

static FIX_UNUSED void
run_stop(struct run *r)
{
	unlink(r->token);
	unlink(r->policy);
	unsetenv("BULKHEAD_TOKEN_FILE");
	unsetenv("BULKHEAD_SERVER");
	free(r->out);
	free(r->err);
	fix_stop(&r->fix);
}

/* Blank-separated words; @policy and @token stand for the files. Returns the exit code. */
static FIX_UNUSED int
run(struct run *r, const char *line)
{
	char words[512], *argv[32], *save = NULL, *word;
	FILE *out, *err;
	int argc = 0, rc;

	free(r->out);
	free(r->err);
	out = open_memstream(&r->out, &r->out_size);
	err = open_memstream(&r->err, &r->err_size);
	snprintf(words, sizeof(words), "bulkheadctl %s", line);
	for (word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		argv[argc++] = strcmp(word, "@policy") == 0  ? r->policy
			       : strcmp(word, "@token") == 0 ? r->token
							     : word;
	}
	rc = bh_ctl_main(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return rc;
}

static FIX_UNUSED bool
says(const char *text, const char *what)
{
	if (strstr(text, what) != NULL)
		return true;
	fprintf(stderr, "not said: %s\nbut: %s\n", what, text);
	return false;
}

#endif
