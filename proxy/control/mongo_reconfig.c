// Copies a configuration member by member and field by field, with the edits in their places.
#include "control/mongo_reconfig.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "control/mongo_read.h"

struct rewrite {
    const struct mongo_edit *edits;
    unsigned count;
    bson_t *members; // the new array
    unsigned kept;   // how many it has
    int highest_id;
    unsigned votes_changed, voters;
    bool applied[MONGO_MEMBERS_MAX];
};

static const struct mongo_edit *edit_of(struct rewrite *w, const char *host)
{
    for (unsigned i = 0; i < w->count; i++) {
        if (strcasecmp(w->edits[i].host, host) == 0) {
            w->applied[i] = true;
            return &w->edits[i];
        }
    }
    return NULL;
}

// Same kind of number as before, so that a configuration that is put back is the same document.
static void put_number(bson_t *to, const char *key, const bson_iter_t *like, double value)
{
    if (like != NULL && BSON_ITER_HOLDS_INT32(like) && (double)(int32_t)value >= value &&
        (double)(int32_t)value <= value)
        bson_append_int32(to, key, -1, (int32_t)value);
    else
        bson_append_double(to, key, -1, value);
}

static void copy_fields(bson_t *to, const bson_t *from, const struct mongo_edit *edit)
{
    bson_iter_t i;
    if (!bson_iter_init(&i, from))
        return;
    bool had_priority = false, had_votes = false;
    while (bson_iter_next(&i)) {
        const char *key = bson_iter_key(&i);
        bool is_priority = strcmp(key, "priority") == 0, is_votes = strcmp(key, "votes") == 0;
        had_priority = had_priority || is_priority;
        had_votes = had_votes || is_votes;
        if (is_priority && edit != NULL && edit->priority >= 0)
            put_number(to, key, &i, edit->priority);
        else if (is_votes && edit != NULL && edit->votes >= 0)
            bson_append_int32(to, key, -1, edit->votes);
        else
            bson_append_iter(to, key, -1, &i);
    }
    if (edit != NULL && edit->priority >= 0 && !had_priority)
        put_number(to, "priority", NULL, edit->priority);
    if (edit != NULL && edit->votes >= 0 && !had_votes)
        bson_append_int32(to, "votes", -1, edit->votes);
}

static void put_member(struct rewrite *w, const bson_t *from, const struct mongo_edit *edit)
{
    char key[12];
    bson_t member;
    (void)snprintf(key, sizeof key, "%u", w->kept++);
    bson_append_document_begin(w->members, key, -1, &member);
    copy_fields(&member, from, edit);
    bson_append_document_end(w->members, &member);
}

static enum sl_code rewrite_member(struct rewrite *w, const bson_t *one, struct sl_error *err)
{
    char host[MONGO_HOST_MAX] = "";
    (void)mongo_read_text(one, "host", host, sizeof host);
    int id = (int)mongo_read_number(one, "_id", 0);
    int votes = (int)mongo_read_number(one, "votes", 1);
    const struct mongo_edit *edit = edit_of(w, host);
    w->highest_id = id > w->highest_id ? id : w->highest_id;
    if (edit != NULL && edit->kind == MONGO_ADD_MEMBER)
        return sl_fail(err, SL_ECONFLICT, "%s is a member already", host);
    bool drop = edit != NULL && edit->kind == MONGO_DROP_MEMBER;
    int after = drop ? 0 : edit != NULL && edit->votes >= 0 ? edit->votes : votes;
    w->votes_changed += after != votes;
    w->voters += after > 0;
    if (!drop)
        put_member(w, one, edit);
    return SL_OK;
}

static enum sl_code rewrite_members(struct rewrite *w, bson_iter_t *array, struct sl_error *err)
{
    bson_iter_t i;
    const uint8_t *data;
    uint32_t n;
    bson_t one;
    enum sl_code code = SL_OK;
    if (!bson_iter_recurse(array, &i))
        return sl_fail(err, SL_EPROTO, "a configuration without members");
    while (code == SL_OK && bson_iter_next(&i)) {
        if (!BSON_ITER_HOLDS_DOCUMENT(&i))
            return sl_fail(err, SL_EPROTO, "a configuration with a member that is no document");
        bson_iter_document(&i, &n, &data);
        if (bson_init_static(&one, data, n))
            code = rewrite_member(w, &one, err);
    }
    return code;
}

// Those that the configuration did not have: they are added, or it is an error.
static enum sl_code add_rest(struct rewrite *w, struct sl_error *err)
{
    for (unsigned i = 0; i < w->count; i++) {
        const struct mongo_edit *e = &w->edits[i];
        if (w->applied[i])
            continue;
        if (e->kind != MONGO_ADD_MEMBER)
            return sl_fail(err, SL_ENOTFOUND, "%s is not a member of the set", e->host);
        int votes = e->votes >= 0 ? e->votes : 0;
        bson_t *member =
            BCON_NEW("_id", BCON_INT32(++w->highest_id), "host", BCON_UTF8(e->host), "priority",
                     BCON_DOUBLE(e->priority >= 0 ? e->priority : 0), "votes", BCON_INT32(votes));
        w->votes_changed += votes != 0;
        w->voters += votes != 0;
        put_member(w, member, NULL);
        bson_destroy(member);
    }
    return SL_OK;
}

static enum sl_code check(const struct rewrite *w, struct sl_error *err)
{
    if (w->votes_changed > 1)
        return sl_fail(err, SL_EINVAL, "%u votes would change at once", w->votes_changed);
    if (w->voters == 0 || w->voters > 7 || w->kept > MONGO_MEMBERS_MAX)
        return sl_fail(err, SL_EINVAL, "a set with %u members, %u of them voters, cannot be",
                       w->kept, w->voters);
    return SL_OK;
}

enum sl_code mongo_reconfig(const bson_t *config, const struct mongo_edit *edits, unsigned count,
                            bson_t *out, struct sl_error *err)
{
    struct rewrite w = {.edits = edits, .count = count, .highest_id = -1};
    enum sl_code code = SL_OK;
    bson_iter_t i;
    bson_t members;
    bson_init(out);
    if (count > MONGO_MEMBERS_MAX || !bson_iter_init(&i, config))
        code = sl_fail(err, SL_EINVAL, "not a configuration, or too many changes");
    while (code == SL_OK && bson_iter_next(&i)) {
        const char *key = bson_iter_key(&i);
        if (strcmp(key, "version") == 0) {
            bson_append_int32(out, key, -1, (int32_t)bson_iter_as_int64(&i) + 1);
        } else if (strcmp(key, "members") == 0 && BSON_ITER_HOLDS_ARRAY(&i)) {
            bson_append_array_begin(out, key, -1, &members);
            w.members = &members;
            code = rewrite_members(&w, &i, err);
            if (code == SL_OK)
                code = add_rest(&w, err);
            bson_append_array_end(out, &members);
        } else {
            bson_append_iter(out, key, -1, &i);
        }
    }
    if (code == SL_OK)
        code = check(&w, err);
    if (code != SL_OK)
        bson_destroy(out);
    return code;
}
