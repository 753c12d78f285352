// The model of an answer, and how people read it: aligned facts and tables.
#include "admin/answer_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/protocol.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define CELL_TEXT_MAX 2048 // of one printed cell; longer texts (SQL positions) are cut

struct answer *answer_new(void)
{
    return mem_zalloc(sizeof(struct answer));
}

// The texts were copied by add_cell; they are const for everybody else.
static void release_cells(struct cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free((char *)(uintptr_t)cells[i].text);
    mem_free(cells);
}

void answer_free(struct answer *a)
{
    if (a == NULL)
        return;
    for (unsigned i = 0; i < a->count; i++)
        release_cells(a->items[i].cells, a->items[i].cell_count);
    mem_free(a->items);
    mem_free(a);
}

// The pointer is good until the next item: the array may move.
static struct item *add_item(struct answer *a, enum item_kind kind, const char *key,
                             const char *title)
{
    if (a->count == a->size) {
        a->size = a->size == 0 ? 8 : a->size * 2;
        a->items = mem_realloc(a->items, a->size * sizeof *a->items);
    }
    struct item *item = &a->items[a->count++];
    *item = (struct item){.kind = kind, .key = key, .title = title};
    return item;
}

// Copies the text and makes it printable here, once: no renderer, and no terminal behind one, then
// sees a control character that a client put into its name.
static void add_cell(struct item *item, struct cell cell)
{
    if (item->cell_count == item->cell_size) {
        item->cell_size = item->cell_size == 0 ? 1 : item->cell_size * 2;
        item->cells = mem_realloc(item->cells, item->cell_size * sizeof *item->cells);
    }
    if (cell.text != NULL) {
        char *copy = mem_strdup(cell.text);
        text_make_printable(copy);
        cell.text = copy;
    }
    item->cells[item->cell_count++] = cell;
}

void answer_fact(struct answer *a, const char *key, const char *title, struct cell value)
{
    add_cell(add_item(a, ITEM_FACT, key, title), value);
}

void answer_document(struct answer *a, const char *key, const char *json)
{
    add_cell(add_item(a, ITEM_DOCUMENT, key, NULL), cell_text(json));
}

