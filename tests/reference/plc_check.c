/* Lets libopus's own deep PLC conceal lost frames.
 *
 * Called with the file of weights; reads jobs from standard input, each a byte: '+' for a frame that was received,
 * then its 160 samples; '-' for a lost one; 'f' for a feature vector from redundancy, then its 20 floats; 's' for one
 * that is missing; 'c' to forget them. Writes for each lost frame its 160 samples of 16 bits, then the 20 floats that
 * it was made from.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lpcnet.h"
#include "lpcnet_private.h"

#define MAX_WEIGHTS (64 << 20)

int main(int argc, char **argv)
{
   static LPCNetPLCState state;
   opus_int16 pcm[FRAME_SIZE];
   float features[NB_FEATURES];
   FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
   unsigned char *weights = malloc(MAX_WEIGHTS);
   int size, what;
   if (file == NULL || weights == NULL) return 2;
   size = (int)fread(weights, 1, MAX_WEIGHTS, file);
   lpcnet_plc_init(&state);
   if (lpcnet_plc_load_model(&state, weights, size) != 0) return 3;
   while ((what = getchar()) != EOF) {
      switch (what) {
      case '+':
         if (fread(pcm, sizeof pcm, 1, stdin) != 1) return 4;
         lpcnet_plc_update(&state, pcm);
         break;
      case '-':
         lpcnet_plc_conceal(&state, pcm);
         fwrite(pcm, sizeof pcm, 1, stdout);
         fwrite(state.features, sizeof(float), NB_FEATURES, stdout);
         break;
      case 'f':
         if (fread(features, sizeof features, 1, stdin) != 1) return 4;
         lpcnet_plc_fec_add(&state, features);
         break;
      case 's':
         lpcnet_plc_fec_add(&state, NULL);
         break;
      case 'c':
         lpcnet_plc_fec_clear(&state);
         break;
      default:
         return 5;
      }
   }
   return 0;
}
