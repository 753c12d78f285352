// Control targets from the configuration.
#include "targets.h"

#include <string.h>

#include "base/text.h"
#include "config/load.h"

static void make_target(const struct config *c, const struct config_backend *b,
                        const struct config_secret *password, struct control_target *out)
{
    memset(out, 0, sizeof *out);
    text_copy(out->name, sizeof out->name, b->name);
    if (b->address.kind == CONFIG_ADDRESS_UNIX)
        text_copy(out->socket, sizeof out->socket, b->address.path);
    else
        text_copy(out->host, sizeof out->host, b->address.host);
    out->port = b->address.port;
    out->tls = (enum control_tls)b->tls.mode;
    text_copy(out->ca, sizeof out->ca, b->tls.ca != NULL ? b->tls.ca : "");
    text_copy(out->cert, sizeof out->cert, b->tls.cert != NULL ? b->tls.cert : "");
    text_copy(out->key, sizeof out->key, b->tls.key != NULL ? b->tls.key : "");
    text_copy(out->user, sizeof out->user, c->control.user != NULL ? c->control.user : "");
    text_copy(out->password, sizeof out->password, password->text);
    out->timeout_ms = c->connect_timeout_ms;
}

enum sl_code targets_make(const struct config *c, struct control_target *out, struct sl_error *err)
{
    struct config_secret password = {0};
    if (c->control.user != NULL) {
        enum sl_code code = config_login_secret(&c->control, &password, err);
        if (code != SL_OK)
            return code;
    }
    for (size_t i = 0; i < c->backends.count; i++)
        make_target(c, &c->backends.items[i], &password, &out[i]);
    config_secret_wipe(&password);
    return SL_OK;
}
