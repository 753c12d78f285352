// Selecting sessions across all workers: for showing them, and for ending them.
#include <stdlib.h>
#include <string.h>

#include "base/cidr.h"
#include "base/mem.h"
#include "base/text.h"
#include "session/fleet.h"
#include "session/move.h"
#include "session/remember.h"
#include "session/select.h"

// --- one session --------------------------------------------------------------------------------

bool select_host_matches(const struct session *s, const struct cidr *networks, size_t count)
{
    struct sockaddr_storage sa;
    return select_peer(s, &sa) && cidr_match_any(networks, count, (struct sockaddr *)&sa);
}

// The client's address, back from its text ("10.0.0.1:3306", "[::1]:3306", "unix").
bool select_peer(const struct session *s, struct sockaddr_storage *out)
{
    char host[ADDRESS_TEXT_MAX];
    memset(out, 0, sizeof *out);
    text_copy(host, sizeof host, session_name(s, NAME_CLIENT));
    if (strncmp(host, "unix", 4) == 0) {
        out->ss_family = AF_UNIX;
        return true;
    }
    char *colon = strrchr(host, ':');
    if (colon != NULL)
        *colon = '\0';
    size_t n = strlen(host);
    if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
        host[n - 1] = '\0';
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        return inet_pton(AF_INET6, host + 1, &in6->sin6_addr) == 1;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

void select_row(const struct session *s, struct session_row *row)
{
    const struct worker *w = s->worker;
    int64_t now = worker_now(w);
    memset(row, 0, sizeof *row);
    row->id = s->id;
    row->thread_id = s->thread_id;
    text_copy(row->client, sizeof row->client, session_name(s, NAME_CLIENT));
    text_copy(row->user, sizeof row->user, session_name(s, NAME_USER));
    text_copy(row->database, sizeof row->database, session_name(s, NAME_DATABASE));
    text_copy(row->program, sizeof row->program, session_name(s, NAME_PROGRAM));
    if (s->backend < w->routes->count)
        text_copy(row->backend, sizeof row->backend, w->routes->backends[s->backend].name);
    row->state = s->state;
    row->command = command_name(s->last_command);
    row->tls = conn_is_tls(&s->client);
    row->age_ns = now - s->born_ns;
    row->state_age_ns = now - s->state_ns;
    if (s->state >= SESSION_IDLE && !s->dead) {
        char why[160];
        row->obstacles = session_obstacles(s);
        row->movable = mover_can_move(s, why, sizeof why);
        row->lost = session_is_lost(s);
        row->remembered = remember_is_valid(s);
        row->reading = session_is_reading(s);
    }
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool matches(const struct session *s, const struct selection *sel)
{
    const struct session_filter *f = &sel->filter;
    if (f->id_count > 0 &&
        bsearch(&s->id, sel->ids, f->id_count, sizeof s->id, compare_ids) == NULL)
        return false;
    if (f->state >= 0 && s->state != f->state)
        return false;
    if (f->user[0] != '\0' && !text_match(f->user, session_name(s, NAME_USER)))
        return false;
    if (f->older_ns > 0 && worker_now(s->worker) - s->born_ns < f->older_ns)
        return false;
    if (sel->has_network && !select_host_matches(s, &sel->network, 1))
        return false;
    if (f->obstacle >= 0) {
        uint32_t held =
            s->state >= SESSION_IDLE ? model_obstacles(&s->model, worker_now(s->worker)) : 0;
        return (held & UINT32_C(1) << f->obstacle) != 0;
    }
    return true;
}

// --- all of them --------------------------------------------------------------------------------

static struct selection *selection_new(struct traffic *t, const struct session_filter *f)
{
    struct selection *sel = mem_zalloc(sizeof *sel);
    sel->filter = *f;
    sel->ids = mem_array(f->id_count + 1, sizeof *sel->ids);
    if (f->id_count > 0)
        memcpy(sel->ids, f->ids, f->id_count * sizeof *sel->ids);
    qsort(sel->ids, f->id_count, sizeof *sel->ids, compare_ids);
    // A host that is no address matches nothing, never everything.
    sel->has_network = f->host[0] != '\0';
    if (sel->has_network && cidr_parse(f->host, &sel->network, NULL) != SL_OK)
        sel->nothing = true;
    sel->parts = mem_array(t->worker_count, sizeof *sel->parts);
    sel->part_count = t->worker_count;
    return sel;
}

static void selection_free(struct selection *sel)
{
    for (unsigned i = 0; i < sel->part_count; i++)
        mem_free(sel->parts[i].rows);
    mem_free(sel->parts);
    mem_free(sel->ids);
    mem_free(sel);
}

static void add_row(struct selection_part *part, const struct session *s)
{
    if (part->count == part->size) {
        part->size = part->size == 0 ? 64 : 2 * part->size;
        part->rows = mem_realloc(part->rows, part->size * sizeof *part->rows);
    }
    select_row(s, &part->rows[part->count++]);
}

static void visit(struct worker *w, struct round *r)
{
    struct selection *sel = (struct selection *)(void *)r;
    struct selection_part *part = &sel->parts[w->index];
    LIST_FOR_EACH (&w->sessions, it, next) {
        struct session *s = LIST_ITEM(it, struct session, all);
        if (s->dead || sel->nothing || !matches(s, sel))
            continue;
        part->total++;
        if (sel->kill)
            session_kill(s, END_KILLED, sel->why);
        else if (sel->limit == 0 || part->count < sel->limit)
            add_row(part, s);
    }
}

static int compare_rows(const void *a, const void *b)
{
    return compare_ids(&((const struct session_row *)a)->id, &((const struct session_row *)b)->id);
}

static void done_rows(struct round *r)
{
    struct selection *sel = (struct selection *)(void *)r;
    unsigned count = 0, total = 0;
    for (unsigned i = 0; i < sel->part_count; i++) {
        count += sel->parts[i].count;
        total += sel->parts[i].total;
    }
    struct session_row *rows = mem_array(count + 1, sizeof *rows);
    for (unsigned i = 0, at = 0; i < sel->part_count; at += sel->parts[i].count, i++)
        if (sel->parts[i].count > 0)
            memcpy(rows + at, sel->parts[i].rows, sel->parts[i].count * sizeof *rows);
    qsort(rows, count, sizeof *rows, compare_rows);
    if (sel->limit != 0 && count > sel->limit)
        count = sel->limit;
    sel->done_rows(sel->arg, rows, count, total);
    mem_free(rows);
    selection_free(sel);
}

void traffic_sessions(struct traffic *t, const struct session_filter *filter, unsigned limit,
                      void (*done)(void *arg, const struct session_row *rows, unsigned count,
                                   unsigned total),
                      void *arg)
{
    struct selection *sel = selection_new(t, filter);
    sel->limit = limit;
    sel->done_rows = done;
    sel->arg = arg;
    sel->round.visit = visit;
    sel->round.done = done_rows;
    round_start(t, &sel->round);
}

static void done_kill(struct round *r)
{
    struct selection *sel = (struct selection *)(void *)r;
    unsigned total = 0;
    for (unsigned i = 0; i < sel->part_count; i++)
        total += sel->parts[i].total;
    if (sel->done_kill != NULL)
        sel->done_kill(sel->arg, total);
    selection_free(sel);
}

void traffic_kill(struct traffic *t, const struct session_filter *filter, const char *why,
                  void (*done)(void *arg, unsigned killed), void *arg)
{
    struct selection *sel = selection_new(t, filter);
    sel->kill = true;
    text_copy(sel->why, sizeof sel->why, why);
    sel->done_kill = done;
    sel->arg = arg;
    sel->round.visit = visit;
    sel->round.done = done_kill;
    round_start(t, &sel->round);
}
