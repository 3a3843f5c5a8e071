/* Errors, log lines, the growable buffer, the cursor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../lib/base/base.h"
#include "unit.h"

static uint64_t seed = 7;

static uint32_t
dice(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((seed >> 33) % n);
}

/* ---- errors --------------------------------------------------------------------------------------- */

static void
first_error_wins_and_the_code_comes_back_negative(void)
{
	struct bh_err err = {0};

	CU_ASSERT_EQUAL(bh_err_set(&err, EINVAL, "port %d", 7), -EINVAL);
	CU_ASSERT_EQUAL(bh_err_set(&err, ENOMEM, "later"), -ENOMEM);
	CU_ASSERT_STRING_EQUAL(err.what, "port 7");
	CU_ASSERT_EQUAL(bh_err_set(NULL, EIO, "nobody reads this"), -EIO);
}

static void
long_errors_are_cut_and_ended(void)
{
	struct bh_err err = {0};
	char out[64];

	bh_err_set(&err, EINVAL, "%0900d", 1);
	CU_ASSERT_EQUAL(strlen(err.what), sizeof(err.what) - 1);
	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_EQUAL(strlen(out), sizeof(out) - 1);
}

static void
errors_say_where_as_far_as_known(void)
{
	struct bh_err err = {.what = "no such port"};
	char out[128];

	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "no such port");
	err.line = 3; /* of no file: means nothing */
	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "no such port");
	err.line = 0;
	snprintf(err.file, sizeof(err.file), "a.yaml");
	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "a.yaml: no such port");
	err.line = 3;
	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "a.yaml:3: no such port");
	err.column = 9;
	bh_err_format(&err, out, sizeof(out));
	CU_ASSERT_STRING_EQUAL(out, "a.yaml:3:9: no such port");
}

/* ---- log ------------------------------------------------------------------------------------------ */

/* What one call wrote to stderr. */
static size_t
logged(enum bh_log_level level, const char *message, char *out, size_t size)
{
	int saved = dup(STDERR_FILENO), end[2];
	ssize_t n;

	if (saved < 0 || pipe(end) != 0)
		abort();
	dup2(end[1], STDERR_FILENO);
	bh_log(level, "%s", message);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(end[1]);
	n = read(end[0], out, size - 1);
	close(end[0]);
	if (n < 0)
		abort();
	out[n] = '\0';
	return (size_t)n;
}

static void
log_line_has_time_level_and_message(void)
{
	char out[4096];
	int year, month, day, hour, minute, second, us, end = 0;

	logged(BH_LOG_WARN, "ports are down", out, sizeof(out));
	CU_ASSERT_EQUAL(sscanf(out, "%4d-%2d-%2dT%2d:%2d:%2d.%6d+0000 warning: ports are down\n%n",
			       &year, &month, &day, &hour, &minute, &second, &us, &end),
			7);
	CU_ASSERT_EQUAL((size_t)end, strlen(out));
	logged(BH_LOG_ERROR, "x", out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, " error: x\n"));
	logged(BH_LOG_INFO, "x", out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, " info: x\n"));
}

static void
log_message_cannot_forge_a_line(void)
{
	char out[4096];

	logged(BH_LOG_INFO, "a\nb\r\x1b[31m\x7f\t\xc3\xa9", out, sizeof(out));
	CU_ASSERT_PTR_NOT_NULL(strstr(out, " info: a?b??[31m??\xc3\xa9\n"));
	CU_ASSERT_PTR_EQUAL(strchr(out, '\n'), out + strlen(out) - 1);
}

