// The intrusive list: order, count, removal while walking.
#include "base/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list_node node;
};

static void fill(struct list *l, struct item *items, int n)
{
    list_init(l);
    for (int i = 0; i < n; i++) {
        items[i] = (struct item){.number = i};
        list_append(l, &items[i].node);
    }
}

Test(list, an_empty_list)
{
    struct list l;
    list_init(&l);
    cr_expect_null(list_first(&l));
    cr_expect_eq(l.count, 0);
    LIST_FOR_EACH (&l, it, tmp)
        cr_assert_fail("nothing to walk");
}

Test(list, walks_in_order)
{
    struct list l;
    struct item items[5];
    fill(&l, items, 5);
    int expected = 0;
    LIST_FOR_EACH (&l, it, tmp)
        cr_expect_eq(LIST_ITEM(it, struct item, node)->number, expected++);
    cr_expect_eq(expected, 5);
    cr_expect_eq(l.count, 5);
    cr_expect_eq(list_first(&l), &items[0].node);
}

Test(list, the_current_node_may_go)
{
    struct list l, odd;
    struct item items[6];
    fill(&l, items, 6);
    list_init(&odd);
    LIST_FOR_EACH (&l, it, tmp) {
        if (LIST_ITEM(it, struct item, node)->number % 2 == 1) {
            list_remove(&l, it);
            cr_expect(!list_linked(it));
            list_append(&odd, it);
        }
    }
    cr_expect(l.count == 3 && odd.count == 3);
    LIST_FOR_EACH (&odd, it, tmp)
        cr_expect_eq(LIST_ITEM(it, struct item, node)->number % 2, 1);
}
