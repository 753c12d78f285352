// The vault: what each proof gives, in every order of arrival; sharing, bounds, memory.
#include "auth/vault.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/secret.h"
#include "auth/secure.h"
#include "base/mem.h"

static const uint8_t scramble[] = "abcdefghijklmnopqrst";
static const uint8_t other_scramble[] = "ABCDEFGHIJKLMNOPQRST";

static struct slice text(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

static struct vault *open_vault(size_t bytes)
{
    struct vault *v = NULL;
    struct sl_error err;
    bool locked = false;
    cr_assert_eq(vault_new(bytes, &v, &locked, &err), SL_OK, "%s", err.text);
    return v;
}

static struct secret *native(struct vault *v, const char *user, const char *password,
                             const uint8_t *with)
{
    uint8_t stage1[20], answer[20];
    digest_stage1(text(password), stage1);
    digest_native(stage1, with, answer);
    return vault_learn_native(v, text(user), with, answer);
}

static struct secret *fast(struct vault *v, const char *user, const char *password,
                           const uint8_t *with)
{
    uint8_t answer[32];
    digest_fast(text(password), with, answer);
    return vault_learn_fast(v, text(user), with, answer);
}

static struct secret *password(struct vault *v, const char *user, const char *p)
{
    return vault_learn_password(v, text(user), text(p), "caching_sha2_password");
}

static void set_hash(struct vault *v, const char *user, const char *p)
{
    struct vault_hash h[3] = {
        {.user = user, .host = "other", .plugin = "mysql_native_password", .has_native = true},
        {.user = user, .host = "%", .plugin = "mysql_native_password", .has_native = true},
        {.user = user, .host = "third", .plugin = "caching_sha2_password"},
    };
    uint8_t stage1[20];
    digest_stage1(text(p), stage1);
    digest_stage1((struct slice){stage1, sizeof stage1}, h[1].native);
    vault_set_hashes(v, h, 3);
}

// "user plugin how known sessions; ..."
static void add_row(void *arg, const struct vault_row *row)
{
    buf_printf(arg, "%s %s %s %d %u; ", row->user, row->plugin, row->how, row->known,
               row->sessions);
}

static void expect_list(struct vault *v, const char *expected)
{
    struct buf b = {0};
    vault_list(v, add_row, &b);
    cr_expect_str_eq(buf_text(&b), expected);
    buf_release(&b);
}

static void expect_secret(struct secret *s, const char *p)
{
    struct buf b = {0};
    cr_expect(secret_is_known(s));
    cr_expect(secret_password(s, &b));
    cr_expect_str_eq((const char *)b.p, p);
    cr_expect_eq(b.n, strlen(p) + 1);
    buf_wipe(&b);
}

// Computed with Python's hashlib from the definitions.
Test(digest, vectors)
{
    static const uint8_t stage1[] = "\xe5\xe9\xfa\x1b\xa3\x1e\xcd\x1a\xe8\x4f"
                                    "\x75\xca\xaa\x47\x4f\x3a\x66\x3f\x05\xf4";
    static const uint8_t hash[] = "\x14\xe6\x55\x67\xab\xdb\x51\x35\xd0\xcf"
                                  "\xd9\xa7\x0b\x30\x32\xc1\x79\xa4\x9e\xe7";
    static const uint8_t answer[] = "\x88\x17\xc5\x0f\xa7\x79\xda\xef\x01\x0e"
                                    "\xe7\x57\x78\x25\xb0\x84\x7d\xf9\x84\x2e";
    static const uint8_t fast_answer[] =
        "\xc7\x6e\x28\x98\x61\x2a\x4c\xf0\x42\xc7\x7f\xa8\xc4\x70\x2c\x4c"
        "\x64\xc0\xc2\xc5\x57\xc5\x3c\x4d\x75\x59\x5a\xaa\x6a\xba\xe8\x09";
    uint8_t out[32];
    digest_stage1(text("secret"), out);
    cr_expect_arr_eq(out, stage1, 20);
    digest_native(stage1, scramble, out);
    cr_expect_arr_eq(out, answer, 20);
    digest_fast(text("secret"), scramble, out);
    cr_expect_arr_eq(out, fast_answer, 32);
    cr_expect(digest_native_recover(hash, scramble, answer, out));
    cr_expect_arr_eq(out, stage1, 20);
    cr_expect_not(digest_native_recover(hash, other_scramble, answer, out));
}

Test(vault, password_gives_every_answer)
{
    struct vault *v = open_vault(64 << 10);
    uint8_t answer[32], expected[32], stage1[20];
    struct secret *s = password(v, "fred", "secret");
    expect_secret(s, "secret");
    cr_expect(secret_fast(s, scramble, answer));
    digest_fast(text("secret"), scramble, expected);
    cr_expect_arr_eq(answer, expected, 32);
    cr_expect(secret_native(s, scramble, answer));
    digest_stage1(text("secret"), stage1);
    digest_native(stage1, scramble, expected);
    cr_expect_arr_eq(answer, expected, 20);
    cr_expect_not(secret_is_empty(s));
    expect_list(v, "fred caching_sha2_password password 1 1; ");
    secret_unref(s);
    expect_list(v, "fred caching_sha2_password password 1 0; ");
    vault_free(v);
}

Test(vault, native_waits_for_the_hash)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = native(v, "fred", "secret", scramble);
    struct secret *b = native(v, "fred", "secret", other_scramble);
    struct secret *c = native(v, "fred", "another", scramble);
    struct buf out = {0};
    uint8_t answer[32];
    cr_expect_not(secret_is_known(a));
    cr_expect_not(secret_native(a, scramble, answer));
    cr_expect_not(secret_password(a, &out));
    cr_expect(vault_wants_hashes(v));
    cr_expect(vault_wants_hashes(v), "until they come");
    expect_list(v, "fred mysql_native_password unknown 0 3; ");
    set_hash(v, "wilma", "secret");
    cr_expect_not(secret_is_known(a));
    cr_expect_not(vault_wants_hashes(v), "they were tried on what there is");
    set_hash(v, "fred", "secret");
    cr_expect(secret_is_known(a));
    cr_expect(secret_is_known(b));
    cr_expect_not(secret_is_known(c));
    cr_expect(secret_native(b, scramble, answer));
    cr_expect_not(secret_fast(b, scramble, answer), "a hash is not enough");
    cr_expect_not(secret_password(b, &out));
    expect_list(v, "fred mysql_native_password hash 1 2; fred mysql_native_password unknown 0 1; ");
    struct secret *d = native(v, "fred", "secret", other_scramble);
    cr_expect(secret_is_known(d), "at once");
    secret_unref(a);
    secret_unref(b);
    secret_unref(c);
    secret_unref(d);
    expect_list(v, "fred mysql_native_password hash 1 0; ");
    vault_free(v);
}

