// How the control plane reaches a backend: plain data, copied between threads.
#ifndef SLUICE_CONTROL_TARGET_H
#define SLUICE_CONTROL_TARGET_H

#include <stdbool.h>
#include <stdint.h>

enum control_tls {
    CONTROL_TLS_DISABLED,
    CONTROL_TLS_PREFERRED,
    CONTROL_TLS_REQUIRED,
    CONTROL_TLS_VERIFY_CA,
    CONTROL_TLS_VERIFY_IDENTITY
};

struct control_target {
    char name[33];
    char host[256]; // name, address, or "" with `socket`
    uint16_t port;
    char socket[108];
    enum control_tls tls;
    char ca[256];             // PEM file; "": the system's trust store
    char cert[256], key[256]; // PEM files of a client certificate; "": none
    char user[81];
    char password[256]; // wiped when the copy is released
    int64_t timeout_ms; // connect, read and write
};

#endif
