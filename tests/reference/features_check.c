/* Says what libopus's own feature extraction makes of PCM, frame by frame.
 *
 * Called with the file of weights; reads 16-bit PCM of 16 kHz from standard input and writes 72 floats for each 160
 * samples: the 20 features, 16 prediction coefficients and the 36 values of the Burg cepstrum.
 */
#include <stdio.h>
#include <stdlib.h>

#include "freq.h"
#include "lpcnet.h"
#include "lpcnet_private.h"

#define MAX_WEIGHTS (64 << 20)

int main(int argc, char **argv)
{
   static LPCNetEncState encoder;
   opus_int16 pcm[FRAME_SIZE];
   FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
   unsigned char *weights = malloc(MAX_WEIGHTS);
   int size;
   if (file == NULL || weights == NULL) return 2;
   size = (int)fread(weights, 1, MAX_WEIGHTS, file);
   lpcnet_encoder_init(&encoder);
   if (lpcnet_encoder_load_model(&encoder, weights, size) != 0) return 3;
   while (fread(pcm, sizeof pcm[0], FRAME_SIZE, stdin) == FRAME_SIZE) {
      float features[NB_TOTAL_FEATURES], burg[2 * NB_BANDS], x[FRAME_SIZE];
      int i;
      for (i = 0; i < FRAME_SIZE; i++) x[i] = pcm[i];
      burg_cepstral_analysis(burg, x);
      lpcnet_compute_single_frame_features(&encoder, pcm, features, 0);
      fwrite(features, sizeof(float), NB_TOTAL_FEATURES, stdout);
      fwrite(burg, sizeof(float), 2 * NB_BANDS, stdout);
   }
   return 0;
}