Test(vault, native_with_the_hash_there)
{
    struct vault *v = open_vault(64 << 10);
    set_hash(v, "fred", "secret");
    struct secret *a = native(v, "fred", "secret", scramble);
    struct secret *b = native(v, "fred", "secret", other_scramble);
    cr_expect(secret_is_known(a));
    cr_expect_eq(a, b, "equal secrets are shared");
    cr_expect_not(vault_wants_hashes(v));
    struct secret *c = password(v, "fred", "secret");
    cr_expect_eq(a, c, "the password belongs to the hash");
    expect_secret(a, "secret");
    secret_unref(a);
    secret_unref(b);
    secret_unref(c);
    vault_free(v);
}

// A proof that comes while the accounts are being read may be of a newer account.
Test(vault, hashes_are_wanted_again)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = native(v, "fred", "secret", scramble);
    cr_expect(vault_wants_hashes(v));
    struct secret *b = native(v, "wilma", "other", scramble);
    set_hash(v, "fred", "secret");
    cr_expect(vault_wants_hashes(v), "of wilma's account nothing may have been read");
    set_hash(v, "fred", "secret");
    cr_expect_not(vault_wants_hashes(v));
    secret_unref(a);
    secret_unref(b);
    vault_free(v);
}

Test(vault, proofs_wait_for_the_password)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = fast(v, "fred", "secret", scramble);
    struct secret *b = fast(v, "fred", "secret", other_scramble);
    struct secret *c = native(v, "fred", "secret", scramble);
    struct secret *d = fast(v, "fred", "old", scramble);
    struct secret *more = secret_ref(b);
    uint8_t answer[32];
    digest_fast(text("secret"), scramble, answer);
    cr_expect_not(secret_is_known(a));
    cr_expect_not(vault_knows_fast(v, text("fred"), scramble, answer));
    struct secret *e = password(v, "fred", "secret");
    cr_expect(vault_knows_fast(v, text("fred"), scramble, answer));
    cr_expect_not(vault_knows_fast(v, text("fred"), other_scramble, answer));
    cr_expect_not(vault_knows_fast(v, text("wilma"), scramble, answer));
    expect_secret(a, "secret");
    expect_secret(b, "secret");
    expect_secret(c, "secret");
    cr_expect_not(secret_is_known(d));
    expect_list(
        v, "fred caching_sha2_password password 1 5; fred caching_sha2_password unknown 0 1; ");
    secret_unref(e);
    secret_unref(b);
    secret_unref(a);
    expect_secret(more, "secret");
    secret_unref(more);
    secret_unref(c);
    secret_unref(d);
    expect_list(v, "fred caching_sha2_password password 1 0; ");
    struct secret *f = fast(v, "fred", "secret", other_scramble);
    cr_expect(secret_is_known(f), "kept for later logins");
    secret_unref(f);
    vault_free(v);
}

