// What the socket server and its clients share.
#ifndef SLUICE_ADMIN_SERVER_INTERNAL_H
#define SLUICE_ADMIN_SERVER_INTERNAL_H

#include "admin/request.h"
#include "admin/server.h"
#include "net/listener.h"

#define CLIENTS_MAX 64

struct http;

struct admin {
    struct admin_context *context; // borrowed
    struct request_home home;
    struct events events;
    struct rates rates;
    struct role_scope scope;
    struct listener *listener;
    char socket_path[CONFIG_UNIX_PATH_MAX + 1];
    struct list clients;
    struct list leaving; // clients whose connection is being closed politely
    struct timer *tick;  // once a second: rates, and what changed by itself
    struct http *http;   // NULL: off
};

// Takes over an accepted socket.
void client_accept(struct admin *a, int fd);
// Drops it at once; its request is told that nobody waits.
void client_drop(struct list_node *node);
// The same for one that is on the list `leaving`.
void client_drop_leaving(struct list_node *node);

#endif
