/* Vault's answers: a field is a string of the document or nothing, no longer than asked for and with a NUL behind it; a token
 * is given with a time that is not negative. */
#include "../../lib/secret/secret_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct bh_vault_token t;
	char *value = NULL;
	size_t n = 0;
	int rc = bh_vault_read_field(text, len, "f", 64, &value, &n);

	if ((rc == 0) != (value != NULL) || n > 64 || n > len)
		__builtin_trap();
	if (rc == 0 && value[n] != '\0')
		__builtin_trap();
	bh_secret_free(value);
	rc = bh_vault_read_token(text, len, &t);
	if (rc != 0 && t.token != NULL)
		__builtin_trap();
	bh_secret_free(t.token);
	return 0;
}
