// Functions that must not be called in sluice: each can write past its buffer or hide an error.
//
// The Makefile includes this file before every source of ours (-include). The functions are declared
// again as deprecated, which -Werror turns into an error in our code and which compilers do not report
// inside system headers; poisoning the names would break those. It comes before the system's own
// declarations and includes nothing, so that clang takes the attribute even where glibc has an inline body.
#ifndef SLUICE_BASE_BANNED_H
#define SLUICE_BASE_BANNED_H

#define SL_BANNED(instead) __attribute__((deprecated("banned in sluice, use " instead)))

char *strcpy(char *restrict to, const char *restrict from) SL_BANNED("memcpy or snprintf");
char *strcat(char *restrict to, const char *restrict from) SL_BANNED("base/buf.h or snprintf");
char *strncpy(char *restrict to, const char *restrict from, __SIZE_TYPE__ n)
    SL_BANNED("memcpy or snprintf");
char *strtok(char *restrict s, const char *restrict delimiters) SL_BANNED("strcspn or strtok_r");
int sprintf(char *restrict to, const char *restrict format, ...) SL_BANNED("snprintf");
int atoi(const char *s) SL_BANNED("strtol with its checks");

#endif