Test(vault, a_changed_password_is_a_new_secret)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = password(v, "fred", "old"), *b = password(v, "fred", "new");
    cr_expect_neq(a, b);
    expect_secret(a, "old");
    expect_secret(b, "new");
    secret_unref(a);
    secret_unref(b);
    vault_free(v);
}

// --- trials -------------------------------------------------------------------------------------

Test(vault, one_login_is_tried_alone)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = password(v, "fred", "old"), *other = password(v, "fred", "new");
    cr_expect_eq(secret_try(a), SECRET_TRIAL);
    cr_expect_eq(secret_try(a), SECRET_WAIT);
    cr_expect_eq(secret_try(other), SECRET_TRIAL, "another password is another secret");
    secret_tried(a, SECRET_UNDECIDED);
    cr_expect_eq(secret_try(a), SECRET_TRIAL, "the next one");
    secret_tried(a, SECRET_ACCEPTED);
    cr_expect_eq(secret_try(a), SECRET_GO);
    cr_expect_eq(secret_try(a), SECRET_GO);
    secret_tried(a, SECRET_DENIED);
    secret_tried(a, SECRET_UNDECIDED); // its link is closed
    cr_expect_eq(secret_try(a), SECRET_REFUSED, "the server has changed its mind");
    cr_expect(secret_is_refused(a) && !secret_is_refused(other));
    expect_list(
        v, "fred caching_sha2_password refused 0 1; fred caching_sha2_password password 1 1; ");
    vault_forgive(v);
    cr_expect_not(secret_is_refused(a));
    cr_expect_eq(secret_try(a), SECRET_TRIAL);
    secret_unref(a);
    secret_unref(other);
    vault_free(v);
}

Test(vault, a_resolved_proof_shares_its_trial)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *waits = fast(v, "fred", "secret", scramble);
    cr_expect_not(secret_is_refused(waits));
    struct secret *known = password(v, "fred", "secret");
    cr_expect_eq(secret_try(waits), SECRET_TRIAL);
    cr_expect_eq(secret_try(known), SECRET_WAIT);
    secret_tried(waits, SECRET_DENIED);
    cr_expect(secret_is_refused(waits) && secret_is_refused(known));
    secret_unref(waits);
    secret_unref(known);
    vault_free(v);
}

// --- learning goes off and on -------------------------------------------------------------------

