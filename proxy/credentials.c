// See credentials.h.
//
//   accounts (control account) ── hashes ──┐
//   configuration ────────── passwords ────┴──> vault <── logins
//            once a second: proofs without a hash? ── read the accounts again
#include "credentials.h"

#include <string.h>

#include "auth/vault.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/load.h"
#include "control/accounts.h"

_Static_assert(PRIV_HASH_BYTES == VAULT_NATIVE_BYTES, "both are SHA1");

#define LOOK_NS NS_PER_S
#define FIRST_WAIT_NS NS_PER_S
#define PATIENCE_US INT64_C(5000000) // between tries while the accounts cannot be read

struct credentials {
    struct traffic *traffic;
    struct accounts_status *status;
    struct accounts *accounts;
    struct timer *timer;
    unsigned count;
    struct control_target targets[BACKENDS_MAX];
};

// NULL: learning is off.
static struct vault *vault_of(const struct credentials *c)
{
    return traffic_vault(c->traffic);
}

// --- hashes -------------------------------------------------------------------------------------

static void give_hashes(struct vault *v, const struct accounts_view *view)
{
    size_t size = (view->count + 1) * sizeof(struct vault_hash);
    struct vault_hash *hashes = mem_array(view->count + 1, sizeof *hashes);
    for (unsigned i = 0; i < view->count; i++) {
        const struct account *a = &view->items[i];
        hashes[i] = (struct vault_hash){.user = a->user,
                                        .host = a->host,
                                        .plugin = a->method.plugin,
                                        .has_native = a->method.has_native};
        memcpy(hashes[i].native, a->method.native, VAULT_NATIVE_BYTES);
    }
    vault_set_hashes(v, hashes, view->count);
    mem_wipe_free(hashes, size);
}

static void accounts_seen(void *arg, const struct accounts_view *view)
{
    struct credentials *c = arg;
    struct vault *v = vault_of(c);
    c->status->read = view->read;
    c->status->count = view->count;
    c->status->read_wall_us = view->read_wall_us;
    (void)text_copy(c->status->problem, sizeof c->status->problem, view->problem);
    if (view->read && v != NULL)
        give_hashes(v, view);
}

static void look(void *arg)
{
    struct credentials *c = arg;
    struct vault *v = vault_of(c);
    bool failed_just_now = !c->status->read && c->status->read_wall_us > 0 &&
                           clock_wall_us() - c->status->read_wall_us < PATIENCE_US;
    c->status->learning = v != NULL;
    if (v != NULL && vault_wants_hashes(v) && !failed_just_now)
        accounts_refresh(c->accounts);
    timer_set(c->timer, LOOK_NS);
}

// --- passwords of the configuration --------------------------------------------------------------

struct passwords {
    unsigned count;
    const char **users, **texts;
    struct config_secret *secrets;
};

static void passwords_release(struct passwords *p)
{
    mem_free(p->users);
    mem_free(p->texts);
    mem_wipe_free(p->secrets, (p->count + 1) * sizeof p->secrets[0]);
}

static enum sl_code passwords_read(struct passwords *p, const struct config_logins *logins,
                                   struct sl_error *err)
{
    p->count = (unsigned)logins->count;
    p->users = mem_array(p->count + 1, sizeof p->users[0]);
    p->texts = mem_array(p->count + 1, sizeof p->texts[0]);
    p->secrets = mem_array(p->count + 1, sizeof p->secrets[0]);
    for (unsigned i = 0; i < p->count; i++) {
        enum sl_code code = config_login_secret(&logins->items[i], &p->secrets[i], err);
        if (code != SL_OK)
            return code;
        p->users[i] = logins->items[i].user;
        p->texts[i] = p->secrets[i].text;
    }
    return SL_OK;
}

enum sl_code credentials_configure(struct credentials *c, const struct config *config,
                                   struct sl_error *err)
{
    struct passwords p;
    struct vault *v = vault_of(c);
    enum sl_code code = passwords_read(&p, &config->accounts, err);
    if (code == SL_OK && v != NULL)
        vault_configure(v, p.users, p.texts, p.count);
    passwords_release(&p);
    return code;
}

void credentials_refresh(struct credentials *c)
{
    if (vault_of(c) != NULL)
        accounts_refresh(c->accounts);
}

// --- showing ------------------------------------------------------------------------------------

struct listing {
    void (*each)(void *arg, const struct account_row *row);
    void *arg;
};

static void show_row(void *arg, const struct vault_row *row)
{
    const struct listing *l = arg;
    l->each(l->arg,
            &(struct account_row){row->user, row->plugin, row->how, row->known, row->sessions});
}

void credentials_list(struct credentials *c, void (*each)(void *arg, const struct account_row *row),
                      void *arg)
{
    struct listing l = {each, arg};
    struct vault *v = vault_of(c);
    c->status->learning = v != NULL;
    if (v != NULL)
        vault_list(v, show_row, &l);
}

// --- life ---------------------------------------------------------------------------------------

struct credentials *credentials_new(struct loop *loop, struct traffic *traffic,
                                    struct accounts_status *status)
{
    struct credentials *c = mem_zalloc(sizeof *c);
    c->traffic = traffic;
    c->status = status;
    c->accounts = accounts_new(loop, accounts_seen, c);
    c->timer = timer_new(loop, look, c);
    timer_set(c->timer, LOOK_NS);
    return c;
}

void credentials_set_targets(struct credentials *c, const struct control_target *targets,
                             unsigned count, const char *active)
{
    explicit_bzero(c->targets, sizeof c->targets);
    memcpy(c->targets, targets, count * sizeof targets[0]);
    c->count = count;
    credentials_set_active(c, active);
}

void credentials_set_active(struct credentials *c, const char *active)
{
    for (unsigned i = 0; i < c->count; i++)
        if (strcmp(c->targets[i].name, active) == 0)
            accounts_set_target(c->accounts, &c->targets[i]);
}

void credentials_wait(struct credentials *c)
{
    if (vault_of(c) != NULL)
        accounts_wait(c->accounts, FIRST_WAIT_NS);
}

void credentials_free(struct credentials *c)
{
    if (c == NULL)
        return;
    timer_free(c->timer);
    accounts_free(c->accounts);
    explicit_bzero(c->targets, sizeof c->targets);
    mem_free(c);
}
