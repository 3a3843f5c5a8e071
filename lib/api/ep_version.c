/* /version */
#include "api_priv.h"

void
bh_api_ep_version_get(struct bh_api_req *req)
{
	bh_api_json(req, 200,
		    json_pack("{s:s, s:s, s:s}", "name", "bulkhead", "version", BH_VERSION, "api",
			      "v1"));
}