Test(vault, everything_is_forgotten)
{
    struct vault *v = open_vault(64 << 10);
    uint8_t answer[32];
    struct secret *waits = fast(v, "fred", "secret", scramble), *of;
    struct secret *known = password(v, "fred", "secret"),
                  *proof = native(v, "berta", "x", scramble);
    of = waits;
    secret_unref(password(v, "fred", "idle"));
    secret_unref(password(v, "carl", "idle"));
    set_hash(v, "dora", "x");
    vault_set_learning(v, false);
    cr_expect(!secret_is_known(known) && !secret_is_known(of) && !secret_is_known(proof));
    cr_expect_not(secret_fast(of, scramble, answer));
    cr_expect_not(secret_native(known, scramble, answer));
    struct secret *late = password(v, "fred", "secret"); // a login that was under way
    cr_expect_not(secret_is_known(late));
    secret_unref(late);
    set_hash(v, "berta", "x");
    cr_expect_not(secret_is_known(proof), "what has gone is not explained any more");
    vault_set_learning(v, true);
    struct secret *anew = password(v, "fred", "secret");
    cr_expect(secret_is_known(anew) && !secret_is_known(known) && !secret_is_known(of));
    const char *user = "fred", *text = "configured";
    vault_configure(v, &user, &text, 1);
    cr_expect_not(secret_is_known(known), "it had another password, perhaps");
    secret_unref(of);
    secret_unref(known);
    secret_unref(proof);
    secret_unref(anew);
    vault_free(v);
}

Test(vault, empty_passwords)
{
    struct vault *v = open_vault(64 << 10);
    uint8_t answer[32];
    struct secret *a = password(v, "fred", ""), *b = password(v, "fred", "");
    cr_expect_eq(a, b);
    cr_expect(secret_is_known(a));
    cr_expect(secret_is_empty(a));
    expect_secret(a, "");
    cr_expect_not(secret_native(a, scramble, answer));
    cr_expect_not(secret_fast(a, scramble, answer));
    expect_list(v, "fred caching_sha2_password empty 1 2; ");
    struct secret *c = fast(v, "fred", "x", scramble), *d = native(v, "fred", "x", scramble);
    cr_expect_not(secret_is_known(c));
    cr_expect_not(secret_is_known(d));
    secret_unref(a);
    secret_unref(b);
    secret_unref(c);
    secret_unref(d);
    vault_free(v);
}

Test(vault, the_configuration_knows)
{
    struct vault *v = open_vault(64 << 10);
    const char *users[] = {"fred", "barney"}, *passwords[] = {"secret", "x"};
    struct secret *a = vault_learn_nothing(v, text("fred"), "client_ed25519");
    struct secret *b = native(v, "fred", "secret", scramble);
    struct secret *c = native(v, "fred", "another", scramble);
    cr_expect_eq(a, vault_learn_nothing(v, text("fred"), "client_ed25519"), "shared");
    secret_unref(a);
    cr_expect_not(secret_is_known(a));
    vault_configure(v, users, passwords, 2);
    expect_secret(a, "secret");
    expect_secret(b, "secret");
    cr_expect_not(secret_is_known(c));
    struct secret *d = vault_learn_nothing(v, text("fred"), "parsec");
    expect_secret(d, "secret");
    expect_list(v, "barney  configured 1 0; fred parsec configured 1 3; "
                   "fred mysql_native_password unknown 0 1; ");
    passwords[0] = "changed";
    vault_configure(v, users, passwords, 1);
    struct secret *e = vault_learn_nothing(v, text("fred"), "parsec");
    expect_secret(e, "changed");
    expect_secret(d, "secret");
    expect_list(v, "barney  password 1 0; fred parsec password 1 3; fred parsec configured 1 1; "
                   "fred mysql_native_password unknown 0 1; ");
    vault_configure(v, NULL, NULL, 0);
    struct secret *f = vault_learn_nothing(v, text("fred"), "parsec");
    cr_expect_not(secret_is_known(f));
    struct secret *all[] = {a, b, c, d, e, f};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        secret_unref(all[i]);
    vault_free(v);
}

