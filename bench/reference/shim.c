/*
 * The interface that bench/codecs-reference.ts calls, over the C encoders of another SPICE server: one call per image, output
 * space handed over in pieces of 64 KiB as that server does. Another library can be measured in its place with
 * `npm run bench:codecs -- --reference PATH` if it exports the functions marked EXPORT here and keeps what is said at them.
 * Strides are bytes, rows come top row first unless topDown is 0. No function keeps memory that it was given, but
 * for what ref_glz_encode says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <common/log.h>
#include <common/lz.h>
#include <common/quic.h>

#include "glz-encoder-dict.h"
#include "glz-encoder.h"

#define PIECE_BYTES 65536
#define EXPORT __attribute__((visibility("default")))

/* What is left of the output, and where to go when a coder gives up. */
typedef struct {
    uint8_t *at;
    uint8_t *end;
    jmp_buf failed;
} Call;

static _Thread_local Call call;

static uint32_t nextPiece(void)
{
    size_t left = (size_t)(call.end - call.at) & ~(size_t)3;
    return left < PIECE_BYTES ? (uint32_t)left : PIECE_BYTES;
}

static int morePieces(uint8_t **piece)
{
    uint32_t bytes = nextPiece();
    *piece = call.at;
    call.at += bytes;
    return (int)bytes;
}

static uint32_t startCall(uint8_t *out, uint32_t room)
{
    uint32_t bytes;
    call.at = out;
    call.end = out + room;
    bytes = nextPiece();
    call.at += bytes;
    return bytes;
}

static void complain(const char *format, va_list values)
{
    if (getenv("REFERENCE_VERBOSE") != NULL) {
        vfprintf(stderr, format, values);
        fputc('\n', stderr);
    }
}

/* What the coders call when they find themselves broken. */
void spice_log(GLogLevelFlags level, const char *place, const char *function, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    complain(format, values);
    va_end(values);
    if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0) {
        fprintf(stderr, "%s: %s\n", place, function);
        abort();
    }
}

/* One of each per coder: the callbacks differ in the type of their first argument only. */
#define CALLBACKS(prefix, Context)                                              \
    __attribute__((noreturn)) static void prefix##GiveUp(Context *context, const char *format, ...) \
    {                                                                           \
        va_list values;                                                         \
        (void)context;                                                          \
        va_start(values, format);                                               \
        complain(format, values);                                               \
        va_end(values);                                                         \
        longjmp(call.failed, 1);                                                \
    }                                                                           \
    static void prefix##Ignore(Context *context, const char *format, ...)       \
    {                                                                           \
        (void)context;                                                          \
        (void)format;                                                           \
    }                                                                           \
    static void *prefix##Allocate(Context *context, int size)                   \
    {                                                                           \
        void *memory = malloc((size_t)size);                                    \
        (void)context;                                                          \
        if (memory == NULL) {                                                   \
            abort();                                                            \
        }                                                                       \
        return memory;                                                          \
    }                                                                           \
    static void prefix##Release(Context *context, void *memory)                 \
    {                                                                           \
        (void)context;                                                          \
        free(memory);                                                           \
    }                                                                           \
    static int prefix##NoLines(Context *context, uint8_t **lines)              \
    {                                                                           \
        (void)context;                                                          \
        (void)lines;                                                            \
        return 0;                                                               \
    }

CALLBACKS(quic, QuicUsrContext)
CALLBACKS(lz, LzUsrContext)
CALLBACKS(glz, GlzEncoderUsrContext)

static int quicSpace(QuicUsrContext *context, uint32_t **piece, int rows)
{
    (void)context;
    (void)rows;
    return morePieces((uint8_t **)piece) / 4;
}

static int lzSpace(LzUsrContext *context, uint8_t **piece)
{
    (void)context;
    return morePieces(piece);
}

static int glzSpace(GlzEncoderUsrContext *context, uint8_t **piece)
{
    (void)context;
    return morePieces(piece);
}

static void glzForget(GlzEncoderUsrContext *context, GlzUsrImageContext *image)
{
    (void)context;
    (void)image;
}

static QuicUsrContext quicContext = {
    .error = quicGiveUp,
    .warn = quicIgnore,
    .info = quicIgnore,
    .malloc = quicAllocate,
    .free = quicRelease,
    .more_space = quicSpace,
    .more_lines = quicNoLines,
};

static LzUsrContext lzContext = {
    .error = lzGiveUp,
    .warn = lzIgnore,
    .info = lzIgnore,
    .malloc = lzAllocate,
    .free = lzRelease,
    .more_space = lzSpace,
    .more_lines = lzNoLines,
};

static GlzEncoderUsrContext glzContext = {
    .error = glzGiveUp,
    .warn = glzIgnore,
    .info = glzIgnore,
    .malloc = glzAllocate,
    .free = glzRelease,
    .more_lines = glzNoLines,
    .more_space = glzSpace,
    .free_image = glzForget,
};

