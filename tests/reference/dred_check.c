/* Says what libopus itself reads out of the DRED of packets.
 *
 * Reads opus_demo's bitstream from standard input: for each packet its size and a number that is not used here (both
 * 32 bits, big-endian), then the packet. Writes for each, as 32-bit numbers of this machine: what opus_dred_parse()
 * returns for all that it can read, where the redundancy ends, the offset and the number of latent vectors; if there
 * are any, 50 floats of state, 26 for each latent vector, and 80 features for each, from opus_dred_process(). With
 * libopus 1.5 it is 19 floats of state and 21 for each latent vector.
 */
#include <stdio.h>
#include <string.h>

#include "dred_decoder.h"
#include "opus.h"

#define MAX_BYTES 65536
#define MAX_LATENTS (DRED_NUM_REDUNDANCY_FRAMES / 2)

int main(void)
{
   static unsigned char data[MAX_BYTES];
   unsigned char head[8];
   int error;
   OpusDREDDecoder *decoder = opus_dred_decoder_create(&error);
   OpusDRED *dred = opus_dred_alloc(&error);
   if (opus_dred_get_size() != (int)sizeof *dred) return 2;
   while (fread(head, 1, 8, stdin) == 8) {
      long length = ((long)head[0] << 24) | (head[1] << 16) | (head[2] << 8) | head[3];
      int end = 0, numbers[4];
      if (length > MAX_BYTES || (long)fread(data, 1, length, stdin) != length) return 3;
      memset(dred, 0, sizeof *dred);
      numbers[0] = opus_dred_parse(decoder, dred, data, length, 10 * 16000, 16000, &end, 1);
      numbers[1] = end;
      numbers[2] = dred->dred_offset;
      numbers[3] = dred->process_stage == 1 ? dred->nb_latents : 0;
      fwrite(numbers, sizeof *numbers, 4, stdout);
      if (numbers[3] == 0) continue;
      if (opus_dred_process(decoder, dred, dred) != OPUS_OK) return 4;
      fwrite(dred->state, sizeof(float), DRED_STATE_DIM, stdout);
      fwrite(dred->latents, sizeof(float), numbers[3] * (sizeof dred->latents / sizeof(float) / MAX_LATENTS), stdout);
      fwrite(dred->fec_features, sizeof(float), numbers[3] * 4 * DRED_NUM_FEATURES, stdout);
   }
   return 0;
}
