// An intrusive, doubly linked, circular list with a count. A node is on at most one list; a node
// on no list has NULL links. State is often "the list an object is on".
#ifndef SLUICE_BASE_LIST_H
#define SLUICE_BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *next, *prev;
};

struct list {
    struct list_node head;
    size_t count;
};

// Not LIST_ENTRY: <sys/queue.h> and libevent own that name.
#define LIST_ITEM(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

// Safe against removal of the current node.
#define LIST_FOR_EACH(list, it, tmp)                                                               \
    for (struct list_node *it = (list)->head.next, *tmp = it->next; it != &(list)->head;           \
         it = tmp, tmp = it->next)

static inline void list_init(struct list *l)
{
    l->head.next = l->head.prev = &l->head;
    l->count = 0;
}

static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}

static inline struct list_node *list_first(const struct list *l)
{
    return l->head.next == &l->head ? NULL : l->head.next;
}

static inline void list_append(struct list *l, struct list_node *n)
{
    assert(!list_linked(n));
    n->prev = l->head.prev;
    n->next = &l->head;
    n->prev->next = n;
    l->head.prev = n;
    l->count++;
}

static inline void list_prepend(struct list *l, struct list_node *n)
{
    struct list_node *first = l->head.next;
    n->prev = &l->head;
    n->next = first;
    first->prev = n;
    l->head.next = n;
    l->count++;
}

static inline void list_remove(struct list *l, struct list_node *n)
{
    assert(list_linked(n) && l->count > 0);
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->next = n->prev = NULL;
    l->count--;
}

#endif
