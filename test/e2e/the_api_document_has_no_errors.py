"""The served OpenAPI document by Spectral, with its own rules and OWASP's: no errors. (Warnings ask for answers that cannot be, and
for patterns of free text.)"""

import json
import os
import shutil
import subprocess

from lib.check import Skip, check, main, same, say
from lib.gateway import BUILD, DIR, Gateway, policy
from lib.wire import make

MODULES = f"{BUILD}/node/spectral"


def lint(document, name):
    path = os.path.join(MODULES, f"{name}.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump(document, f)
    done = subprocess.run(["node", "node_modules/@stoplight/spectral-cli/dist/index.js", "lint", path, "--ruleset", "rules.yaml", "-f", "json", "-q"],
                          cwd=MODULES, capture_output=True, text=True, timeout=200, check=False, env={**os.environ, "HOME": DIR})
    check(done.stdout.startswith("["), f"Spectral's answer: {done.stdout[:500]}{done.stderr[:500]}")
    return json.loads(done.stdout)


def test():
    if not shutil.which("node") or not os.path.isdir(f"{MODULES}/node_modules"):
        raise Skip(f"Spectral is not in {MODULES}: `make e2e` gets it by npm")
    make()
    gateway = Gateway(policy()).start()
    document = gateway.get("/openapi.json")
    gateway.stop()
    found = lint(document, "openapi")
    errors = [f"{'.'.join(map(str, f['path']))}: {f['code']}: {f['message']}" for f in found if f["severity"] == 0]
    same(errors, [], "errors")
    say(f"{len(document['paths'])} paths, 0 errors, {len(found)} warnings and hints")
    # It can say no, by either set of rules.
    del document["info"]["title"]
    document["components"]["securitySchemes"]["plain"] = {"type": "http", "scheme": "basic"}
    codes = {f["code"] for f in lint(document, "broken") if f["severity"] == 0}
    check({"oas3-schema", "owasp:api2:2023-no-http-basic"} <= codes, f"a broken document has errors: {codes}")


main(test)
