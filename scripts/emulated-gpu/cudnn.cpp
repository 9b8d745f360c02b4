// libcudnn: the convolutions of its older interface, on channels-last maps of f32 or bfloat16. With EMULATED_CUDNN=refuses
// it has no kernels for them, with EMULATED_CUDNN=fails every run fails, as where a GPU has no kernel after all.
#include "counts.hpp"
#include "memory.hpp"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <atomic>
#include <vector>

namespace {
enum { SUCCESS = 0, BAD_PARAM = 3, EXECUTION_FAILED = 8, NOT_SUPPORTED = 9 };
enum { SINGLE = 0, BFLOAT16 = 9, CHANNELS_LAST = 1, CROSS_CORRELATION = 1, ALGORITHM = 1 };
const size_t WORKSPACE = 1000;

// A map [images, channels, rows, columns] or weights [out, in, rows, columns]; of a convolution, padding and stride.
struct Descriptor {
    int size[4], type;
    size_t len() const { return (size_t)size[0] * size[1] * size[2] * size[3]; }
    size_t bytes() const { return len() * (type == SINGLE ? 4 : 2); }
};
struct Operand {
    const Descriptor& of;
    void* data;
    float get(size_t i) const {
        if (of.type == SINGLE) return ((float*)data)[i];
        uint32_t bits = (uint32_t)((uint16_t*)data)[i] << 16;
        float value;
        memcpy(&value, &bits, 4);
        return value;
    }
    void set(size_t i, float value) const {
        uint32_t bits;
        memcpy(&bits, &value, 4);
        if (of.type == SINGLE) ((float*)data)[i] = value;
        else ((uint16_t*)data)[i] = value != value ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }
};

// A handle is for one thread at a time.
std::atomic<int> calls;
struct Call {
    Call() {
        if (calls++) fprintf(stderr, "emulated GPU: two calls with one handle of cuDNN at once\n"), abort();
    }
    ~Call() { calls--; }
};

bool fit(const Descriptor& x, const Descriptor& w, const Descriptor& c, const Descriptor& y) {
    bool sizes = x.size[0] == y.size[0] && x.size[1] == w.size[1] && y.size[1] == w.size[0];
    for (int a = 0; a < 2; a++)
        sizes &= y.size[2 + a] == (x.size[2 + a] + 2 * c.size[a] - w.size[2 + a]) / c.size[2 + a] + 1;
    return sizes && x.type == w.type && x.type == y.type;
}

// Visits every multiplication: where its value of the input, the weights and the output stands.
template <class F>
void visit(const Descriptor& x, const Descriptor& w, const Descriptor& c, const Descriptor& y, F multiply) {
    for (int image = 0; image < y.size[0]; image++)
        for (int at = 0; at < y.size[2] * y.size[3]; at++)
            for (int tap = 0; tap < w.size[2] * w.size[3]; tap++) {
                int row = at / y.size[3] * c.size[2] + tap / w.size[3] - c.size[0];
                int column = at % y.size[3] * c.size[3] + tap % w.size[3] - c.size[1];
                if (row < 0 || row >= x.size[2] || column < 0 || column >= x.size[3]) continue;
                size_t from = (((size_t)image * x.size[2] + row) * x.size[3] + column) * x.size[1];
                size_t to = ((size_t)image * y.size[2] * y.size[3] + at) * y.size[1];
                for (int o = 0; o < y.size[1]; o++)
                    for (int i = 0; i < x.size[1]; i++)
                        multiply(from + i, ((size_t)o * w.size[2] * w.size[3] + tap) * w.size[1] + i, to + o);
            }
}

// Which of the three is the result; the two others are operands.
enum Result { OUTPUT, WEIGHTS, INPUT };

bool asked_for(const char* how) {
    const char* asked = getenv("EMULATED_CUDNN");
    return asked && !strcmp(asked, how);
}

int run(Result which, Operand x, Operand w, const Descriptor& c, Operand y, int algorithm, void* workspace, size_t bytes,
        float kept) {
    Call call;
    if (!fit(x.of, w.of, c, y.of) || algorithm != ALGORITHM || bytes < WORKSPACE) return BAD_PARAM;
    if (asked_for("fails")) return EXECUTION_FAILED;
    count("convolution by cuDNN");
    for (const Operand& one : {x, w, y}) check_range(one.data, one.of.bytes(), "a convolution");
    check_range(workspace, bytes, "a workspace");
    memset(workspace, 0x55, bytes);
    const Operand& result = which == OUTPUT ? y : which == WEIGHTS ? w : x;
    std::vector<double> sums(result.of.len());
    visit(x.of, w.of, c, y.of, [&](size_t in, size_t weight, size_t out) {
        if (which == OUTPUT) sums[out] += (double)x.get(in) * w.get(weight);
        if (which == WEIGHTS) sums[weight] += (double)x.get(in) * y.get(out);
        if (which == INPUT) sums[in] += (double)w.get(weight) * y.get(out);
    });
    for (size_t i = 0; i < sums.size(); i++) result.set(i, kept == 0 ? sums[i] : sums[i] + kept * result.get(i));
    return SUCCESS;
}

int make(void** descriptor) { return *descriptor = new Descriptor(), SUCCESS; }
int describe(Descriptor* to, int format, int type, int a, int b, int c, int d) {
    if (format != CHANNELS_LAST || (type != SINGLE && type != BFLOAT16)) return NOT_SUPPORTED;
    *to = {{a, b, c, d}, type};
    return SUCCESS;
}
int workspace(Descriptor* x, Descriptor* w, Descriptor* c, Descriptor* y, int algorithm, size_t* bytes) {
    Call call;
    *bytes = WORKSPACE;
    if (asked_for("refuses")) return NOT_SUPPORTED;
    return algorithm != ALGORITHM ? NOT_SUPPORTED : fit(*x, *w, *c, *y) ? SUCCESS : BAD_PARAM;
}
}  // namespace

