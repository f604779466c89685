/* libopus decoding with its neural concealment taken from outside.

Linked with libopus's own objects and `-Wl,--wrap` for the two calls that tell the concealment network what was
played and ask it for more (testbed/codecs/opus/build.py). While frames are replayed, what is asked for was
prepared, and what is told is written down; the network itself rests. All else is libopus as it is. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "opus.h"

#define STEP 160 /* samples of one call to the network: 10 ms at 16 kHz */
#define EXPORT __attribute__((visibility("default")))

enum { DECODE, DECODE_LBRR }; /* as `Action` in codecs/recovery.py, where all higher numbers conceal */

int __real_lpcnet_plc_conceal(void *state, int16_t *pcm);
int __real_lpcnet_plc_update(void *state, int16_t *pcm);

static __thread int replaying, starved;
static __thread const int16_t *prepared, *prepared_end;
static __thread int16_t *heard, *heard_end;

static void write_down(const int16_t *pcm) {
  if (heard_end - heard >= STEP) {
    memcpy(heard, pcm, STEP * sizeof(*pcm));
    heard += STEP;
  }
}

int __wrap_lpcnet_plc_conceal(void *state, int16_t *pcm) {
  if (!replaying) return __real_lpcnet_plc_conceal(state, pcm);
  if (prepared_end - prepared >= STEP) {
    memcpy(pcm, prepared, STEP * sizeof(*pcm));
    prepared += STEP;
  } else {
    starved = 1;
    memset(pcm, 0, STEP * sizeof(*pcm));
  }
  write_down(pcm);
  return 0;
}

int __wrap_lpcnet_plc_update(void *state, int16_t *pcm) {
  if (!replaying) return __real_lpcnet_plc_update(state, pcm);
  write_down(pcm);
  return 0;
}

/* As opus_demo writes 24-bit samples, which these are but for their scale, to 16 bits. */
static int16_t to_int16(float value) {
  const long limit = 0x7fff00;
  long sample = lrintf(value * 8388608.f);
  if (sample > limit) sample = limit;
  if (sample < -limit) sample = -limit;
  return (int16_t)((sample + 128) >> 8);
}

/* Whether two frames differ by less than -30 dB, or by less than a bit. */
static int agree(const int16_t *one, const int16_t *other, int samples) {
  double difference = 0, energy = 0;
  for (int i = 0; i < samples; i++) {
    const double d = (double)one[i] - other[i];
    difference += d * d;
    energy += (double)other[i] * other[i];
  }
  return difference <= 1e-3 * energy + samples;
}

/* Decode frames one after another.

packets, sizes, actions: for each frame, the packet that its action needs, and the action.
given: 10 ms pieces of sound for the frames that are concealed, one after another, `given_samples` in all.
told: room for all that the network would have heard; *told_samples says how much that was.
clean, settle_from: once a frame from `settle_from` on agrees with the same frame of `clean`, decoding stops.
out: `frames * frame_samples` samples.

Returns how many frames were decoded, or libopus's error. */
EXPORT int testbed_replay(OpusDecoder *decoder, int frames, int frame_samples, const uint8_t *const *packets,
                          const int32_t *sizes, const uint8_t *actions, const int16_t *given,
                          int given_samples, int16_t *told, int *told_samples, const int16_t *clean,
                          int settle_from, int16_t *out) {
  float pcm[5760];
  int frame, result = 0;
  if (frame_samples <= 0 || frame_samples > (int)(sizeof(pcm) / sizeof(*pcm))) return OPUS_BAD_ARG;
  *told_samples = 0;
  replaying = 1;
  starved = 0;
  prepared = given;
  prepared_end = given + given_samples;
  heard = told;
  heard_end = told + (int64_t)frames * frame_samples;
  for (frame = 0; frame < frames; frame++) {
    int16_t *const now = out + (int64_t)frame * frame_samples;
    const int conceal = actions[frame] > DECODE_LBRR;
    result = opus_decode_float(decoder, conceal ? NULL : packets[frame], conceal ? 0 : sizes[frame], pcm,
                           frame_samples, actions[frame] == DECODE_LBRR);
    if (result != frame_samples) {
      if (result >= 0) result = OPUS_INVALID_PACKET;
      break;
    }
    for (int i = 0; i < frame_samples; i++) now[i] = to_int16(pcm[i]);
    if (frame >= settle_from && agree(now, clean + (int64_t)frame * frame_samples, frame_samples)) {
      frame++;
      break;
    }
  }
  *told_samples = (int)(heard - told);
  replaying = 0;
  if (starved) return OPUS_INTERNAL_ERROR; /* more was concealed than was given */
  return result < 0 ? result : frame;
}
