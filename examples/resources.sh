#!/usr/bin/env bash
# The walk-through of examples/README.md: a token is issued and paid, spending it twice fails, and a capability that was
# handed on expires. Prints each command and what it says. VM is the command, WORK where its files go.
set -euo pipefail
cd "$(dirname "$0")/.."

VM=${VM:-target/release/causality-vm}
if [ -z "${WORK:-}" ]; then
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
fi
export CAUSALITY_STORE=$WORK/store

# Shows a command, runs it, and insists on its exit code.
expect() {
    local want=$1 code=0
    shift
    echo "\$ causality-vm ${*//$WORK\//}"
    "$VM" "$@" 2>&1 </dev/null || code=$?
    if [ "$code" != "$want" ]; then
        echo "exit code $code instead of $want" >&2
        exit 1
    fi
    [ "$code" = 0 ] || echo "(exit code $code)"
    echo
}
ok() { expect 0 "$@"; }
# What a command prints, and nothing else.
quiet() { "$VM" "$@" 2>/dev/null </dev/null; }
# The first register of a record that is listed under a word.
field() { quiet record show "$2" | awk -v name="$1" '$1 == name { print $2; exit }'; }

echo "# Who is who: an issuer whom the store trusts, Alice and Bob"
for who in issuer alice bob; do ok key new "$WORK/$who.key"; done
ISSUER=$(quiet key show "$WORK/issuer.key")
ALICE=$(quiet key show "$WORK/alice.key")
BOB=$(quiet key show "$WORK/bob.key")
ok store trust "$ISSUER"

echo "# The issuer may issue gold; Alice may do with it what she likes, and hand that on"
ok capability issue --key "$WORK/issuer.key" --to "$ISSUER" --target domain:gold --rights issue -o "$WORK/issue.cap"
ok capability issue --key "$WORK/issuer.key" --to "$ALICE" --target domain:gold \
    --rights read,consume,transfer,delegate -o "$WORK/alice.cap"
ok register create --key "$WORK/issuer.key" --capability "$WORK/issue.cap" --logic token --domain gold \
    --quantity 100 --to "$ALICE" --record "$WORK/issue.record"
TOKEN=$(field created "$WORK/issue.record")
ok register list

echo "# 1. A transfer: Alice pays Bob 30 of her 100"
ok run --as "$WORK/alice.key" --input "$TOKEN:consume" --capability "$WORK/alice.cap" --record "$WORK/transfer.record" \
    examples/transfer.elf 30 "${BOB#ed25519:}"
ok record show "$WORK/transfer.record"
ok register list
echo "# Anybody who has the store can repeat it, on any tier"
ok verify "$WORK/transfer.record" --tier interp
ok verify "$WORK/transfer.record" --tier baseline
echo "# A record that somebody changed is found out: here, one byte of the fuel"
cp "$WORK/transfer.record" "$WORK/forged.record"
# The last 17 bytes: the fuel, one that says that no hashes were asked for, and the number of registers in the run.
SIZE=$(wc -c <"$WORK/forged.record")
printf '\377' | dd of="$WORK/forged.record" bs=1 seek=$((SIZE - 14)) conv=notrunc status=none
expect 1 verify "$WORK/forged.record"

echo "# 2. A double spend: the token is gone, and what is left cannot be spent twice in one run either"
expect 123 run --as "$WORK/alice.key" --input "$TOKEN:consume" --capability "$WORK/alice.cap" \
    examples/transfer.elf 30 "${BOB#ed25519:}"
CHANGE=$(quiet register list | awk -v who="$ALICE," '$5 == who { print $1 }')
expect 134 run --as "$WORK/alice.key" --input "$CHANGE:consume" --capability "$WORK/alice.cap" \
    --record "$WORK/double.record" examples/double_spend.elf
ok record show "$WORK/double.record"
ok register show "$CHANGE"

echo "# 3. A capability that expires: Alice lets Bob read until epoch 1, and time goes on"
ok capability delegate "$WORK/alice.cap" --key "$WORK/alice.key" --to "$BOB" --rights read --expires-at 1 \
    -o "$WORK/bob.cap"
ok capability show "$WORK/bob.cap"
ok run --as "$WORK/bob.key" --input "$CHANGE:read" --capability "$WORK/bob.cap" examples/reader.elf
ok store epoch --advance
expect 123 run --as "$WORK/bob.key" --input "$CHANGE:read" --capability "$WORK/bob.cap" \
    --record "$WORK/expired.record" examples/reader.elf
ok record show "$WORK/expired.record"
ok store verify
