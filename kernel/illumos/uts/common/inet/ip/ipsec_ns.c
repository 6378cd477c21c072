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
 * Owners of policy rules and security associations: the table of names, and
 * the extension that carries a name.
 *
 * The table
 * ---------
 *
 * There is one table for all network stacks.  Keys of TCP signatures go with
 * the TCP part of a stack, after its IPsec part has gone, so a table in the
 * IPsec part would not outlive what points to it.  Nothing lists the table;
 * a zone cannot learn the names of another one.
 *
 * A name is in the table as long as somebody holds it: a rule, an
 * association, a socket, or a request in progress.  The last release takes
 * it out again.
 *
 * Locking
 * -------
 *
 * ipsec_ns_lock protects the tree and all reference counts.  It is a leaf:
 * no other lock is taken and nothing is allocated or freed under it.  A
 * release may therefore happen under itp_lock, iph_lock, the lock of a bucket
 * of associations, or ipsa_lock.  Interning allocates without sleeping; it
 * is done before any of these locks is taken, so that a lack of memory is
 * met before anything is changed.
 *
 * A hold may be added without looking up the name again by whoever has one.
 */

#include <sys/types.h>
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysmacros.h>
#include <sys/debug.h>
#include <sys/errno.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/avl.h>
#include <inet/ipsec_ns.h>

struct ipsec_ns {
	avl_node_t	in_node;
	uint_t		in_refs;	/* ipsec_ns_lock */
	uint16_t	in_len;		/* bytes of the name, without NUL */
	char		in_name[];	/* with NUL */
};

#define	IPSEC_NS_BYTES(len)	(sizeof (ipsec_ns_t) + (len) + 1)

static kmutex_t		ipsec_ns_lock;
static avl_tree_t	ipsec_ns_tree;

static int
ipsec_ns_compare(const void *a, const void *b)
{
	const ipsec_ns_t *na = a, *nb = b;
	int order;

	if (na->in_len != nb->in_len)
		return (na->in_len < nb->in_len ? -1 : 1);
	order = memcmp(na->in_name, nb->in_name, na->in_len);
	return (order < 0 ? -1 : order > 0 ? 1 : 0);
}

void
ipsec_ns_g_init(void)
{
	mutex_init(&ipsec_ns_lock, NULL, MUTEX_DEFAULT, NULL);
	avl_create(&ipsec_ns_tree, ipsec_ns_compare, sizeof (ipsec_ns_t),
	    offsetof(ipsec_ns_t, in_node));
}

void
ipsec_ns_g_destroy(void)
{
	ASSERT(avl_is_empty(&ipsec_ns_tree));
	avl_destroy(&ipsec_ns_tree);
	mutex_destroy(&ipsec_ns_lock);
}

/*
 * The owner with a name, with a hold for the caller.  The name has been
 * checked.  Fails with ENOMEM.
 *
 * The object is allocated before the table is looked at, since nothing is
 * allocated under its lock; if the name is there already, it was in vain.
 */
int
ipsec_ns_intern(const char *name, size_t len, ipsec_ns_t **nsp)
{
	ipsec_ns_t *fresh, *found;
	avl_index_t where;

	ASSERT(len > 0 && len <= IPSEC_NAMESPACE_MAX);

	fresh = kmem_alloc(IPSEC_NS_BYTES(len), KM_NOSLEEP);
	if (fresh == NULL)
		return (ENOMEM);
	fresh->in_refs = 1;
	fresh->in_len = (uint16_t)len;
	bcopy(name, fresh->in_name, len);
	fresh->in_name[len] = '\0';

	mutex_enter(&ipsec_ns_lock);
	found = avl_find(&ipsec_ns_tree, fresh, &where);
	if (found == NULL) {
		avl_insert(&ipsec_ns_tree, fresh, where);
		mutex_exit(&ipsec_ns_lock);
		*nsp = fresh;
		return (0);
	}
	ASSERT(found->in_refs > 0);
	found->in_refs++;
	mutex_exit(&ipsec_ns_lock);
	kmem_free(fresh, IPSEC_NS_BYTES(len));
	*nsp = found;
	return (0);
}

