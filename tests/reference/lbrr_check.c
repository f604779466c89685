/* Says what libopus itself finds in packets: framing, extensions, and where LBRR ends.
 *
 * Reads opus_demo's bitstream from standard input: for each packet its size and a number that is not used here (both
 * 32 bits, big-endian), then the packet. Prints a line for each:
 *
 *   bad                                    if opus_packet_parse_impl() refuses it; otherwise
 *   <sizes> <padding> <extensions> <ends>
 *
 * sizes: of the frames, separated by commas; padding: its size; extensions: identifier:frame:offset:size of each
 * payload, separated by commas, "none" or "bad"; ends: for each frame the eighths of bits that silk_Decode() has read
 * after it decoded all LBRR frames (FLAG_DECODE_LBRR), or "none" where there is no SILK layer or no frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "API.h"
#include "define.h"
#include "entdec.h"
#include "opus.h"
#include "opus_private.h"

#define MAX_BYTES 65536
#define MAX_FRAMES 48

static long big_endian(const unsigned char *b) { return ((long)b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3]; }

static void lbrr_end(void *decoder, const unsigned char *packet, unsigned char *frame, int size)
{
   static opus_res pcm[2 * 60 * 48];
   silk_DecControlStruct control;
   ec_dec coder;
   opus_int32 samples, done = 0;
   int configuration = packet[0] >> 3;
   int milliseconds = opus_packet_get_samples_per_frame(packet, 1000);
   if (configuration >= 16 || size <= 1) {
      printf("none");
      return;
   }
   memset(&control, 0, sizeof control);
   control.nChannelsInternal = packet[0] & 4 ? 2 : 1;
   control.nChannelsAPI = control.nChannelsInternal;
   control.internalSampleRate = configuration < 4 ? 8000 : configuration < 8 ? 12000 : 16000;
   control.API_sampleRate = control.internalSampleRate;
   control.payloadSize_ms = milliseconds;
   ec_dec_init(&coder, frame, size);
   while (done < milliseconds * control.API_sampleRate / 1000) {
      if (silk_Decode(decoder, &control, FLAG_DECODE_LBRR, done == 0, &coder, pcm, &samples, 0) != 0) exit(3);
      done += samples;
   }
   printf("%lu", (unsigned long)ec_tell_frac(&coder));
}

int main(void)
{
   static unsigned char data[MAX_BYTES];
   unsigned char head[8];
   opus_int size = 0;
   void *decoder;
   if (silk_Get_Decoder_Size(&size) != 0 || (decoder = calloc(1, size)) == NULL || silk_InitDecoder(decoder) != 0)
      return 2;
   while (fread(head, 1, 8, stdin) == 8) {
      const unsigned char *frames[MAX_FRAMES], *padding;
      opus_int16 sizes[MAX_FRAMES];
      opus_int32 padding_size, n = 1000;
      static opus_extension_data found[1000];
      long length = big_endian(head);
      int count, i;
      if (length > MAX_BYTES || (long)fread(data, 1, length, stdin) != length) return 4;
      count = opus_packet_parse_impl(data, length, 0, NULL, frames, sizes, NULL, NULL, &padding, &padding_size);
      if (count < 0) {
         puts("bad");
         continue;
      }
      for (i = 0; i < count; i++) printf("%s%d", i ? "," : "", sizes[i]);
      printf(" %d ", (int)padding_size);
      if (opus_packet_extensions_parse(padding, padding_size, found, &n, count) < 0) printf("bad");
      else if (n == 0) printf("none");
      else
         for (i = 0; i < n; i++)
            printf("%s%d:%d:%d:%d", i ? "," : "", found[i].id, found[i].frame, (int)(found[i].data - padding),
             (int)found[i].len);
      for (i = 0; i < count; i++) {
         printf("%s", i ? "," : " ");
         lbrr_end(decoder, data, (unsigned char *)frames[i], sizes[i]);
      }
      putchar('\n');
   }
   return 0;
}
