// CRC-32C against the vectors of RFC 3720 and the usual check value.
#include "base/crc32c.h"

#include <criterion/criterion.h>
#include <string.h>

Test(crc32c, known_values)
{
    uint8_t bytes[32];
    cr_expect_eq(crc32c("", 0), 0);
    cr_expect_eq(crc32c("123456789", 9), 0xE3069283u);
    memset(bytes, 0, sizeof bytes);
    cr_expect_eq(crc32c(bytes, sizeof bytes), 0x8A9136AAu);
    memset(bytes, 0xFF, sizeof bytes);
    cr_expect_eq(crc32c(bytes, sizeof bytes), 0x62A8AB43u);
    for (uint8_t i = 0; i < sizeof bytes; i++)
        bytes[i] = i;
    cr_expect_eq(crc32c(bytes, sizeof bytes), 0x46DD794Eu);
}
