// Runs a fuzz target on stored inputs: each argument is a file. The ordinary compiler suffices, so
// the corpus and every input that once failed are tried again by `make test`.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// A fuzz target may have a set-up of its own.
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

// Reads a file into memory of exactly its size, so that the sanitizer sees the first byte too many.
static uint8_t *read_whole(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    long end = ftell(f);
    rewind(f);
    *size = end > 0 ? (size_t)end : 0;
    uint8_t *data = malloc(*size > 0 ? *size : 1);
    if (data == NULL || fread(data, 1, *size, f) != *size) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return data;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    for (int i = 1; i < argc; i++) {
        size_t size = 0;
        uint8_t *data = read_whole(argv[i], &size);
        // The last line on standard error before a crash names the input.
        fprintf(stderr, "%s\n", argv[i]);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    return 0;
}
