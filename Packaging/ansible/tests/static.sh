#!/bin/bash
# What needs no host: lint, documentation, the Python of the hosts. static.sh VENV COLLECTIONS; a minute, and no network.
# COLLECTIONS has the collection afterwards, built and installed as its users do it.
set -euo pipefail
venv=$(realpath "$1") && collections=$(realpath -m "$2")
cd "$(dirname "$0")/.."
export PATH=$venv/bin:$PATH ANSIBLE_HOME=$collections/../ansible-home ANSIBLE_NOCOLOR=1 ANSIBLE_COLLECTIONS_PATH=$collections

echo "built and installed"
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
ansible-galaxy collection build --output-path "$built" . > /dev/null
ansible-galaxy collection install --offline --force -p "$collections" "$built"/hotcold-captures-*.tar.gz > /dev/null

echo "ansible-lint, profile production"
ansible-lint --offline --profile production --strict --nocolor

echo "ansible-doc"
for module in migrate revert verify capture_facts; do
  ansible-doc "hotcold.captures.$module" > "$built/text"
  for part in OPTIONS EXAMPLES 'RETURN VALUES' 'check_mode'; do
    grep -q "$part" "$built/text" || { echo "$module: no $part in its documentation"; exit 1; }
  done
done
ansible-doc -t role hotcold.captures.hotcold > "$built/text"
for option in $(sed -n 's/^\(hotcold_[a-z_]*\):.*/\1/p' roles/hotcold/defaults/main.yml) hotcold_captures; do
  grep -q "$option" "$built/text" || { echo "the role: $option is not documented"; exit 1; }
done

echo "Python 3.9 on the hosts"
python - plugins/modules/*.py plugins/module_utils/*.py <<'PYTHON'
import ast, sys
for path in sys.argv[1:]:
    text = open(path).read()
    ast.parse(text, path, feature_version=(3, 9))
    long = [number for number, line in enumerate(text.splitlines(), 1) if len(line) > 140]
    assert not long, f"{path}: lines above 140 columns: {long}"
PYTHON

echo "modules and reports"
PYTHONPATH=$collections python tests/test_modules.py

echo "the role"
python tests/test_role.py "$collections"
