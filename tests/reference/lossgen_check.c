/* Says which packets libopus's own generator loses, given its random numbers.
 *
 * lossgen_check RATE < NUMBERS: reads 31-bit integers as text, one for each packet after the 1000 that the generator
 * skips at its beginning, those included; prints 0 or 1 for each of the packets after these.
 */
#include <stdio.h>
#include <stdlib.h>

static int next_number(void)
{
   int number;
   if (scanf("%d", &number) != 1) exit(0);
   return number;
}

#undef RAND_MAX
#define RAND_MAX 0x7fffffff
#define rand next_number
#include "lossgen.c"
#undef rand

int main(int argc, char **argv)
{
   static LossGenState state;
   float rate;
   if (argc != 2) return 2;
   rate = atof(argv[1]);
   lossgen_init(&state);
   for (;;) printf("%d\n", sample_loss(&state, rate));
}
