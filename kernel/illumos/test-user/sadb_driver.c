/*
 * This file and its contents are supplied under the terms of the
 * Common Development and Distribution License ("CDDL"), version 1.0.
 * You may only use this file in accordance with the terms of version
 * 1.0 of the CDDL.
 *
 * A full copy of the text of the CDDL should have accompanied this
 * source.  A copy of the CDDL is also available via the Internet at
 * http://www.illumos.org/license/CDDL.
 *
 * SPDX-License-Identifier: CDDL-1.0
 */

/*
 * Drives inet/ip/keysock_ns.c and inet/ip/sadb_ns.c: requests of PF_KEY in,
 * what each socket gets out.  What is here stands in for keysock and for the
 * part of ESP that knows owners; addresses are IPv4.
 */

#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/stream.h>
#include <sys/strsun.h>
#include <sys/systm.h>
#include <netinet/in.h>
#include <net/pfkeyv2.h>
#include <inet/ip.h>
#include <inet/keysock.h>
#include <inet/sadb.h>
#include <inet/sadb_ns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "driver.h"

#define	SOCKETS	3
#define	BUCKETS	3

static netstack_t stack;
static keysock_stack_t keystack;
static keysock_t sockets[SOCKETS];
static queue_t queues[SOCKETS];

/* By SPI what arrives, by destination what leaves. */
static isaf_t inbound[BUCKETS];
static isaf_t outbound[BUCKETS];

/* The address of this host. */
static uint32_t here;
static uint_t told_cluster;

void (*cl_inet_deletespi)(int, uint8_t, uint32_t, void *);

static void
tell_cluster(int id, uint8_t proto, uint32_t spi, void *arg)
{
	VERIFY(id == 0 && proto == IPPROTO_ESP && spi != 0 && arg == NULL);
	told_cluster++;
}

/* The request in progress. */
static uint_t sender;
static uint8_t request_type;

/* Associations. */

static isaf_t *
bucket_of(uint32_t spi, const uint32_t *dst)
{
	if (*dst == here)
		return (&inbound[ntohl(spi) % BUCKETS]);
	return (&outbound[ntohl(*dst) % BUCKETS]);
}

static ipsa_t *
make_assoc(uint32_t spi, const uint32_t *src, const uint32_t *dst)
{
	ipsa_t *sa = kmem_zalloc(sizeof (*sa), KM_NOSLEEP);

	if (sa == NULL)
		return (NULL);
	mutex_init(&sa->ipsa_lock, NULL, MUTEX_DEFAULT, NULL);
	sa->ipsa_refcnt = 1;
	sa->ipsa_type = SADB_SATYPE_ESP;
	sa->ipsa_state = IPSA_STATE_LARVAL;
	sa->ipsa_spi = spi;
	sa->ipsa_srcaddr[0] = *src;
	sa->ipsa_dstaddr[0] = *dst;
	sa->ipsa_addrfam = AF_INET;
	sa->ipsa_netstack = &stack;
	return (sa);
}

void
sadb_freeassoc(ipsa_t *sa)
{
	VERIFY(sa->ipsa_refcnt == 0 && sa->ipsa_linklock == NULL);
	ipsec_ns_rele(sa->ipsa_ns);
	mutex_destroy(&sa->ipsa_lock);
	kmem_free(sa, sizeof (*sa));
}

static void
insert(isaf_t *bucket, ipsa_t *sa)
{
	ASSERT(MUTEX_HELD(&bucket->isaf_lock));
	sa->ipsa_linklock = &bucket->isaf_lock;
	sa->ipsa_next = bucket->isaf_ipsa;
	sa->ipsa_ptpn = &bucket->isaf_ipsa;
	if (sa->ipsa_next != NULL)
		sa->ipsa_next->ipsa_ptpn = &sa->ipsa_next;
	bucket->isaf_ipsa = sa;
	IPSA_REFHOLD(sa);
}

