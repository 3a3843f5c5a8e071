"""A client that is generated from the served OpenAPI document works: its calls fit the generated types, and do at the gateway
what they say."""

import json
import os
import shutil
import subprocess

from lib.check import Skip, main, same, say
from lib.gateway import BUILD, DIR, Gateway, TOKEN, write
from lib.wire import make


def client(gateway):
    """Types out of the document, a program that is checked against them, and what it does."""
    modules = f"{BUILD}/node/client"
    if not shutil.which("node") or not os.path.isdir(f"{modules}/node_modules/openapi-fetch"):
        raise Skip(f"openapi-fetch is not in {modules}: `make e2e` gets it by npm")
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client")
    folder = os.path.join(DIR, "client")
    os.mkdir(folder)
    os.symlink(f"{modules}/node_modules", f"{folder}/node_modules")
    shutil.copy(f"{here}/client.mjs", folder)
    write(f"{folder}/package.json", '{"type": "module"}')
    write(f"{folder}/openapi.json", json.dumps(gateway.get("/openapi.json")))
    for command in (["openapi-typescript", "openapi.json", "-o", "api.d.ts"],
                    ["tsc", "--noEmit", "--strict", "--allowJs", "--checkJs", "--skipLibCheck", "--module", "nodenext",
                     "--target", "es2022", "--moduleResolution", "nodenext", "client.mjs"]):
        done = subprocess.run([f"node_modules/.bin/{command[0]}", *command[1:]], cwd=folder, capture_output=True, text=True,
                              timeout=120, check=False, env={"PATH": os.environ["PATH"], "HOME": folder})
        same(done.returncode, 0, f"{' '.join(command)}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
    done = subprocess.run(["node", "client.mjs", f"http://127.0.0.1:{gateway.port}", TOKEN], cwd=folder, capture_output=True,
                          text=True, timeout=60, check=False)
    same(done.returncode, 0, f"the generated client: {done.stdout}{done.stderr}")
    say(done.stdout.strip())


def test():
    make()
    gateway = Gateway().start()
    client(gateway)
    gateway.stop()


main(test)