void
ipsec_ns_hold(ipsec_ns_t *ns)
{
	if (ns == NULL)
		return;
	mutex_enter(&ipsec_ns_lock);
	ASSERT(ns->in_refs > 0);
	ns->in_refs++;
	mutex_exit(&ipsec_ns_lock);
}

void
ipsec_ns_rele(ipsec_ns_t *ns)
{
	boolean_t last;

	if (ns == NULL)
		return;
	mutex_enter(&ipsec_ns_lock);
	ASSERT(ns->in_refs > 0);
	last = (--ns->in_refs == 0);
	if (last)
		avl_remove(&ipsec_ns_tree, ns);
	mutex_exit(&ipsec_ns_lock);
	if (last)
		kmem_free(ns, IPSEC_NS_BYTES(ns->in_len));
}

const char *
ipsec_ns_name(const ipsec_ns_t *ns)
{
	return (ns == NULL ? "" : ns->in_name);
}

/*
 * How many names there are; for tests and debuggers.
 */
uint_t
ipsec_ns_count(void)
{
	uint_t count;

	mutex_enter(&ipsec_ns_lock);
	count = (uint_t)avl_numnodes(&ipsec_ns_tree);
	mutex_exit(&ipsec_ns_lock);
	return (count);
}

/*
 * May a name begin with this, and may it contain this?
 */
static boolean_t
ipsec_ns_good_name(const char *name, size_t len)
{
	size_t i;
	char c = name[0];

	if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9')))
		return (B_FALSE);
	for (i = 0; i < len; i++) {
		if (name[i] < 0x21 || name[i] > 0x7e)
			return (B_FALSE);
	}
	return (B_TRUE);
}

/*
 * Is the extension well-formed?  There are `left' bytes from its beginning
 * to the end of the message.  The result is 0 or a diagnostic.
 *
 * A name that is not as it must be is refused, never repaired: a repaired
 * one could be the name of another owner.
 */
int
ipsec_ns_check(const ipsec_namespace_ext_t *ext, size_t left)
{
	const char *name = (const char *)(ext + 1);
	size_t len, bytes, i;

	if (left < sizeof (*ext))
		return (IPSEC_NAMESPACE_DIAG_MALFORMED);
	len = ext->ine_namelen;
	bytes = (size_t)ext->ine_len * sizeof (uint64_t);
	if (len > IPSEC_NAMESPACE_MAX ||
	    ext->ine_len != IPSEC_NAMESPACE_LEN(len) || bytes > left)
		return (IPSEC_NAMESPACE_DIAG_MALFORMED);

	/* Everything behind the name is NUL. */
	for (i = len; i < bytes - sizeof (*ext); i++) {
		if (name[i] != '\0')
			return (IPSEC_NAMESPACE_DIAG_MALFORMED);
	}

	if (ext->ine_flags == IPSEC_NAMESPACE_ANY)
		return (len == 0 ? 0 : IPSEC_NAMESPACE_DIAG_MALFORMED);
	if (ext->ine_flags != 0 || len == 0 || !ipsec_ns_good_name(name, len))
		return (IPSEC_NAMESPACE_DIAG_MALFORMED);
	return (0);
}

/*
 * The namespace of a message, or NULL.  Messages of both protocols have a
 * header of 16 bytes, and extensions that begin with length and type.  The
 * extensions of the message have been checked before, so this ends.
 */
const ipsec_namespace_ext_t *
ipsec_ns_find(const void *msg, size_t bytes)
{
	const uint8_t *at = (const uint8_t *)msg + 2 * sizeof (uint64_t);
	const uint8_t *end = (const uint8_t *)msg + bytes;

	while (at < end && (size_t)(end - at) >= sizeof (uint64_t)) {
		const ipsec_namespace_ext_t *ext = (const void *)at;
		size_t len = (size_t)ext->ine_len * sizeof (uint64_t);

		if (len == 0 || len > (size_t)(end - at))
			return (NULL);
		if (ext->ine_type == SPD_EXT_NAMESPACE)
			return (ext);
		at += len;
	}
	return (NULL);
}