Test(vault, an_unknown_account_stays_to_be_seen)
{
    struct vault *v = open_vault(64 << 10);
    struct secret *a = fast(v, "fred", "secret", scramble);
    struct secret *b = fast(v, "fred", "secret", other_scramble);
    secret_unref(a);
    secret_unref(b);
    expect_list(v, "fred caching_sha2_password unknown 0 0; ");
    struct secret *c = password(v, "fred", "secret");
    expect_list(v, "fred caching_sha2_password password 1 1; ");
    secret_unref(c);
    vault_free(v);
}

Test(vault, full_memory_makes_unknown_secrets)
{
    enum { COUNT = 3000 };
    static struct secret *all[COUNT];
    struct vault *v = open_vault(32 << 10);
    char name[32];
    int known = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "user%d", i);
        all[i] = password(v, name, "secret");
        known += secret_is_known(all[i]);
    }
    cr_expect(known > 100 && known < COUNT, "%d", known);
    struct secret *one = native(v, "fred", "x", scramble), *two = fast(v, "fred", "x", scramble);
    cr_expect_not(secret_is_known(one));
    cr_expect_not(secret_is_known(two));
    for (int i = 0; i < COUNT; i++)
        secret_unref(all[i]);
    struct secret *last = password(v, "fred", "secret");
    cr_expect(secret_is_known(last), "idle ones have made room");
    secret_unref(one);
    secret_unref(two);
    secret_unref(last);
    vault_free(v);
}

Test(vault, too_long_a_password)
{
    struct vault *v = open_vault(256 << 10);
    char *large = mem_zalloc(5001);
    memset(large, 'x', 5000);
    struct secret *s = password(v, "fred", large);
    cr_expect_not(secret_is_known(s));
    secret_unref(s);
    large[4000] = '\0';
    s = password(v, "fred", large);
    cr_expect(secret_is_known(s));
    secret_unref(s);
    mem_free(large);
    vault_free(v);
}

static void count_row(void *arg, const struct vault_row *row)
{
    (void)row;
    ++*(int *)arg;
}

Test(vault, idle_secrets_are_bounded)
{
    struct vault *v = open_vault(1 << 20);
    char name[32];
    int rows = 0;
    for (int i = 0; i < 6000; i++) {
        snprintf(name, sizeof name, "user%d", i);
        secret_unref(password(v, name, ""));
    }
    vault_list(v, count_row, &rows);
    cr_expect_eq(rows, 4096);
    vault_free(v);
}

// The line "VmFlags:" of the mapping that holds `p`.
static void mapping_flags(const void *p, char *flags, size_t size)
{
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[512];
    bool inside = false;
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long begin, end;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
            inside = (unsigned long)p >= begin && (unsigned long)p < end;
        if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", line);
    }
    fclose(f);
}

Test(vault, secret_memory_is_in_no_core_dump)
{
    struct vault *v = open_vault(64 << 10);
    char flags[512] = "";
    void *p = secure_alloc(20);
    cr_assert_not_null(p);
    mapping_flags(p, flags, sizeof flags);
    cr_expect_not_null(strstr(flags, " dd"), "%s", flags);
    secure_free(p);
    vault_free(v);
    cr_expect_null(secure_alloc(20), "there is none any more");
}

static void *one_worker(void *arg)
{
    struct vault *v = arg;
    for (int i = 0; i < 300; i++) {
        struct secret *s[] = {fast(v, "fred", "secret", scramble),
                              native(v, "fred", i % 3 == 0 ? "other" : "secret", scramble),
                              password(v, "fred", "secret"),
                              vault_learn_nothing(v, text("wilma"), "parsec")};
        uint8_t answer[32];
        int rows = 0;
        cr_assert(secret_is_known(s[2]));
        cr_assert(secret_fast(s[2], scramble, answer));
        vault_list(v, count_row, &rows);
        for (size_t k = 0; k < 4; k++)
            secret_unref(s[k]);
    }
    return NULL;
}

Test(vault, many_threads)
{
    struct vault *v = open_vault(64 << 10);
    const char *user = "wilma", *word = "x";
    pthread_t t[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&t[i], NULL, one_worker, v), 0);
    for (int i = 0; i < 100; i++) {
        set_hash(v, "fred", "other");
        vault_configure(v, &user, &word, i % 2);
        (void)vault_wants_hashes(v);
    }
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    vault_free(v);
}
