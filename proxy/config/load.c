// The way of a file into a snapshot: read, tree, fill, cross-check; any problem, and there is none.
#include "config/load.h"

#include <string.h>

#include "base/file.h"
#include "config/check.h"
#include "config/fill.h"

const struct config *config_load_text_all(const char *name, const char *text, size_t length,
                                          struct config_errors *errors)
{
    *errors = (struct config_errors){0};
    struct config_node *root = config_yaml_parse(name, text, length, errors);
    if (root == NULL)
        return NULL;
    struct config_store *s = config_store_new(name);
    config_fill(s, root, errors);
    config_cross_check(s, errors);
    config_node_free(root);
    if (errors->count == 0)
        return &s->config;
    config_unref(&s->config);
    return NULL;
}

const struct config *config_load_all(const char *path, struct config_errors *errors)
{
    struct buf text;
    struct sl_error why;
    *errors = (struct config_errors){0};
    buf_init(&text, CONFIG_FILE_MAX);
    const struct config *c = NULL;
    if (file_read(path, CONFIG_FILE_MAX, &text, &why) == SL_OK) {
        c = config_load_text_all(path, (const char *)text.p, text.n, errors);
    } else {
        // The text begins with the path, which is the place of the problem here.
        const char *reason = strstr(why.text, path) == why.text ? why.text + strlen(path) : NULL;
        const struct config_place at = {path, 0, 0, "(file)"};
        config_errors_add(errors, &at, "%s, expected a readable YAML file",
                          reason != NULL ? reason + strspn(reason, ": ") : why.text);
    }
    buf_wipe(&text);
    return c;
}

static const struct config *first_only(const struct config *c, struct config_errors *errors,
                                       struct sl_error *err)
{
    if (c == NULL)
        (void)config_errors_first(errors, err);
    config_errors_release(errors);
    return c;
}

const struct config *config_load_text(const char *name, const char *text, size_t length,
                                      struct sl_error *err)
{
    struct config_errors errors;
    return first_only(config_load_text_all(name, text, length, &errors), &errors, err);
}

const struct config *config_load(const char *path, struct sl_error *err)
{
    struct config_errors errors;
    return first_only(config_load_all(path, &errors), &errors, err);
}

const char *config_warning(const struct config *c, size_t index)
{
    const struct config_store *s = config_store_of(c);
    return index < s->warning_count ? s->warnings[index] : NULL;
}
