"""Whether LocalStack has started: every ready hook has run, and run well. Its health page says neither."""

import json
import sys
import urllib.request

try:
    with urllib.request.urlopen("http://127.0.0.1:4566/_localstack/init/ready", timeout=5) as reply:
        state = json.load(reply)
except OSError as error:
    sys.exit(f"does not answer yet: {error}")
scripts = {script["name"]: script["state"] for script in state["scripts"]}
if not state["completed"] or set(scripts.values()) != {"SUCCESSFUL"}:
    sys.exit(f"not ready: {scripts}")