extern "C" {
size_t cudnnGetVersion() { return 90000; }
const char* cudnnGetErrorString(int status) {
    return status == EXECUTION_FAILED ? "CUDNN_STATUS_EXECUTION_FAILED"
           : status == NOT_SUPPORTED  ? "CUDNN_STATUS_NOT_SUPPORTED"
                                      : "CUDNN_STATUS_BAD_PARAM";
}
int cudnnCreate(void** handle) { return *handle = new int, SUCCESS; }
int cudnnSetStream(void*, void*) { return SUCCESS; }
int cudnnCreateTensorDescriptor(void** made) { return make(made); }
int cudnnCreateFilterDescriptor(void** made) { return make(made); }
int cudnnCreateConvolutionDescriptor(void** made) { return make(made); }
int cudnnSetTensor4dDescriptor(Descriptor* to, int format, int type, int n, int c, int h, int w) {
    return describe(to, format, type, n, c, h, w);
}
int cudnnSetFilter4dDescriptor(Descriptor* to, int type, int format, int k, int c, int h, int w) {
    return describe(to, format, type, k, c, h, w);
}
int cudnnSetConvolution2dDescriptor(Descriptor* to, int pad_y, int pad_x, int step_y, int step_x, int wide_y, int wide_x,
                                    int mode, int type) {
    if (mode != CROSS_CORRELATION || type != SINGLE || wide_y != 1 || wide_x != 1) return NOT_SUPPORTED;
    *to = {{pad_y, pad_x, step_y, step_x}, type};
    return SUCCESS;
}
int cudnnSetConvolutionMathType(Descriptor*, int math) { return math >= 0 && math <= 3 ? SUCCESS : BAD_PARAM; }

int cudnnGetConvolutionForwardWorkspaceSize(void*, Descriptor* x, Descriptor* w, Descriptor* c, Descriptor* y, int algorithm,
                                            size_t* bytes) {
    return workspace(x, w, c, y, algorithm, bytes);
}
int cudnnGetConvolutionBackwardFilterWorkspaceSize(void*, Descriptor* x, Descriptor* dy, Descriptor* c, Descriptor* dw,
                                                   int algorithm, size_t* bytes) {
    return workspace(x, dw, c, dy, algorithm, bytes);
}
int cudnnGetConvolutionBackwardDataWorkspaceSize(void*, Descriptor* w, Descriptor* dy, Descriptor* c, Descriptor* dx,
                                                 int algorithm, size_t* bytes) {
    return workspace(dx, w, c, dy, algorithm, bytes);
}
int cudnnConvolutionForward(void*, float*, Descriptor* x, void* at_x, Descriptor* w, void* at_w, Descriptor* c, int algorithm,
                            void* workspace, size_t bytes, float* kept, Descriptor* y, void* at_y) {
    return run(OUTPUT, {*x, at_x}, {*w, at_w}, *c, {*y, at_y}, algorithm, workspace, bytes, *kept);
}
int cudnnConvolutionBackwardFilter(void*, float*, Descriptor* x, void* at_x, Descriptor* dy, void* at_dy, Descriptor* c,
                                   int algorithm, void* workspace, size_t bytes, float* kept, Descriptor* dw, void* at_dw) {
    return run(WEIGHTS, {*x, at_x}, {*dw, at_dw}, *c, {*dy, at_dy}, algorithm, workspace, bytes, *kept);
}
int cudnnConvolutionBackwardData(void*, float*, Descriptor* w, void* at_w, Descriptor* dy, void* at_dy, Descriptor* c,
                                 int algorithm, void* workspace, size_t bytes, float* kept, Descriptor* dx, void* at_dx) {
    return run(INPUT, {*dx, at_dx}, {*w, at_w}, *c, {*dy, at_dy}, algorithm, workspace, bytes, *kept);
}
}
