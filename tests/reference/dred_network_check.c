/* Runs libopus's own DRED networks, as its AVX2 code does, and says what this processor's reciprocal is.
 *
 *   r              float32 from standard input, the approximate reciprocal of each to standard output
 *   e              steps of 40 features; to standard output for each 25 latents, then 50 numbers of state
 *   d STEPS        50 numbers of state and STEPS times 26 of latents; 80 features for each, to standard output
 *
 * The last argument may be a blob, whose weights then take the place of libopus's.
 */
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dred_rdovae_dec.h"
#include "dred_rdovae_enc.h"

static int reciprocals(void)
{
   float x[8], y[8];
   size_t n;
   while ((n = fread(x, sizeof *x, 8, stdin)) > 0) {
      _mm256_storeu_ps(y, _mm256_rcp_ps(_mm256_loadu_ps(x)));
      fwrite(y, sizeof *y, n, stdout);
   }
   return 0;
}

static const WeightArray *weights(const char *path, const WeightArray *own)
{
   WeightArray *list = NULL;
   static char data[1 << 24];
   FILE *file;
   if (path == NULL) return own;
   if ((file = fopen(path, "rb")) == NULL) exit(4);
   if (parse_weights(&list, data, fread(data, 1, sizeof data, file)) <= 0) exit(5);
   return list;
}

static int encode(const char *blob)
{
   static RDOVAEEnc model;
   static RDOVAEEncState state;
   float features[40], latents[DRED_LATENT_DIM], initial[DRED_STATE_DIM];
   if (init_rdovaeenc(&model, weights(blob, rdovaeenc_arrays)) != 0) return 2;
   while (fread(features, sizeof *features, 40, stdin) == 40) {
      dred_rdovae_encode_dframe(&state, &model, latents, initial, features, 0);
      fwrite(latents, sizeof *latents, DRED_LATENT_DIM, stdout);
      fwrite(initial, sizeof *initial, DRED_STATE_DIM, stdout);
   }
   return 0;
}

static int decode(int steps, const char *blob)
{
   static RDOVAEDec model;
   float initial[DRED_STATE_DIM];
   float *latents = malloc(sizeof(float) * steps * (DRED_LATENT_DIM + 1));
   float *features = malloc(sizeof(float) * steps * 4 * DRED_NUM_FEATURES);
   if (init_rdovaedec(&model, weights(blob, rdovaedec_arrays)) != 0) return 2;
   while (fread(initial, sizeof *initial, DRED_STATE_DIM, stdin) == DRED_STATE_DIM) {
      if (fread(latents, sizeof *latents, steps * (DRED_LATENT_DIM + 1), stdin) == 0) return 3;
      DRED_rdovae_decode_all(&model, features, initial, latents, steps, 0);
      fwrite(features, sizeof *features, steps * 4 * DRED_NUM_FEATURES, stdout);
   }
   return 0;
}

int main(int argc, char **argv)
{
   if (argv[1][0] == 'd') return decode(atoi(argv[2]), argv[3]);
   return argv[1][0] == 'r' ? reciprocals() : encode(argv[2]);
}
