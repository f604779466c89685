/* Codes what it is told with libopus's own range coder.
 *
 * Reads a line for each stream: "e" or "d", for "d" the bytes in hexadecimal ("-" for none), then the symbols:
 *
 *   u:TOTAL:VALUE        ec_enc_uint / ec_dec_uint
 *   b:LOG:VALUE          ec_enc_bit_logp / ec_dec_bit_logp
 *   l:P0:DECAY:VALUE     ec_laplace_encode_p0 / ec_laplace_decode_p0
 *
 * of which the values do not matter to "d". Prints the stream's bytes ("e") or the symbols ("d"), and the bits used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entdec.h"
#include "entenc.h"
#include "laplace.h"

#define MAX_BYTES 65536

static char line[1 << 20];
static unsigned char data[MAX_BYTES];

static void encode(char *symbols)
{
   ec_enc coder;
   int size, i;
   char *word;
   ec_enc_init(&coder, data, MAX_BYTES);
   for (word = strtok(symbols, " \n"); word; word = strtok(NULL, " \n")) {
      int a = 0, b = 0, c = 0;
      sscanf(word + 1, ":%d:%d:%d", &a, &b, &c);
      if (*word == 'u') ec_enc_uint(&coder, b, a);
      else if (*word == 'b') ec_enc_bit_logp(&coder, b, a);
      else ec_laplace_encode_p0(&coder, c, a, b);
   }
   printf("%d ", ec_tell(&coder));
   size = (ec_tell(&coder) + 7) / 8;
   ec_enc_shrink(&coder, size);
   ec_enc_done(&coder);
   for (i = 0; i < size; i++) printf("%02x", data[i]);
   printf("\n");
}

static void decode(char *symbols)
{
   ec_dec coder;
   int size = 0;
   char *word = strtok(symbols, " \n");
   unsigned byte;
   if (*word != '-')
      for (; sscanf(word + 2 * size, "%2x", &byte) == 1; size++) data[size] = byte;
   ec_dec_init(&coder, data, size);
   for (word = strtok(NULL, " \n"); word; word = strtok(NULL, " \n")) {
      int a = 0, b = 0;
      sscanf(word + 1, ":%d:%d", &a, &b);
      if (*word == 'u') printf("%d ", (int)ec_dec_uint(&coder, a));
      else if (*word == 'b') printf("%d ", ec_dec_bit_logp(&coder, a));
      else printf("%d ", ec_laplace_decode_p0(&coder, a, b));
   }
   printf("%d\n", ec_tell(&coder));
}

int main(void)
{
   while (fgets(line, sizeof line, stdin)) {
      if (*line == 'e') encode(line + 1);
      else decode(line + 1);
   }
   return 0;
}
