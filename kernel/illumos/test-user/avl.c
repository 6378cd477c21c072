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
 * The tree of sys/avl.h.  Nodes have random ranks; along each path they fall.
 * That keeps the tree flat enough without any bookkeeping.
 */

#include <sys/avl.h>
#include <sys/debug.h>
#include <string.h>

static avl_node_t *
node_of(const avl_tree_t *tree, void *data)
{
	return ((avl_node_t *)((char *)data + tree->avl_at));
}

static void *
data_of(const avl_tree_t *tree, avl_node_t *node)
{
	return (node == NULL ? NULL : (char *)node - tree->avl_at);
}

void
avl_create(avl_tree_t *tree, int (*order)(const void *, const void *),
    size_t size, size_t at)
{
	VERIFY(at + sizeof (avl_node_t) <= size);
	bzero(tree, sizeof (*tree));
	tree->avl_order = order;
	tree->avl_at = at;
	tree->avl_seed = 0x2545f491;
}

void
avl_destroy(avl_tree_t *tree)
{
	VERIFY(tree->avl_count == 0);
	VERIFY(tree->avl_top == NULL);
	tree->avl_order = NULL;
}

/* Which kid of its parent is it? */
static int
side_of(const avl_node_t *node)
{
	return (node->avl_up->avl_kid[1] == node);
}

static void
replace_kid(avl_tree_t *tree, avl_node_t *up, avl_node_t *old, avl_node_t *new)
{
	if (up == NULL)
		tree->avl_top = new;
	else
		up->avl_kid[up->avl_kid[1] == old] = new;
	if (new != NULL)
		new->avl_up = up;
}

/* A node and its parent change places; the order stays. */
static void
lift(avl_tree_t *tree, avl_node_t *node)
{
	avl_node_t *up = node->avl_up;
	int side = side_of(node);
	avl_node_t *moved = node->avl_kid[!side];

	replace_kid(tree, up->avl_up, up, node);
	node->avl_kid[!side] = up;
	up->avl_up = node;
	up->avl_kid[side] = moved;
	if (moved != NULL)
		moved->avl_up = up;
}

void *
avl_find(avl_tree_t *tree, const void *value, avl_index_t *where)
{
	avl_node_t *node = tree->avl_top, *up = NULL;
	int order, side = 0;

	while (node != NULL) {
		order = tree->avl_order(value, data_of(tree, node));
		VERIFY(order >= -1 && order <= 1);
		if (order == 0)
			return (data_of(tree, node));
		up = node;
		side = (order > 0);
		node = node->avl_kid[side];
	}
	if (where != NULL)
		*where = (avl_index_t)up | side;
	return (NULL);
}

static avl_node_t *
outermost(avl_node_t *node, int side)
{
	while (node != NULL && node->avl_kid[side] != NULL)
		node = node->avl_kid[side];
	return (node);
}

static avl_node_t *
step(avl_node_t *node, int side)
{
	if (node->avl_kid[side] != NULL)
		return (outermost(node->avl_kid[side], !side));
	while (node->avl_up != NULL && side_of(node) == side)
		node = node->avl_up;
	return (node->avl_up);
}

void *
avl_nearest(avl_tree_t *tree, avl_index_t where, int side)
{
	avl_node_t *node = (avl_node_t *)(where & ~(avl_index_t)1);

	if (node == NULL)
		return (NULL);
	if ((int)(where & 1) != side)
		return (data_of(tree, node));
	return (data_of(tree, step(node, side)));
}

void
avl_insert(avl_tree_t *tree, void *data, avl_index_t where)
{
	avl_node_t *up = (avl_node_t *)(where & ~(avl_index_t)1);
	int side = (int)(where & 1);
	avl_node_t *node = node_of(tree, data), *near;

	bzero(node, sizeof (*node));
	tree->avl_seed ^= tree->avl_seed << 13;
	tree->avl_seed ^= tree->avl_seed >> 17;
	tree->avl_seed ^= tree->avl_seed << 5;
	node->avl_rank = tree->avl_seed;
	node->avl_up = up;
	node->avl_in = 1;
	if (up == NULL) {
		VERIFY(tree->avl_top == NULL);
		tree->avl_top = node;
	} else {
		VERIFY(up->avl_kid[side] == NULL);
		up->avl_kid[side] = node;
	}
	tree->avl_count++;

	/* A place that was found before another change may be wrong by now. */
	near = step(node, 0);
	VERIFY(near == NULL ||
	    tree->avl_order(data_of(tree, near), data) < 0);
	near = step(node, 1);
	VERIFY(near == NULL ||
	    tree->avl_order(data, data_of(tree, near)) < 0);

	while (node->avl_up != NULL && node->avl_up->avl_rank < node->avl_rank)
		lift(tree, node);
}

void
avl_insert_here(avl_tree_t *tree, void *data, void *here, int side)
{
	avl_node_t *node = node_of(tree, here);

	if (node->avl_kid[side] != NULL) {
		node = outermost(node->avl_kid[side], !side);
		side = !side;
	}
	avl_insert(tree, data, (avl_index_t)node | side);
}

void
avl_add(avl_tree_t *tree, void *data)
{
	avl_index_t where;

	VERIFY(avl_find(tree, data, &where) == NULL);
	avl_insert(tree, data, where);
}

void
avl_remove(avl_tree_t *tree, void *data)
{
	avl_node_t *node = node_of(tree, data), *kid, *top;

	VERIFY(node->avl_in == 1);
	for (top = node; top->avl_up != NULL; top = top->avl_up)
		continue;
	VERIFY(top == tree->avl_top);
	while (node->avl_kid[0] != NULL && node->avl_kid[1] != NULL) {
		lift(tree, node->avl_kid[node->avl_kid[0]->avl_rank <
		    node->avl_kid[1]->avl_rank]);
	}
	kid = node->avl_kid[node->avl_kid[0] == NULL];
	replace_kid(tree, node->avl_up, node, kid);
	bzero(node, sizeof (*node));
	tree->avl_count--;
}

void *
avl_destroy_nodes(avl_tree_t *tree, void **cookie)
{
	void *data = avl_first(tree);

	*cookie = data;
	if (data != NULL)
		avl_remove(tree, data);
	return (data);
}

void *
avl_first(avl_tree_t *tree)
{
	return (data_of(tree, outermost(tree->avl_top, 0)));
}

void *
avl_last(avl_tree_t *tree)
{
	return (data_of(tree, outermost(tree->avl_top, 1)));
}

void *
avl_walk(avl_tree_t *tree, void *data, int side)
{
	if (data == NULL)
		return (NULL);
	VERIFY(node_of(tree, data)->avl_in == 1);
	return (data_of(tree, step(node_of(tree, data), side)));
}

ulong_t
avl_numnodes(avl_tree_t *tree)
{
	return (tree->avl_count);
}

boolean_t
avl_is_empty(avl_tree_t *tree)
{
	return (tree->avl_count == 0 ? B_TRUE : B_FALSE);
}