/*
 * What a reader of extensions asks when it meets a namespace in a message of
 * so many bytes: is it well-formed, and the first one?  The result is 0, a
 * diagnostic, or IPSEC_NS_BAD_LENGTH, for which both protocols have a
 * diagnostic of their own.  What comes before it has been read.
 */
int
ipsec_ns_ext_check(const void *msg, size_t bytes, const void *at)
{
	const ipsec_namespace_ext_t *ext = at;
	size_t before = (size_t)((const uint8_t *)at - (const uint8_t *)msg);
	size_t left = bytes - before;

	ASSERT(before <= bytes);
	if (left < sizeof (*ext) || ext->ine_len == 0 ||
	    (size_t)ext->ine_len * sizeof (uint64_t) > left)
		return (IPSEC_NS_BAD_LENGTH);
	if (ipsec_ns_find(msg, before) != NULL)
		return (IPSEC_NAMESPACE_DIAG_DUPLICATE);
	return (ipsec_ns_check(ext, left));
}

/*
 * Keeps what the extension of a request says, which has been checked; NULL
 * if the request has none.  Fails with ENOMEM, and keeps nothing then.
 */
int
ipsec_ns_req_init(ipsec_ns_req_t *req, const ipsec_namespace_ext_t *ext)
{
	req->inr_named = B_FALSE;
	req->inr_any = B_FALSE;
	req->inr_ns = NULL;
	if (ext == NULL)
		return (0);
	ASSERT(ext->ine_type == SPD_EXT_NAMESPACE);
	if (ext->ine_namelen != 0) {
		int error = ipsec_ns_intern((const char *)(ext + 1),
		    ext->ine_namelen, &req->inr_ns);

		if (error != 0)
			return (error);
	}
	req->inr_named = B_TRUE;
	req->inr_any = (ext->ine_flags == IPSEC_NAMESPACE_ANY);
	return (0);
}

void
ipsec_ns_req_fini(ipsec_ns_req_t *req)
{
	ipsec_ns_rele(req->inr_ns);
	req->inr_named = B_FALSE;
	req->inr_any = B_FALSE;
	req->inr_ns = NULL;
}

/*
 * Does a dump with this request show a record of this owner?  A request
 * without a namespace sees everything: what is enforced is not hidden.
 */
boolean_t
ipsec_ns_req_shows(const ipsec_ns_req_t *req, const ipsec_ns_t *ns)
{
	return (!req->inr_named || req->inr_any ||
	    IPSEC_NS_SAME(req->inr_ns, ns));
}

/*
 * The owner to be named in the description of a record of this owner that
 * answers a request, or NULL.  Owners are named to who sent a namespace.
 */
const ipsec_ns_t *
ipsec_ns_named(const ipsec_ns_t *ns, const void *request, size_t bytes)
{
	if (ns == NULL || ipsec_ns_find(request, bytes) == NULL)
		return (NULL);
	return (ns);
}

/*
 * Bytes of the extension that names an owner; none for the nameless one.
 */
size_t
ipsec_ns_ext_size(const ipsec_ns_t *ns)
{
	if (ns == NULL)
		return (0);
	return (IPSEC_NAMESPACE_LEN(ns->in_len) * sizeof (uint64_t));
}

/*
 * Writes that extension, and returns where it ends.
 */
void *
ipsec_ns_ext_put(void *at, const ipsec_ns_t *ns)
{
	ipsec_namespace_ext_t *ext = at;
	size_t size = ipsec_ns_ext_size(ns);

	if (ns == NULL)
		return (at);
	bzero(ext, size);
	ext->ine_len = (uint16_t)(size / sizeof (uint64_t));
	ext->ine_type = SPD_EXT_NAMESPACE;
	ext->ine_namelen = ns->in_len;
	bcopy(ns->in_name, ext + 1, ns->in_len);
	return ((char *)at + size);
}
