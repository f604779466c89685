/* Lets libopus's own FARGAN go on from given PCM with given features.
 *
 * Called with the file of weights; reads jobs from standard input, each a 32-bit count of frames, 320 floats of past
 * PCM, 100 floats of the five feature vectors for it, and 20 floats for each frame. Writes 160 floats for each frame.
 * The state is new for the first job and goes on from one job to the next, as it does in libopus from gap to gap.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fargan.h"
#include "lpcnet_private.h"

#define MAX_WEIGHTS (64 << 20)

int main(int argc, char **argv)
{
   static FARGANState state;
   float past[FARGAN_CONT_SAMPLES], before[CONT_VECTORS * NB_FEATURES], features[NB_FEATURES], pcm[FARGAN_FRAME_SIZE];
   FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
   unsigned char *weights = malloc(MAX_WEIGHTS);
   int size, frames;
   if (file == NULL || weights == NULL) return 2;
   size = (int)fread(weights, 1, MAX_WEIGHTS, file);
   fargan_init(&state);
   if (fargan_load_model(&state, weights, size) != 0) return 3;
   while (fread(&frames, sizeof frames, 1, stdin) == 1) {
      if (fread(past, sizeof past, 1, stdin) != 1 || fread(before, sizeof before, 1, stdin) != 1) return 4;
      fargan_cont(&state, past, before);
      for (; frames > 0; frames--) {
         if (fread(features, sizeof features, 1, stdin) != 1) return 4;
         fargan_synthesize(&state, pcm, features);
         fwrite(pcm, sizeof pcm, 1, stdout);
      }
   }
   return 0;
}
