// Which secrets may be tried on another server, and forgetting them all.
#include "auth/secure.h"
#include "auth/vault_internal.h"

// --- trials -------------------------------------------------------------------------------------
//
//   secret_try: TRIAL ──> secret_tried ─┬─ ACCEPTED: the others GO
//     the others: WAIT                  ├─ UNDECIDED: the next one is the TRIAL
//                                       └─ DENIED: REFUSED, until vault_forgive begins a new round

enum secret_turn secret_try(struct secret *s)
{
    struct vault *v = s->vault;
    enum secret_turn turn = SECRET_WAIT;
    pthread_mutex_lock(&v->lock);
    struct secret *root = vault_root_of(s);
    uint32_t round = atomic_load(&v->round);
    if (atomic_load(&root->refused) == round) {
        turn = SECRET_REFUSED;
    } else if (root->trial != round) {
        root->trial = round;
        root->right = false;
        turn = SECRET_TRIAL;
    } else if (root->right) {
        turn = SECRET_GO;
    }
    pthread_mutex_unlock(&v->lock);
    return turn;
}

void secret_tried(struct secret *s, enum secret_verdict verdict)
{
    struct vault *v = s->vault;
    pthread_mutex_lock(&v->lock);
    struct secret *root = vault_root_of(s);
    uint32_t round = atomic_load(&v->round);
    root->right = verdict == SECRET_ACCEPTED;
    root->trial = root->right ? round : 0;
    if (verdict == SECRET_DENIED)
        atomic_store(&root->refused, round);
    pthread_mutex_unlock(&v->lock);
}

bool secret_is_refused(const struct secret *s)
{
    bool resolved = atomic_load_explicit(&s->known, memory_order_acquire) && s->of != NULL;
    const struct secret *root = resolved ? s->of : s;
    return atomic_load(&root->refused) == atomic_load(&s->vault->round);
}

void vault_forgive(struct vault *v)
{
    atomic_fetch_add(&v->round, 1);
}

// --- forgetting ---------------------------------------------------------------------------------

static void wipe(struct secret *s)
{
    vault_set_bytes(s, NULL, 0);
    s->proof = PROOF_GONE;
    s->has_password = s->configured = false;
    if (atomic_exchange(&s->known, false)) {
        list_remove(&s->user->known, &s->on_user);
        list_append(&s->user->waiting, &s->on_user);
    }
}

// Those that sessions refer to stay, with nothing in them, and one of each user to be shown.
static void wipe_user(struct user *u)
{
    LIST_FOR_EACH (&u->known, known, after)
        wipe(vault_on_user(known));
    LIST_FOR_EACH (&u->waiting, it, next) {
        struct secret *s = vault_on_user(it);
        wipe(s);
        if (s->refs == 0 && u->waiting.count > 1)
            vault_destroy(s);
        else
            vault_settle(s);
    }
}

void vault_set_learning(struct vault *v, bool on)
{
    pthread_mutex_lock(&v->lock);
    v->off = !on;
    for (size_t i = 0; !on && i < VAULT_BUCKETS; i++) {
        for (struct user *u = v->buckets[i]; u != NULL; u = u->next)
            wipe_user(u);
    }
    if (!on)
        vault_drop_hashes(v);
    pthread_mutex_unlock(&v->lock);
}
