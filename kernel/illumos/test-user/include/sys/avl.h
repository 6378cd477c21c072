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

#ifndef	_TEST_SYS_AVL_H
#define	_TEST_SYS_AVL_H

/*
 * A balanced tree with the interface of the kernel's, made another way.
 * Nodes are members of what the tree holds.
 */

#include <sys/types.h>

typedef struct avl_node {
	struct avl_node	*avl_kid[2];
	struct avl_node	*avl_up;
	uint_t		avl_rank;	/* a random number, heap order */
	uint_t		avl_in;		/* is it in a tree? */
} avl_node_t;

typedef struct avl_tree {
	avl_node_t	*avl_top;
	int		(*avl_order)(const void *, const void *);
	size_t		avl_at;
	ulong_t		avl_count;
	uint_t		avl_seed;
} avl_tree_t;

/* A place between two: a node, and the side of it. */
typedef uintptr_t avl_index_t;

#define	AVL_BEFORE	0
#define	AVL_AFTER	1

extern void avl_create(avl_tree_t *, int (*)(const void *, const void *),
    size_t, size_t);
extern void avl_destroy(avl_tree_t *);
extern void *avl_destroy_nodes(avl_tree_t *, void **);
extern void *avl_find(avl_tree_t *, const void *, avl_index_t *);
extern void *avl_nearest(avl_tree_t *, avl_index_t, int);
extern void avl_insert(avl_tree_t *, void *, avl_index_t);
extern void avl_insert_here(avl_tree_t *, void *, void *, int);
extern void avl_add(avl_tree_t *, void *);
extern void avl_remove(avl_tree_t *, void *);
extern void *avl_first(avl_tree_t *);
extern void *avl_last(avl_tree_t *);
extern void *avl_walk(avl_tree_t *, void *, int);
extern ulong_t avl_numnodes(avl_tree_t *);
extern boolean_t avl_is_empty(avl_tree_t *);

#define	AVL_NEXT(tree, node)	avl_walk(tree, node, AVL_AFTER)
#define	AVL_PREV(tree, node)	avl_walk(tree, node, AVL_BEFORE)

#endif	/* _TEST_SYS_AVL_H */