void
sadb_unlinkassoc(ipsa_t *sa)
{
	VERIFY(sa->ipsa_linklock != NULL && MUTEX_HELD(sa->ipsa_linklock));
	*sa->ipsa_ptpn = sa->ipsa_next;
	if (sa->ipsa_next != NULL)
		sa->ipsa_next->ipsa_ptpn = sa->ipsa_ptpn;
	sa->ipsa_next = NULL;
	sa->ipsa_ptpn = NULL;
	sa->ipsa_linklock = NULL;
	IPSA_REFRELE(sa);
}

/* What has the SPI and the destination; the bucket is locked. */
static ipsa_t *
taken(isaf_t *bucket, uint32_t spi, const uint32_t *dst)
{
	ipsa_t *sa = bucket->isaf_ipsa;

	while (sa != NULL && (sa->ipsa_spi != spi ||
	    sa->ipsa_dstaddr[0] != *dst))
		sa = sa->ipsa_next;
	return (sa);
}

/* The same if it belongs to the owner, with a hold. */
static ipsa_t *
find(uint32_t spi, const uint32_t *dst, ipsec_ns_t *owner)
{
	isaf_t *bucket = bucket_of(spi, dst);
	ipsa_t *sa;

	mutex_enter(&bucket->isaf_lock);
	sa = taken(bucket, spi, dst);
	if (sa != NULL)
		IPSA_REFHOLD(sa);
	sadb_ns_keep(owner, &sa);
	mutex_exit(&bucket->isaf_lock);
	return (sa);
}

static void
remove_assoc(ipsa_t *sa)
{
	isaf_t *bucket = bucket_of(sa->ipsa_spi, sa->ipsa_dstaddr);

	mutex_enter(&bucket->isaf_lock);
	sadb_unlinkassoc(sa);
	mutex_exit(&bucket->isaf_lock);
}

/* The other half of a pair, with a hold; both are no pair any more. */
static ipsa_t *
part(ipsa_t *sa)
{
	ipsa_t *other = NULL;

	if (sa->ipsa_otherspi != 0) {
		other = find(sa->ipsa_otherspi, sa->ipsa_srcaddr,
		    sa->ipsa_ns);
	}
	sa->ipsa_otherspi = 0;
	if (other != NULL)
		other->ipsa_otherspi = 0;
	return (other);
}

/* Answers. */

static mblk_t *
new_message(size_t size)
{
	mblk_t *mp;

	/* What is tested is not this. */
	shim_kmem_pause(B_TRUE);
	mp = allocb(size, BPRI_HI);
	shim_kmem_pause(B_FALSE);
	VERIFY(mp != NULL);
	mp->b_wptr += size;
	return (mp);
}

/* Gives a message to those who get it, and frees it. */
static void
pass_up(mblk_t *msg, boolean_t to_all)
{
	mblk_t *mp = new_message(sizeof (int)), *copy;
	uint_t i;

	VERIFY((size_t)MBLKL(msg) == (size_t)SADB_64TO8(
	    ((sadb_msg_t *)msg->b_rptr)->sadb_msg_len));
	mp->b_cont = msg;
	mutex_enter(&keystack.keystack_list_lock);
	for (i = 0; i < SOCKETS; i++) {
		if (!to_all && i != sender)
			continue;
		if (keysock_ns_hides(&sockets[i], mp)) {
			keysock_ns_passup(&sockets[i], mp, B_FALSE);
			continue;
		}
		shim_kmem_pause(B_TRUE);
		copy = copymsg(mp);
		shim_kmem_pause(B_FALSE);
		putnext(&queues[i], copy);
	}
	mutex_exit(&keystack.keystack_list_lock);
	freemsg(mp);
}

static boolean_t
goes_to_all(void)
{
	switch (request_type) {
	case SADB_GET:
	case SADB_DUMP:
	case SADB_X_PROMISC:
	case SADB_X_DELPAIR_STATE:
		return (B_FALSE);
	default:
		return (B_TRUE);
	}
}

