// GTID sets: a cursor over the text makes ranges, `tidy` sorts and joins them, and every operation
// is one walk over sorted ranges.
#include "control/gtid.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MYSQL_NUMBER_MAX ((uint64_t)INT64_MAX - 1) // GNO_END of the server is INT64_MAX

// --- ranges -------------------------------------------------------------------------------------

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_origins(const struct gtid_origin *a, const struct gtid_origin *b)
{
    int order = compare_u64(a->domain, b->domain);
    order = order != 0 ? order : compare_u64(a->server, b->server);
    order = order != 0 ? order : memcmp(a->uuid, b->uuid, sizeof a->uuid);
    return order != 0 ? order : strcmp(a->tag, b->tag);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct gtid_range *x = a, *y = b;
    int order = compare_origins(&x->origin, &y->origin);
    return order != 0 ? order : compare_u64(x->first, y->first);
}

// Whether `next`, which sorts behind `r`, overlaps or touches it.
static bool joins(const struct gtid_range *r, const struct gtid_range *next)
{
    return compare_origins(&r->origin, &next->origin) == 0 && next->first - 1 <= r->last;
}

static void tidy(struct gtid_set *set)
{
    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof set->ranges[0], compare_ranges);
    unsigned kept = 0;
    for (unsigned i = 1; i < set->count; i++) {
        struct gtid_range *r = &set->ranges[kept], next = set->ranges[i];
        if (!joins(r, &next))
            set->ranges[++kept] = next;
        else if (next.last > r->last)
            r->last = next.last;
    }
    set->count = kept + 1;
}

// --- reading ------------------------------------------------------------------------------------

struct cursor {
    const char *start, *at;
    struct gtid_set *set;
    unsigned room; // ranges that there is memory for
    struct sl_error *err;
};

static enum sl_code expected(const struct cursor *c, const char *what)
{
    char found[33];
    (void)text_copy(found, sizeof found, c->at);
    text_make_printable(found);
    return sl_fail(c->err, SL_EPROTO, "GTID set, byte %zu: found %s%s%s, expected %s",
                   (size_t)(c->at - c->start), *found != '\0' ? "\"" : "",
                   *found != '\0' ? found : "its end", *found != '\0' ? "\"" : "", what);
}

static void skip_blanks(struct cursor *c)
{
    c->at += strspn(c->at, " \t\r\n");
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (*c->at != wanted)
        return false;
    c->at++;
    skip_blanks(c);
    return true;
}

// Decimal digits, at most `max`; otherwise false, the cursor where it was.
static bool take_number(struct cursor *c, uint64_t max, uint64_t *out)
{
    const char *p = c->at;
    uint64_t n = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (n > (max - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (p == c->at)
        return false;
    c->at = p;
    *out = n;
    return true;
}

static enum sl_code add_range(struct cursor *c, const struct gtid_range *r)
{
    struct gtid_set *set = c->set;
    if (set->count == GTID_RANGES_MAX)
        return sl_fail(c->err, SL_ETOOBIG, "GTID set: more than %u ranges", GTID_RANGES_MAX);
    if (set->count == c->room) {
        unsigned room = c->room > 0 ? c->room * 2 : 4;
        struct gtid_range *ranges = mem_try_realloc(set->ranges, room * sizeof *ranges);
        if (ranges == NULL)
            return sl_fail(c->err, SL_ETOOBIG, "GTID set: no memory for %u ranges", room);
        set->ranges = ranges;
        c->room = room;
    }
    set->ranges[set->count++] = *r;
    return SL_OK;
}

static unsigned hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10) : 16;
}