static void add_sentence(struct answer *a, const char *key, const char *fmt, va_list args)
{
    char text[CELL_TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    add_cell(add_item(a, ITEM_SAY, key, ""), cell_text(text));
}

void answer_say(struct answer *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_sentence(a, "message", fmt, args);
    va_end(args);
}

void answer_line(struct answer *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_sentence(a, "", fmt, args);
    va_end(args);
}

// Linear, for short lists only: completion offers a few dozen words.
bool answer_has_line(const struct answer *a, const char *text)
{
    bool has = false;
    for (unsigned i = 0; i < a->count && !has; i++)
        has = a->items[i].kind == ITEM_SAY && strcmp(a->items[i].cells[0].text, text) == 0;
    return has;
}

void answer_table(struct answer *a, const char *key, const char *title,
                  const struct column *columns, unsigned count)
{
    struct item *item = add_item(a, ITEM_TABLE, key, title);
    item->columns = columns;
    item->column_count = count;
}

void answer_row(struct answer *a, const struct cell *cells)
{
    struct item *item = &a->items[a->count - 1];
    for (unsigned i = 0; i < item->column_count; i++)
        add_cell(item, cells[i]);
}

// --- cells for people ----------------------------------------------------------------------------

const char *cell_print(const struct cell *c, char *out, unsigned long size)
{
    switch (c->kind) {
    case CELL_TEXT:
    case CELL_LIST: return c->text[0] != '\0' ? c->text : "-";
    case CELL_BOOL: return c->number != 0 ? "yes" : "no";
    case CELL_BYTES: return text_format_size((uint64_t)c->number, out, size);
    case CELL_MS:
    case CELL_US: return text_format_elapsed_ns(c->number, out, size);
    case CELL_TIME: clock_format_wall(c->number, out, size); return out;
    case CELL_NUMBER: snprintf(out, size, "%lld", (long long)c->number); return out;
    case CELL_NONE: break;
    }
    return "-";
}

// Characters, not bytes: good enough for names in a terminal.
static unsigned width_of(const char *s)
{
    unsigned width = 0;
    for (; *s != '\0'; s++)
        width += ((unsigned char)*s & 0xC0) != 0x80;
    return width;
}

// Numbers stand right so that their digits line up, texts left.
static void put_padded(struct buf *line, const char *text, unsigned width, bool right)
{
    unsigned own = width_of(text), pad = width > own ? width - own : 0;
    if (!right)
        buf_str(line, text);
    for (unsigned i = 0; i < pad; i++)
        buf_u8(line, ' ');
    if (right)
        buf_str(line, text);
}

// Without the blanks at its end, which padding of the last column leaves.
static void end_line(struct buf *line, struct buf *out)
{
    size_t n = line->n;
    while (n > 0 && line->p[n - 1] == ' ')
        n--;
    protocol_put_text(out, n > 0 ? (const char *)line->p : "", n);
    buf_clear(line);
}

// --- facts ---------------------------------------------------------------------------------------

static bool is_shown(const struct item *item)
{
    return item->title != NULL && (item->kind != ITEM_FACT || item->title[0] != '\0');
}

// All facts of an answer share one width, also across tables, so that they read as one list.
static unsigned title_width(const struct answer *a)
{
    unsigned widest = 0;
    for (unsigned i = 0; i < a->count; i++) {
        const struct item *item = &a->items[i];
        unsigned width = item->kind == ITEM_FACT && is_shown(item) ? width_of(item->title) : 0;
        widest = width > widest ? width : widest;
    }
    return widest;
}

static void print_fact(const struct item *item, unsigned width, struct buf *line, struct buf *out)
{
    char text[64];
    put_padded(line, item->title, width, false);
    buf_str(line, "  ");
    buf_str(line, cell_print(&item->cells[0], text, sizeof text));
    end_line(line, out);
}

// --- tables --------------------------------------------------------------------------------------

// Decided by the first value that is known: a column of unknowns is text.
static bool column_is_right(const struct item *t, unsigned column)
{
    enum cell_kind kind = CELL_NONE;
    for (size_t i = column; i < t->cell_count && kind == CELL_NONE; i += t->column_count)
        kind = t->cells[i].kind;
    return kind == CELL_NUMBER || kind == CELL_BYTES || kind == CELL_MS || kind == CELL_US;
}

static unsigned column_width(const struct item *t, unsigned column)
{
    char text[64];
    unsigned widest = width_of(t->columns[column].title);
    for (size_t i = column; i < t->cell_count; i += t->column_count) {
        unsigned width = width_of(cell_print(&t->cells[i], text, sizeof text));
        widest = width > widest ? width : widest;
    }
    return widest;
}

#define COLUMNS_MAX 24

struct layout {
    unsigned width[COLUMNS_MAX];
    bool right[COLUMNS_MAX];
};

// `row` NULL: the titles.
static void print_row(const struct item *t, const struct layout *l, const struct cell *row,
                      struct buf *line, struct buf *out)
{
    char text[64];
    bool first = true;
    for (unsigned c = 0; c < t->column_count && c < COLUMNS_MAX; c++) {
        if (t->columns[c].title[0] == '\0')
            continue;
        if (!first)
            buf_str(line, "  ");
        first = false;
        const char *s = row != NULL ? cell_print(&row[c], text, sizeof text) : t->columns[c].title;
        put_padded(line, s, l->width[c], l->right[c]);
    }
    end_line(line, out);
}

static void print_table(const struct item *t, struct buf *line, struct buf *out)
{
    if (t->cell_count == 0) {
        if (t->title[0] != '\0') {
            buf_printf(line, "no %s", t->title);
            end_line(line, out);
        }
        return;
    }
    struct layout l;
    for (unsigned c = 0; c < t->column_count && c < COLUMNS_MAX; c++) {
        l.width[c] = column_width(t, c);
        l.right[c] = column_is_right(t, c);
    }
    print_row(t, &l, NULL, line, out);
    for (size_t i = 0; i < t->cell_count; i += t->column_count)
        print_row(t, &l, &t->cells[i], line, out);
}

// --- the whole -----------------------------------------------------------------------------------

void answer_print(const struct answer *a, struct buf *out)
{
    unsigned width = title_width(a);
    struct buf line = {0};
    for (unsigned i = 0; i < a->count; i++) {
        const struct item *item = &a->items[i];
        if (!is_shown(item))
            continue;
        // A table stands apart from what is before it.
        if (item->kind == ITEM_TABLE && item->cell_count > 0 && out->n > 0)
            protocol_put_text(out, "", 0);
        if (item->kind == ITEM_FACT)
            print_fact(item, width, &line, out);
        else if (item->kind == ITEM_TABLE)
            print_table(item, &line, out);
        else
            protocol_put_text(out, item->cells[0].text, strlen(item->cells[0].text));
    }
    buf_release(&line);
}

void answer_print_line(const struct answer *a, struct buf *out)
{
    char text[64];
    const char *between = "";
    for (unsigned i = 0; i < a->count; i++) {
        const struct item *item = &a->items[i];
        if (item->kind == ITEM_TABLE || !is_shown(item))
            continue;
        buf_printf(out, "%s%s%s%s", between, item->title, item->title[0] != '\0' ? " " : "",
                   cell_print(&item->cells[0], text, sizeof text));
        between = ", ";
    }
}