/* Consumes the request. */
static void
refuse(mblk_t *msg, int error, int diag)
{
	sadb_msg_t *samsg = (sadb_msg_t *)msg->b_rptr;

	samsg->sadb_msg_errno = (uint8_t)error;
	samsg->sadb_x_msg_diagnostic = (uint16_t)diag;
	samsg->sadb_msg_len = sizeof (*samsg) / 8;
	msg->b_wptr = msg->b_rptr + sizeof (*samsg);
	pass_up(msg, goes_to_all());
}

void
sadb_pfkey_error(queue_t *q, mblk_t *mp, int error, int diag, uint_t serial)
{
	mblk_t *msg = mp->b_cont;

	VERIFY(q == &queues[0] && serial == 7);
	mp->b_cont = NULL;
	freemsg(mp);
	refuse(msg, error, diag);
}

/* The request itself, as sadb_pfkey_echo() does. */
static void
echo(mblk_t *mp)
{
	mblk_t *msg = mp->b_cont;

	mp->b_cont = NULL;
	freemsg(mp);
	sadb_ns_echo(msg);
	if (((sadb_msg_t *)msg->b_rptr)->sadb_msg_type == SADB_DUMP)
		VERIFY(MBLKL(msg) == sizeof (sadb_msg_t));
	pass_up(msg, goes_to_all());
}

/* The description of an association, for a request. */
static mblk_t *
describe(const sadb_msg_t *samsg, const ipsa_t *sa)
{
	size_t room = sadb_ns_ext_size(sa, samsg);
	mblk_t *msg = new_message(sizeof (*samsg) + 16 + room);
	sadb_msg_t *answer = (sadb_msg_t *)msg->b_rptr;
	sadb_ext_t *ext = (sadb_ext_t *)(answer + 1);

	*answer = *samsg;
	answer->sadb_msg_errno = 0;
	answer->sadb_msg_len = (uint16_t)(MBLKL(msg) / 8);
	bzero(ext, 16);
	ext->sadb_ext_len = 2;
	ext->sadb_ext_type = SADB_EXT_SA;
	bcopy(&sa->ipsa_spi, (char *)ext + 4, sizeof (sa->ipsa_spi));
	sadb_ns_ext_put(msg, sa, samsg);
	return (msg);
}

/* The requests of ESP. */

typedef struct request {
	keysock_in_t	*r_ksi;
	sadb_msg_t	*r_msg;
	const uint8_t	*r_exts[SADB_EXT_MAX + 1];
	uint32_t	r_spi;
	uint32_t	r_src;
	uint32_t	r_dst;
	uint32_t	r_pair;
	int		r_error;
	int		r_diag;
	mblk_t		*r_answer;	/* NULL for an echo */
} request_t;

static void
fail(request_t *r, int error, int diag)
{
	r->r_error = error;
	r->r_diag = diag;
}

static void
read_at(const uint8_t *ext, size_t at, uint32_t *value)
{
	*value = 0;
	if (ext != NULL)
		bcopy(ext + at, value, sizeof (*value));
}

/* The extensions of the message that ESP has got. */
static void
read_request(request_t *r)
{
	const uint8_t *at = (const uint8_t *)(r->r_msg + 1);
	const uint8_t *end = (const uint8_t *)r->r_msg +
	    SADB_64TO8(r->r_msg->sadb_msg_len);
	const sadb_ext_t *ext;

	for (; at < end; at += SADB_64TO8(ext->sadb_ext_len)) {
		ext = (const void *)at;
		if (ext->sadb_ext_type <= SADB_EXT_MAX)
			r->r_exts[ext->sadb_ext_type] = at;
	}
	read_at(r->r_exts[SADB_EXT_SPIRANGE], 4, &r->r_spi);
	if (r->r_exts[SADB_EXT_SA] != NULL)
		read_at(r->r_exts[SADB_EXT_SA], 4, &r->r_spi);
	read_at(r->r_exts[SADB_EXT_ADDRESS_SRC], 12, &r->r_src);
	read_at(r->r_exts[SADB_EXT_ADDRESS_DST], 12, &r->r_dst);
	read_at(r->r_exts[SADB_X_EXT_PAIR], 4, &r->r_pair);
}

