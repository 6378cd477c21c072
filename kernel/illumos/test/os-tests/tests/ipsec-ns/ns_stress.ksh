#!/usr/bin/ksh
#
# This file and its contents are supplied under the terms of the
# Common Development and Distribution License ("CDDL"), version 1.0.
# You may only use this file in accordance with the terms of version
# 1.0 of the CDDL.
#
# A full copy of the text of the CDDL should have accompanied this
# source.  A copy of the CDDL is also available via the Internet at
# http://www.illumos.org/license/CDDL.
#
# SPDX-License-Identifier: CDDL-1.0
#

#
# Several owners load their policy at the same time, again and again, for the
# system and for a tunnel.  None of them may ever lose a rule, or get one into
# the wrong place.
#
# The tunnel is a name only.  The rules are about addresses in 240.0.0.0/4, so
# no traffic is touched.
#
#	NS_STRESS_LOOPS		reloads of each owner (200)
#	NS_STRESS_RULES		rules of each owner (20)
#	NS_STRESS_OWNERS	owners, beside nobody and one who never
#				reloads (4)
#

export PATH=/usr/sbin:/usr/bin:/sbin
DIR=$(cd "$(dirname "$0")" && pwd)
POLICY=$DIR/pf_policy_cmd
TUNNEL=nspol0

typeset -i loops rules owners failed=0 i count
loops=${NS_STRESS_LOOPS:-200}
rules=${NS_STRESS_RULES:-20}
owners=${NS_STRESS_OWNERS:-4}

set -A names
set -A workers
set -A others

function complain
{
	print -u2 -- "FAIL: $*"
	failed+=1
}

# Called at the end.
# shellcheck disable=SC2317
function cleanup
{
	typeset name pid

	for pid in "${workers[@]}" "${others[@]}"; do
		kill "$pid" 2>/dev/null
	done
	wait
	for name in "${names[@]}" keeper; do
		"$POLICY" flush -o "$name" -t ""
		"$POLICY" flush -s -o "$name" -t ""
	done
	"$POLICY" flush -t ""
	"$POLICY" flush -s -t ""
}

#
# Has this owner, or nobody if there is no name, its rules on both sides?
# Each of them is there in both directions.
#
function has_rules
{
	typeset owner=$1 side found

	shift
	for side in "" -s; do
		# shellcheck disable=SC2086
		found=$("$POLICY" count $side -o "$owner" "$@")
		[[ $found == $((2 * rules)) ]] ||
		    complain "$owner has $found rules ($side $*)," \
		    "expected $((2 * rules))"
	done
}

"$POLICY" probe || exit 1
"$POLICY" none || {
	print -u2 "there is IPsec policy already"
	exit 4
}

trap cleanup EXIT
trap 'exit 1' INT TERM HUP

for ((i = 1; i <= owners; i++)); do
	names[i - 1]=owner$i
done

#
# The base numbers keep the rules of all of them apart.
#
for ((i = 1; i <= owners; i++)); do
	"$POLICY" reload -o "owner$i" -l "$loops" -n "$rules" $i &
	workers+=($!)
	"$POLICY" reload -o "owner$i" -t $TUNNEL -l "$loops" -n "$rules" $i &
	workers+=($!)
done
"$POLICY" reload -l "$loops" -n "$rules" 100 &
workers+=($!)
"$POLICY" reload -t $TUNNEL -l "$loops" -n "$rules" 100 &
workers+=($!)

"$POLICY" keep -o keeper -l 0 -n "$rules" 101 &
others+=($!)
"$POLICY" keep -o keeper -t $TUNNEL -l 0 -n "$rules" 101 &
others+=($!)
"$POLICY" watch -l 0 &
others+=($!)
"$POLICY" watch -t $TUNNEL -l 0 &
others+=($!)
"$POLICY" watch -t "" -l 0 &
others+=($!)

for pid in "${workers[@]}"; do
	wait "$pid" || complain "one who reloads has failed"
done
set -A workers

# The others end only if they see something that must not be.
for pid in "${others[@]}"; do
	if kill -0 "$pid" 2>/dev/null; then
		kill "$pid"
	else
		complain "one who only looks has failed"
	fi
	wait "$pid" 2>/dev/null
done
set -A others

# Now that it is quiet, dumps are complete.
for name in "${names[@]}" keeper; do
	has_rules "$name"
	has_rules "$name" -t $TUNNEL
done
for side in "" -s; do
	# shellcheck disable=SC2086
	count=$("$POLICY" count $side -t "")
	((count == 2 * 2 * rules * (owners + 2))) ||
	    complain "there are $count rules in all ($side), expected" \
	    "$((2 * 2 * rules * (owners + 2)))"
done

((failed == 0)) || exit 1
print "PASS: no owner has lost a rule"
exit 0
