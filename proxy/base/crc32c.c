// CRC-32C bit by bit: it guards a few hundred bytes beside an fdatasync, so no table is worth it.
#include "base/crc32c.h"

#define POLYNOMIAL 0x82F63B78u // reflected

uint32_t crc32c(const void *p, size_t n)
{
    const uint8_t *bytes = p;
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