/* A new association; `larval' is the one that it replaces. */
static void
add(request_t *r, ipsa_t *larval, uint_t state)
{
	isaf_t *primary = bucket_of(r->r_spi, &r->r_dst);
	isaf_t *secondary = bucket_of(r->r_spi, &r->r_src);
	ipsa_t *newbie, *other = NULL;

	if (r->r_pair != 0) {
		other = (r->r_pair == r->r_spi) ? NULL : find(r->r_pair,
		    &r->r_src, sadb_ns_owner(r->r_ksi));
		if (other == NULL) {
			fail(r, EINVAL, SADB_X_DIAGNOSTIC_PAIR_INAPPROPRIATE);
			return;
		}
	}
	newbie = make_assoc(r->r_spi, &r->r_src, &r->r_dst);
	if (newbie == NULL) {
		fail(r, ENOMEM, 0);
		goto out;
	}
	newbie->ipsa_state = state;
	sadb_ns_own(r->r_ksi, newbie);
	VERIFY(sadb_ns_owns(r->r_ksi, newbie));
	if (larval != NULL)
		remove_assoc(larval);

	/* Outbound first. */
	mutex_enter(r->r_dst == here ? &secondary->isaf_lock :
	    &primary->isaf_lock);
	mutex_enter(r->r_dst == here ? &primary->isaf_lock :
	    &secondary->isaf_lock);
	if (taken(primary, r->r_spi, &r->r_dst) != NULL) {
		fail(r, EEXIST, sadb_ns_conflict(r->r_ksi, newbie, primary,
		    secondary));
	} else {
		insert(primary, newbie);
		if (other != NULL && other->ipsa_otherspi == 0) {
			other->ipsa_otherspi = r->r_spi;
			newbie->ipsa_otherspi = r->r_pair;
		}
	}
	mutex_exit(&primary->isaf_lock);
	mutex_exit(&secondary->isaf_lock);
	IPSA_REFRELE(newbie);
out:
	if (other != NULL)
		IPSA_REFRELE(other);
}

/* DELETE by addresses: what matches all of them. */
static void
delete_matching(request_t *r)
{
	isaf_t *table = (r->r_dst == here) ? inbound : outbound;
	ipsa_query_t sq = { AF_INET, &r->r_src, &r->r_dst,
	    sadb_ns_owner(r->r_ksi) };
	ipsa_t *sa, *next, *other;
	uint_t i;

	for (i = 0; i < BUCKETS; i++) {
		mutex_enter(&table[i].isaf_lock);
		for (sa = table[i].isaf_ipsa; sa != NULL; sa = next) {
			next = sa->ipsa_next;
			if (sa->ipsa_state == IPSA_STATE_LARVAL ||
			    sa->ipsa_srcaddr[0] != r->r_src ||
			    sa->ipsa_dstaddr[0] != r->r_dst ||
			    !sadb_ns_match(&sq, sa))
				continue;
			IPSA_REFHOLD(sa);
			sadb_unlinkassoc(sa);
			/* Only removals happen meanwhile, and not here. */
			mutex_exit(&table[i].isaf_lock);
			other = part(sa);
			if (other != NULL)
				IPSA_REFRELE(other);
			IPSA_REFRELE(sa);
			mutex_enter(&table[i].isaf_lock);
		}
		mutex_exit(&table[i].isaf_lock);
	}
}

