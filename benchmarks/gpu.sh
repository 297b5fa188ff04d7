#!/bin/sh
# benchmarks/gpu.py on a machine that has a GPU, PyTorch and little else:
#
#     sh benchmarks/gpu.sh [options of gpu.py]
#
# PYTHON names the interpreter that holds PyTorch (default: python3). What tremble needs besides is
# installed beside it, for this run only: from the folder WHEELS where that is set, else from the
# package index. The figures are left in $OUT/gpu.log, where OUT is set.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
PYTHONPATH=src:$site
export PYTHONPATH
missing=$("$python" - <<'EOF'
from importlib.metadata import PackageNotFoundError, version
needed = {
    "polars": 1, "filelock": 4, "jinja2": 3, "numpy": 1, "scipy": 1, "rich": 13, "typer": 0,
    "transformers": 5, "safetensors": 0, "accelerate": 1,
}
for name, least in needed.items():
    try:
        if int(version(name).split(".")[0]) >= least:
            continue
    except PackageNotFoundError:
        pass
    print(name)
EOF
)
if [ -n "$missing" ]; then
    if [ -n "${WHEELS:-}" ]; then
        "$python" -m pip install --quiet --no-index --no-deps --target "$site" "$WHEELS"/*.whl
    else
        # shellcheck disable=SC2086
        "$python" -m pip install --quiet --target "$site" $missing
    fi
fi
"$python" benchmarks/gpu.py "$@" >"${OUT:-$site}/gpu.log" || { cat "${OUT:-$site}/gpu.log"; exit 1; }
cat "${OUT:-$site}/gpu.log"