static void
long_log_message_is_cut_to_one_line(void)
{
	char out[4096], message[3000];
	size_t n;

	for (n = 1140; n < 1180; n++) {
		memset(message, 'm', n);
		message[n] = '\0';
		CU_ASSERT_TRUE(logged(BH_LOG_INFO, message, out, sizeof(out)) <= 1200);
		CU_ASSERT_PTR_EQUAL(strchr(out, '\n'), out + strlen(out) - 1);
	}
	memset(message, 'm', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	CU_ASSERT_TRUE(logged(BH_LOG_INFO, message, out, sizeof(out)) <= 1200);
	CU_ASSERT_EQUAL(out[strlen(out) - 1], '\n');
}

/* ---- buffer --------------------------------------------------------------------------------------- */

static void
buffer_holds_what_was_added(void)
{
	static char model[200000];
	struct bh_buf b = {0};
	char piece[600];
	size_t len = 0, n;
	unsigned i;

	for (i = 0; i < 3000; i++) {
		n = dice(2) ? dice(8) : dice(sizeof(piece));
		memset(piece, 'a' + (int)dice(26), sizeof(piece));
		piece[n < sizeof(piece) ? n : sizeof(piece) - 1] = '\0';
		n = strlen(piece);
		if (len + n + 16 >= sizeof(model) || dice(200) == 0) {
			bh_buf_reset(&b);
			len = 0;
		}
		memcpy(model + len, piece, n);
		len += n;
		switch (dice(3)) {
		case 0:
			bh_buf_add(&b, piece, n);
			break;
		case 1:
			bh_buf_str(&b, piece);
			break;
		default:
			bh_buf_printf(&b, "%s%c", piece, 'Z');
			model[len++] = 'Z';
			break;
		}
		CU_ASSERT_FALSE(b.failed);
		CU_ASSERT_EQUAL(b.len, len);
		CU_ASSERT_EQUAL(memcmp(b.data, model, len), 0);
		CU_ASSERT_EQUAL(b.data[len], '\0');
		CU_ASSERT_TRUE(b.cap > b.len);
	}
	bh_buf_free(&b);
	CU_ASSERT_PTR_NULL(b.data);
	CU_ASSERT_EQUAL(b.len + b.cap, 0);
}

static void
nothing_added_is_an_empty_string(void)
{
	struct bh_buf b = {0};

	bh_buf_add(&b, NULL, 0);
	CU_ASSERT_STRING_EQUAL(b.data, "");
	bh_buf_str(&b, "x");
	bh_buf_reset(&b);
	CU_ASSERT_STRING_EQUAL(b.data, "");
	bh_buf_free(&b);
	bh_buf_reset(&b);
	bh_buf_free(&b);
}

static void
failed_buffer_stays_failed_until_reset(void)
{
	static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
	struct bh_buf b = {0};
	unsigned i;

	for (i = 0; i < BH_ARRAY_SIZE(absurd); i++) {
		bh_buf_str(&b, "kept");
		CU_ASSERT_FALSE(b.failed);
		bh_buf_add(&b, "", absurd[i]);
		CU_ASSERT_TRUE(b.failed);
		bh_buf_str(&b, "more");
		bh_buf_printf(&b, "%d", 1);
		CU_ASSERT_TRUE(b.failed);
		CU_ASSERT_STRING_EQUAL(b.data, "kept");
		bh_buf_reset(&b);
		CU_ASSERT_FALSE(b.failed);
	}
	bh_buf_free(&b);
}

static void
text_that_cannot_be_had_is_told(void)
{
	struct bh_buf b = {0};

	bh_buf_str(&b, "kept");
	bh_buf_printf(&b, "%ls", L"\x4e2d"); /* no such character in the C locale */
	CU_ASSERT_TRUE(b.failed);
	CU_ASSERT_STRING_EQUAL(b.data, "kept");
	bh_buf_reset(&b);
#ifndef __SANITIZE_ADDRESS__ /* which ends the program when memory for this is asked for */
	bh_buf_str(&b, "kept");
	bh_buf_add(&b, "", SIZE_MAX / 8);
	CU_ASSERT_TRUE(b.failed);
	CU_ASSERT_STRING_EQUAL(b.data, "kept");
#endif
	bh_buf_free(&b);
}

/* ---- cursor --------------------------------------------------------------------------------------- */

static void
cursor_gives_each_byte_once_and_stays_when_short(void)
{
	uint8_t bytes[64];
	unsigned round, i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 1);
	for (round = 0; round < 5000; round++) {
		size_t len = dice(sizeof(bytes) + 1), at = 0, n;
		struct bh_cur c = bh_cur(bytes, len);
		const uint8_t *p;
		uint32_t v32 = 0;
		uint16_t v16 = 0;
		uint8_t v8 = 0;

		while (dice(20) != 0) {
			CU_ASSERT_EQUAL(bh_cur_left(&c), len - at);
			switch (dice(4)) {
			case 0:
				CU_ASSERT_EQUAL(bh_cur_u8(&c, &v8), len - at >= 1);
				if (len - at >= 1)
					CU_ASSERT_EQUAL(v8, bytes[at++]);
				break;
			case 1:
				CU_ASSERT_EQUAL(bh_cur_be16(&c, &v16), len - at >= 2);
				if (len - at < 2)
					break;
				CU_ASSERT_EQUAL(v16, bytes[at] << 8 | bytes[at + 1]);
				at += 2;
				break;
			case 2:
				CU_ASSERT_EQUAL(bh_cur_be32(&c, &v32), len - at >= 4);
				if (len - at < 4)
					break;
				CU_ASSERT_EQUAL(v32 >> 16,
						(uint32_t)(bytes[at] << 8 | bytes[at + 1]));
				CU_ASSERT_EQUAL(v32 & 0xffff,
						(uint32_t)(bytes[at + 2] << 8 | bytes[at + 3]));
				at += 4;
				break;
			default:
				n = dice(4) == 0 ? SIZE_MAX - dice(3) : dice(10);
				p = bh_cur_take(&c, n);
				CU_ASSERT_PTR_EQUAL(p, n <= len - at ? bytes + at : NULL);
				at += n <= len - at ? n : 0;
				break;
			}
		}
	}
}

const struct bh_unit_test bh_suite_base_text[] = {
	BH_TEST(first_error_wins_and_the_code_comes_back_negative),
	BH_TEST(long_errors_are_cut_and_ended),
	BH_TEST(errors_say_where_as_far_as_known),
	BH_TEST(log_line_has_time_level_and_message),
	BH_TEST(log_message_cannot_forge_a_line),
	BH_TEST(long_log_message_is_cut_to_one_line),
	BH_TEST(buffer_holds_what_was_added),
	BH_TEST(nothing_added_is_an_empty_string),
	BH_TEST(failed_buffer_stays_failed_until_reset),
	BH_TEST(text_that_cannot_be_had_is_told),
	BH_TEST(cursor_gives_each_byte_once_and_stays_when_short),
	BH_TEST_END,
};