/* DELPAIR_STATE: walks what leaves, as the kernel does. */
static void
delete_pairs(request_t *r)
{
	ipsa_query_t sq = { AF_INET, &r->r_src, &r->r_dst,
	    sadb_ns_owner(r->r_ksi) };
	uint8_t state = r->r_exts[SADB_EXT_SA][9];
	ipsa_t *sa, *next, *other;
	boolean_t hit;
	uint_t i;

	for (i = 0; i < BUCKETS; i++) {
		mutex_enter(&outbound[i].isaf_lock);
		for (sa = outbound[i].isaf_ipsa; sa != NULL; sa = next) {
			next = sa->ipsa_next;
			mutex_enter(&sa->ipsa_lock);
			hit = sadb_ns_pair_in(&sq, sa, state) &&
			    sadb_ns_pair_of(&sq, sa);
			mutex_exit(&sa->ipsa_lock);
			if (!hit)
				continue;
			IPSA_REFHOLD(sa);
			other = part(sa);
			sadb_unlinkassoc(sa);
			if (other != NULL) {
				remove_assoc(other);
				IPSA_REFRELE(other);
			}
			IPSA_REFRELE(sa);
		}
		mutex_exit(&outbound[i].isaf_lock);
	}
}

static void
delete_one(request_t *r)
{
	ipsa_t *sa = find(r->r_spi, &r->r_dst, sadb_ns_owner(r->r_ksi));
	ipsa_t *other;

	if (sa == NULL) {
		fail(r, ESRCH, SADB_X_DIAGNOSTIC_SA_NOTFOUND);
		return;
	}
	other = part(sa);
	r->r_answer = describe(r->r_msg, sa);
	remove_assoc(sa);
	if (r->r_msg->sadb_msg_type == SADB_X_DELPAIR) {
		if (other != NULL) {
			remove_assoc(other);
		} else {
			fail(r, ESRCH, SADB_X_DIAGNOSTIC_PAIR_SA_NOTFOUND);
			freemsg(r->r_answer);
			r->r_answer = NULL;
		}
	}
	if (other != NULL)
		IPSA_REFRELE(other);
	IPSA_REFRELE(sa);
}

/* UPDATE: completes a larval association; others stay as they are. */
static void
update(request_t *r)
{
	ipsa_t *sa = find(r->r_spi, &r->r_dst, sadb_ns_owner(r->r_ksi));

	if (sa == NULL) {
		fail(r, ESRCH, SADB_X_DIAGNOSTIC_SA_NOTFOUND);
		return;
	}
	if (sa->ipsa_state == IPSA_STATE_LARVAL)
		add(r, sa, IPSA_STATE_MATURE);
	IPSA_REFRELE(sa);
}

static void
dump(mblk_t *mp, const sadb_msg_t *samsg)
{
	isaf_t *tables[] = { inbound, outbound };
	ipsa_t *sa;
	uint_t i, j;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < BUCKETS; j++) {
			mutex_enter(&tables[i][j].isaf_lock);
			for (sa = tables[i][j].isaf_ipsa; sa != NULL;
			    sa = sa->ipsa_next) {
				if (sadb_ns_shows(mp, sa))
					pass_up(describe(samsg, sa), B_FALSE);
			}
			mutex_exit(&tables[i][j].isaf_lock);
		}
	}
}

static void
flush(ipsec_ns_t *owner)
{
	uint_t before = told_cluster, own = 0, i;
	uint64_t gens[BUCKETS];
	ipsa_t *sa;

	for (i = 0; i < BUCKETS; i++) {
		gens[i] = inbound[i].isaf_gen;
		for (sa = inbound[i].isaf_ipsa; sa != NULL; sa = sa->ipsa_next)
			own += IPSEC_NS_SAME(sa->ipsa_ns, owner);
	}
	sadb_ns_flush(outbound, BUCKETS, owner, B_FALSE);
	VERIFY(told_cluster == before);
	sadb_ns_flush(inbound, BUCKETS, owner, B_TRUE);
	VERIFY(told_cluster == before + own);
	for (i = 0; i < BUCKETS; i++)
		VERIFY(inbound[i].isaf_gen != gens[i]);
}