static bool take_uuid(struct cursor *c, uint8_t uuid[16])
{
    const char *p = c->at;
    for (unsigned i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
            return false;
        unsigned high = hex_value(p[0]);
        unsigned low = high < 16 ? hex_value(p[1]) : 16; // not behind the text's end
        if (low == 16)
            return false;
        uuid[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    c->at = p;
    return true;
}

// A letter or underscore, then digits too.
static bool take_tag(struct cursor *c, char tag[GTID_TAG_MAX + 1])
{
    size_t n = 0;
    for (; isalnum((unsigned char)c->at[n]) || c->at[n] == '_'; n++) {
        if (n == GTID_TAG_MAX || (n == 0 && isdigit((unsigned char)c->at[0])))
            return false;
        tag[n] = (char)tolower((unsigned char)c->at[n]);
    }
    tag[n] = '\0';
    c->at += n;
    return n > 0;
}

// "5" or "5-9".
static enum sl_code read_interval(struct cursor *c, struct gtid_range *r)
{
    if (!take_number(c, MYSQL_NUMBER_MAX, &r->first) || r->first == 0)
        return expected(c, "a number from 1 up");
    r->last = r->first;
    if (take(c, '-') && (!take_number(c, MYSQL_NUMBER_MAX, &r->last) || r->last < r->first))
        return expected(c, "the interval's end, not below its start");
    return add_range(c, r);
}

// uuid:[tag:]interval[:interval|:tag:interval]...
static enum sl_code read_mysql(struct cursor *c)
{
    struct gtid_range r = {0};
    if (!take_uuid(c, r.origin.uuid))
        return expected(c, "a UUID");
    enum sl_code code = SL_OK;
    if (!take(c, ':'))
        return expected(c, "\":\"");
    do {
        bool number = isdigit((unsigned char)*c->at);
        if (!number && !take_tag(c, r.origin.tag))
            return expected(c, "an interval or a tag");
        if (!number && !take(c, ':'))
            return expected(c, "\":\" and an interval behind the tag");
        code = read_interval(c, &r);
    } while (code == SL_OK && take(c, ':'));
    return code;
}

// domain-server-number
static enum sl_code read_mariadb(struct cursor *c)
{
    struct gtid_range r = {.first = 1};
    uint64_t domain, server;
    if (!take_number(c, UINT32_MAX, &domain))
        return expected(c, "a domain");
    if (!take(c, '-') || !take_number(c, UINT32_MAX, &server))
        return expected(c, "\"-\" and a server id");
    if (!take(c, '-') || !take_number(c, UINT64_MAX, &r.last))
        return expected(c, "\"-\" and a number");
    r.origin.domain = (uint32_t)domain;
    r.origin.server = (uint32_t)server;
    return r.last > 0 ? add_range(c, &r) : SL_OK; // "0-1-0": nothing yet
}

static enum sl_code read_set(struct cursor *c)
{
    enum sl_code (*read)(struct cursor *) =
        c->set->family == FAMILY_MYSQL ? read_mysql : read_mariadb;
    skip_blanks(c);
    if (*c->at == '\0')
        return SL_OK;
    enum sl_code code;
    do
        code = read(c);
    while (code == SL_OK && take(c, ','));
    return code != SL_OK || *c->at == '\0' ? code : expected(c, "\",\" or the end");
}

enum sl_code gtid_parse(enum backend_family family, const char *text, struct gtid_set *out,
                        struct sl_error *err)
{
    assert(family != FAMILY_UNKNOWN);
    *out = (struct gtid_set){.family = family};
    if (strnlen(text, GTID_TEXT_MAX + 1) > GTID_TEXT_MAX)
        return sl_fail(err, SL_ETOOBIG, "GTID set: longer than %zu bytes", GTID_TEXT_MAX);
    struct cursor c = {.start = text, .at = text, .set = out, .err = err};
    enum sl_code code = read_set(&c);
    if (code != SL_OK)
        gtid_release(out);
    else
        tidy(out);
    return code;
}

void gtid_release(struct gtid_set *set)
{
    mem_free(set->ranges);
    *set = (struct gtid_set){.family = set->family};
}

// --- comparing ----------------------------------------------------------------------------------

static bool related(const struct gtid_set *a, const struct gtid_set *b)
{
    return a->count == 0 || b->count == 0 || a->family == b->family;
}

// The first range, from `i` on, that does not end before `r` begins.
static unsigned skip_before(const struct gtid_set *set, unsigned i, const struct gtid_range *r)
{
    while (i < set->count) {
        int order = compare_origins(&set->ranges[i].origin, &r->origin);
        if (order > 0 || (order == 0 && set->ranges[i].last >= r->first))
            break;
        i++;
    }
    return i;
}

bool gtid_contains(const struct gtid_set *whole, const struct gtid_set *part)
{
    assert(related(whole, part));
    unsigned at = 0;
    for (unsigned i = 0; i < part->count; i++) {
        const struct gtid_range *r = &part->ranges[i];
        at = skip_before(whole, at, r);
        if (at == whole->count)
            return false;
        const struct gtid_range *w = &whole->ranges[at];
        if (compare_origins(&w->origin, &r->origin) != 0 || w->first > r->first ||
            w->last < r->last)
            return false;
    }
    return true;
}

bool gtid_equal(const struct gtid_set *a, const struct gtid_set *b)
{
    return gtid_contains(a, b) && gtid_contains(b, a);
}

// Appends `r` without the ranges of `what` from `at` on, which is where they can first touch it.
static void add_rest(struct gtid_set *to, struct gtid_range r, const struct gtid_set *what,
                     unsigned at)
{
    for (; at < what->count; at++) {
        const struct gtid_range *w = &what->ranges[at];
        if (compare_origins(&w->origin, &r.origin) != 0 || w->first > r.last)
            break;
        if (w->first > r.first) {
            to->ranges[to->count] = r;
            to->ranges[to->count++].last = w->first - 1;
        }
        if (w->last >= r.last)
            return;
        r.first = w->last + 1;
    }
    to->ranges[to->count++] = r;
}

// A set with room for as many ranges as both have: enough, since each range of one cuts at most
// one of the other into two.
static struct gtid_set make_room(const struct gtid_set *a, const struct gtid_set *b)
{
    assert(related(a, b));
    struct gtid_set set = {.family = a->count > 0 ? a->family : b->family};
    if (a->count + b->count > 0)
        set.ranges = mem_array(a->count + b->count, sizeof set.ranges[0]);
    return set;
}

struct gtid_set gtid_subtract(const struct gtid_set *from, const struct gtid_set *what)
{
    struct gtid_set rest = make_room(from, what);
    unsigned at = 0;
    for (unsigned i = 0; i < from->count; i++) {
        at = skip_before(what, at, &from->ranges[i]);
        add_rest(&rest, from->ranges[i], what, at);
    }
    return rest;
}

static void append(struct gtid_set *to, const struct gtid_set *more)
{
    if (more->count > 0)
        memcpy(to->ranges + to->count, more->ranges, more->count * sizeof to->ranges[0]);
    to->count += more->count;
}

struct gtid_set gtid_union(const struct gtid_set *a, const struct gtid_set *b)
{
    struct gtid_set both = make_room(a, b);
    append(&both, a);
    append(&both, b);
    tidy(&both);
    return both;
}

uint64_t gtid_count(const struct gtid_set *set)
{
    uint64_t count = 0;
    for (unsigned i = 0; i < set->count; i++) {
        uint64_t more = set->ranges[i].last - set->ranges[i].first; // one less than there are
        if (more >= UINT64_MAX - count)
            return UINT64_MAX;
        count += more + 1;
    }
    return count;
}

// --- writing ------------------------------------------------------------------------------------

static void put_uuid(struct buf *out, const uint8_t uuid[16])
{
    for (unsigned i = 0; i < 16; i++)
        buf_printf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
}

// `before` is NULL in front of the first range.
static void put_mysql(struct buf *out, const struct gtid_range *before, const struct gtid_range *r)
{
    bool same_uuid =
        before != NULL && memcmp(before->origin.uuid, r->origin.uuid, sizeof r->origin.uuid) == 0;
    if (!same_uuid) {
        buf_str(out, before != NULL ? "," : "");
        put_uuid(out, r->origin.uuid);
    }
    // The range without a tag comes first.
    if (r->origin.tag[0] != '\0' && !(same_uuid && strcmp(before->origin.tag, r->origin.tag) == 0))
        buf_printf(out, ":%s", r->origin.tag);
    buf_printf(out, ":%" PRIu64, r->first);
    if (r->last > r->first)
        buf_printf(out, "-%" PRIu64, r->last);
}

static void put_mariadb(struct buf *out, const struct gtid_range *before,
                        const struct gtid_range *r)
{
    buf_printf(out, "%s%" PRIu32 "-%" PRIu32 "-%" PRIu64, before != NULL ? "," : "",
               r->origin.domain, r->origin.server, r->last);
}

void gtid_format(const struct gtid_set *set, struct buf *out)
{
    for (unsigned i = 0; i < set->count; i++) {
        const struct gtid_range *before = i > 0 ? &set->ranges[i - 1] : NULL;
        if (set->family == FAMILY_MYSQL)
            put_mysql(out, before, &set->ranges[i]);
        else
            put_mariadb(out, before, &set->ranges[i]);
    }
}