static QuicContext *quicCoder(void)
{
    static _Thread_local QuicContext *coder;
    return coder != NULL ? coder : (coder = quic_create(&quicContext));
}

static LzContext *lzCoder(void)
{
    static _Thread_local LzContext *coder;
    return coder != NULL ? coder : (coder = lz_create(&lzContext));
}

/* type: the number in a QUIC header. Bytes written, or -1. */
EXPORT int32_t ref_quic_encode(int32_t type, int32_t width, int32_t height, int32_t stride, const uint8_t *pixels,
                               uint8_t *out, uint32_t room)
{
    uint32_t first = startCall(out, room);
    int words;
    if (setjmp(call.failed) != 0) {
        return -1;
    }
    words = quic_encode(quicCoder(), (QuicImageType)type, width, height, (uint8_t *)pixels, (unsigned)height, stride,
                        (uint32_t *)out, first / 4);
    return words < 0 ? -1 : words * 4;
}

/* Decodes to `type`, rows `stride` apart. 0, or -1 for a stream that is not a whole image of this size. */
EXPORT int32_t ref_quic_decode(int32_t type, int32_t width, int32_t height, int32_t stride, const uint8_t *coded,
                               uint32_t size, uint8_t *pixels)
{
    QuicImageType codedType;
    int codedWidth;
    int codedHeight;
    startCall(pixels, 0);
    if (setjmp(call.failed) != 0) {
        return -1;
    }
    if (quic_decode_begin(quicCoder(), (uint32_t *)coded, size / 4, &codedType, &codedWidth, &codedHeight) != QUIC_OK ||
        codedWidth != width || codedHeight != height) {
        return -1;
    }
    return quic_decode(quicCoder(), (QuicImageType)type, pixels, stride) == QUIC_OK ? 0 : -1;
}

/* type: the number in an LZ header; rows packed. Bytes written, or -1. */
EXPORT int32_t ref_lz_encode(int32_t type, int32_t width, int32_t height, int32_t stride, int32_t topDown,
                             const uint8_t *pixels, uint8_t *out, uint32_t room)
{
    uint32_t first = startCall(out, room);
    if (setjmp(call.failed) != 0) {
        return -1;
    }
    return lz_encode(lzCoder(), (LzImageType)type, width, height, topDown, (uint8_t *)pixels, (unsigned)height, stride,
                     out, first);
}

/* Decodes to `type`, rows packed. 0, or -1 for a stream that is not a whole image of this size. */
EXPORT int32_t ref_lz_decode(int32_t type, int32_t width, int32_t height, const uint8_t *coded, uint32_t size,
                             uint8_t *pixels)
{
    LzImageType codedType;
    int codedWidth;
    int codedHeight;
    int units;
    int topDown;
    startCall(pixels, 0);
    if (setjmp(call.failed) != 0) {
        return -1;
    }
    lz_decode_begin(lzCoder(), (uint8_t *)coded, size, &codedType, &codedWidth, &codedHeight, &units, &topDown, NULL);
    if (codedWidth != width || codedHeight != height) {
        return -1;
    }
    lz_decode(lzCoder(), (LzImageType)type, pixels);
    return 0;
}

/* A dictionary with its one encoder. */
typedef struct {
    GlzEncDictContext *dictionary;
    GlzEncoderContext *coder;
} Glz;

/* window: pixels. NULL if it cannot be made. */
EXPORT void *ref_glz_new(uint32_t window)
{
    Glz *glz = calloc(1, sizeof(Glz));
    if (glz == NULL) {
        return NULL;
    }
    if (setjmp(call.failed) != 0) {
        free(glz);
        return NULL;
    }
    glz->dictionary = glz_enc_dictionary_create(window, 1, &glzContext);
    glz->coder = glz->dictionary == NULL ? NULL : glz_encoder_create(0, glz->dictionary, &glzContext);
    if (glz->coder == NULL) {
        free(glz);
        return NULL;
    }
    return glz;
}

/*
 * type: the number in a GLZ header; rows packed. The pixels must stay where they are, unchanged, until ref_glz_free: they
 * are what later images refer to. Bytes written, or -1, after which the dictionary is of no use.
 */
EXPORT int32_t ref_glz_encode(void *handle, int32_t type, int32_t width, int32_t height, int32_t stride, int32_t topDown,
                              const uint8_t *pixels, uint8_t *out, uint32_t room)
{
    Glz *glz = handle;
    GlzEncDictImageContext *image;
    uint32_t first = startCall(out, room);
    if (setjmp(call.failed) != 0) {
        return -1;
    }
    return glz_encode(glz->coder, (LzImageType)type, width, height, topDown, (uint8_t *)pixels, (unsigned)height, stride,
                      out, first, NULL, &image);
}

EXPORT void ref_glz_free(void *handle)
{
    Glz *glz = handle;
    if (glz == NULL) {
        return;
    }
    if (setjmp(call.failed) == 0) {
        glz_encoder_destroy(glz->coder);
        glz_enc_dictionary_destroy(glz->dictionary, &glzContext);
    }
    free(glz);
}