static void
esp_parse(mblk_t *mp)
{
	request_t r;
	ipsa_t *sa;

	bzero(&r, sizeof (r));
	r.r_ksi = (keysock_in_t *)mp->b_rptr;
	r.r_msg = (sadb_msg_t *)mp->b_cont->b_rptr;
	read_request(&r);
	switch (r.r_msg->sadb_msg_type) {
	case SADB_ADD:
		add(&r, NULL, IPSA_STATE_MATURE);
		break;
	case SADB_GETSPI:
		add(&r, NULL, IPSA_STATE_LARVAL);
		break;
	case SADB_UPDATE:
		update(&r);
		break;
	case SADB_GET:
		sa = find(r.r_spi, &r.r_dst, sadb_ns_owner(r.r_ksi));
		if (sa == NULL) {
			fail(&r, ESRCH, SADB_X_DIAGNOSTIC_SA_NOTFOUND);
			break;
		}
		r.r_answer = describe(r.r_msg, sa);
		IPSA_REFRELE(sa);
		break;
	case SADB_DELETE:
		if (r.r_exts[SADB_EXT_SA] == NULL) {
			delete_matching(&r);
			break;
		}
		/* FALLTHROUGH */
	case SADB_X_DELPAIR:
		delete_one(&r);
		break;
	case SADB_X_DELPAIR_STATE:
		delete_pairs(&r);
		break;
	case SADB_FLUSH:
		flush(sadb_ns_owner(r.r_ksi));
		break;
	case SADB_DUMP:
		dump(mp, r.r_msg);
		break;
	default:
		SHIM_FAIL("type %u", r.r_msg->sadb_msg_type);
	}
	if (r.r_error != 0) {
		sadb_pfkey_error(&queues[0], mp, r.r_error, r.r_diag,
		    (uint_t)r.r_ksi->ks_in_serial);
	} else if (r.r_answer != NULL) {
		pass_up(r.r_answer, goes_to_all());
		freemsg(mp);
	} else {
		echo(mp);
	}
}

/* The requests of keysock. */

/* Fills the vector.  The result is a diagnostic, or 0. */
static int
get_ext(sadb_ext_t *extv[], sadb_msg_t *samsg, uint_t size)
{
	uint8_t *at = (uint8_t *)(samsg + 1), *end = (uint8_t *)samsg + size;
	sadb_ext_t *ext;
	int diag;

	bzero(extv, (SADB_EXT_MAX + 1) * sizeof (*extv));
	for (; at < end; at += SADB_64TO8(ext->sadb_ext_len)) {
		ext = (sadb_ext_t *)at;
		if (ext->sadb_ext_type == 0 ||
		    (ext->sadb_ext_type > SADB_EXT_MAX &&
		    ext->sadb_ext_type != SADB_X_EXT_NAMESPACE))
			return (SADB_X_DIAGNOSTIC_UNKNOWN_EXT);
		if (ext->sadb_ext_len == 0 ||
		    SADB_64TO8(ext->sadb_ext_len) > end - at)
			return (SADB_X_DIAGNOSTIC_BAD_EXTLEN);
		if (ext->sadb_ext_type == SADB_X_EXT_NAMESPACE) {
			if ((diag = keysock_ns_ext(samsg, size, ext)) != 0)
				return (diag);
			continue;
		}
		extv[ext->sadb_ext_type] = ext;
	}
	extv[0] = (at == (uint8_t *)(samsg + 1)) ? NULL : (sadb_ext_t *)end;
	return (0);
}

static void
keysock_parse(mblk_t *msg)
{
	sadb_msg_t *samsg = (sadb_msg_t *)msg->b_rptr;
	uint_t size = (uint_t)MBLKL(msg);
	sadb_ext_t *extv[SADB_EXT_MAX + 1];
	ipsec_ns_req_t req;
	keysock_in_t *ksi;
	mblk_t *mp;
	int diag;

	VERIFY(size == (uint_t)SADB_64TO8(samsg->sadb_msg_len));
	request_type = samsg->sadb_msg_type;
	diag = get_ext(extv, samsg, size);
	if (diag != 0) {
		refuse(msg, EINVAL, diag);
		return;
	}
	if (!keysock_ns_request(&sockets[sender], msg, extv, &size)) {
		refuse(msg, EINVAL, IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE);
		return;
	}
	switch (request_type) {
	case SADB_X_PROMISC:
		pass_up(msg, B_FALSE);
		return;
	case SADB_FLUSH:
	case SADB_DUMP:
		if (extv[0] != NULL || size != sizeof (*samsg)) {
			refuse(msg, EINVAL, SADB_X_DIAGNOSTIC_NO_EXT);
			return;
		}
		break;
	}
	mp = new_message(sizeof (*ksi));
	mp->b_cont = msg;
	ksi = (keysock_in_t *)mp->b_rptr;
	ksi->ks_in_serial = 7;
	ksi->ks_in_ns = NULL;
	if (!sadb_ns_enter(&req, mp, &queues[0]))
		return;
	esp_parse(mp);
	ipsec_ns_req_fini(&req);
}

/* What a socket got: type, errno, diagnostic, owner. */
static void
put_messages(queue_t *q)
{
	const ipsec_namespace_ext_t *ext;
	const sadb_msg_t *samsg;
	mblk_t *mp, *msg;

	while ((mp = q->q_first) != NULL) {
		q->q_first = mp->b_next;
		msg = mp->b_cont;
		samsg = (const sadb_msg_t *)msg->b_rptr;
		VERIFY((size_t)MBLKL(msg) ==
		    (size_t)SADB_64TO8(samsg->sadb_msg_len));
		(void) printf(" %u,%u,%u,", samsg->sadb_msg_type,
		    samsg->sadb_msg_errno, samsg->sadb_x_msg_diagnostic);
		ext = ipsec_ns_find(samsg, (size_t)MBLKL(msg));
		if (ext != NULL) {
			/* It is well-formed, and the last one. */
			VERIFY(ipsec_ns_check(ext, (size_t)(msg->b_wptr -
			    (const uchar_t *)ext)) == 0);
			VERIFY((const uchar_t *)ext +
			    SADB_64TO8(ext->ine_len) == msg->b_wptr);
			(void) printf("%s", (const char *)(ext + 1));
		}
		freemsg(mp);
	}
	(void) printf(";");
}

static int
row_order(const void *a, const void *b)
{
	const ipsa_t *left = *(ipsa_t *const *)a, *right = *(ipsa_t *const *)b;
	boolean_t in = (left->ipsa_dstaddr[0] == here);

	if (left->ipsa_spi != right->ipsa_spi) {
		return (ntohl(left->ipsa_spi) < ntohl(right->ipsa_spi) ?
		    -1 : 1);
	}
	return (in == (right->ipsa_dstaddr[0] == here) ? 0 : in ? -1 : 1);
}

/* All associations: SPI, direction, owner, state, SPI of the other half. */
static void
put_rows(void)
{
	isaf_t *tables[] = { inbound, outbound };
	ipsa_t *rows[256], *sa;
	uint_t i, j, n = 0;

	for (i = 0; i < 2; i++) {
		for (j = 0; j < BUCKETS; j++) {
			for (sa = tables[i][j].isaf_ipsa; sa != NULL;
			    sa = sa->ipsa_next) {
				VERIFY(sa->ipsa_refcnt == 1);
				VERIFY(n < 256);
				rows[n++] = sa;
			}
		}
	}
	qsort(rows, n, sizeof (rows[0]), row_order);
	for (i = 0; i < n; i++) {
		sa = rows[i];
		(void) printf(" %u,%c,%s,%u,%u", ntohl(sa->ipsa_spi),
		    sa->ipsa_dstaddr[0] == here ? 'i' : 'o',
		    ipsec_ns_name(sa->ipsa_ns), sa->ipsa_state,
		    ntohl(sa->ipsa_otherspi));
	}
}

/* request SOCKET FAIL MESSAGE */
static void
do_request(char **words)
{
	size_t size;
	void *bytes = driver_bytes(words[2], &size);
	mblk_t *msg = new_message(size);
	uint_t i;

	bcopy(bytes, msg->b_rptr, size);
	free(bytes);
	sender = (uint_t)driver_number(words[0]);
	shim_kmem_fail(driver_number(words[1]));
	keysock_parse(msg);
	shim_kmem_fail(0);
	VERIFY(shim_locks_held() == 0);
	for (i = 0; i < SOCKETS; i++)
		put_messages(&queues[i]);
	put_rows();
}

/* take MESSAGE: what keysock makes of it */
static void
do_take(char **words)
{
	sadb_ext_t *extv[SADB_EXT_MAX + 1];
	keysock_t ks = { &queues[0], &keystack, B_FALSE };
	size_t size;
	void *bytes = driver_bytes(words[0], &size);
	mblk_t *msg = new_message(size);
	uint_t msgsize = (uint_t)size, i;
	int diag;

	bcopy(bytes, msg->b_rptr, size);
	free(bytes);
	diag = get_ext(extv, (sadb_msg_t *)msg->b_rptr, msgsize);
	if (diag != 0) {
		(void) printf("%d", diag);
	} else if (!keysock_ns_request(&ks, msg, extv, &msgsize)) {
		(void) printf("%d", IPSEC_NAMESPACE_DIAG_NOT_APPLICABLE);
	} else {
		(void) printf("0 %d %u ", ks.keysock_namespaces, msgsize);
		driver_put_bytes(msg->b_rptr, (size_t)MBLKL(msg));
		for (i = 0; i <= SADB_EXT_MAX; i++) {
			if (extv[i] != NULL) {
				(void) printf(" %u:%ld", i,
				    (long)((uchar_t *)extv[i] - msg->b_rptr));
			}
		}
	}
	freemsg(msg);
}

/* full SOCKET YES: is there no room above? */
static void
do_full(char **words)
{
	queues[driver_number(words[0])].q_full =
	    (driver_number(words[1]) != 0);
}

/* new SOCKET: it is closed, and another one opened */
static void
do_new(char **words)
{
	sockets[driver_number(words[0])].keysock_namespaces = B_FALSE;
}

static const driver_command_t commands[] = {
	{ "request", 3, do_request },
	{ "take", 1, do_take },
	{ "full", 2, do_full },
	{ "new", 1, do_new },
	{ NULL, 0, NULL }
};

int
main(void)
{
	isaf_t *tables[] = { inbound, outbound };
	uint_t i, j;

	ipsec_ns_g_init();
	shim_last_mutex_is_leaf();
	here = htonl(0xc000020a);
	cl_inet_deletespi = tell_cluster;
	mutex_init(&keystack.keystack_list_lock, NULL, MUTEX_DEFAULT, NULL);
	for (i = 0; i < SOCKETS; i++) {
		sockets[i].keysock_rq = &queues[i];
		sockets[i].keysock_keystack = &keystack;
	}
	for (i = 0; i < 2; i++) {
		for (j = 0; j < BUCKETS; j++) {
			mutex_init(&tables[i][j].isaf_lock, NULL,
			    MUTEX_DEFAULT, NULL);
		}
	}
	driver_run(commands);
	for (i = 0; i < 2; i++) {
		for (j = 0; j < BUCKETS; j++) {
			mutex_enter(&tables[i][j].isaf_lock);
			while (tables[i][j].isaf_ipsa != NULL)
				sadb_unlinkassoc(tables[i][j].isaf_ipsa);
			mutex_exit(&tables[i][j].isaf_lock);
			mutex_destroy(&tables[i][j].isaf_lock);
		}
	}
	mutex_destroy(&keystack.keystack_list_lock);
	VERIFY(ipsec_ns_count() == 0);
	VERIFY(shim_kmem_live() == 0);
	ipsec_ns_g_destroy();
	return (0);
}
