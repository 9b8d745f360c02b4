// libcublas: products of matrices, column by column, with sums in the type that is asked for. What cuBLAS does not
// accept is refused.
#include "counts.hpp"
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <algorithm>
#include <vector>

namespace {
enum { SUCCESS = 0, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum Type { SINGLE = 0, DOUBLE = 1, BFLOAT16 = 14 };
enum Compute { COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77, COMPUTE_64F = 70 };

uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}
float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
// To the nearest value whose last `dropped` bits are 0, ties to even; what is not finite stays.
float rounded(float value, int dropped) {
    if (!std::isfinite(value)) return value;
    uint32_t bits = bits_of(value), half = (1u << (dropped - 1)) - 1;
    return from_bits((bits + half + ((bits >> dropped) & 1)) >> dropped << dropped);
}

struct Matrix {
    void* data;
    Type type;
    long row, column;  // steps between neighbours

    double get(long i, long j) const {
        long at = i * row + j * column;
        if (type == DOUBLE) return ((double*)data)[at];
        return type == SINGLE ? ((float*)data)[at] : from_bits((uint32_t)((uint16_t*)data)[at] << 16);
    }
    void set(long i, long j, double value) const {
        long at = i * row + j * column;
        if (type == DOUBLE) ((double*)data)[at] = value;
        else if (type == SINGLE) ((float*)data)[at] = value;
        else ((uint16_t*)data)[at] = bits_of(rounded(value, 16)) >> 16;
    }
};

struct Product {
    long m, n, k;
    double alpha, beta;
    bool tf32;
};

// Runs of `width` rows or columns, each with its k values one after the other; past the end, zeros.
template <class T> std::vector<T> pack(const Matrix& from, long count, long k, long width, bool columns, bool tf32) {
    std::vector<T> to((count + width - 1) / width * width * k);
    for (long i = 0; i < count; i++)
        for (long p = 0; p < k; p++) {
            T value = columns ? from.get(p, i) : from.get(i, p);
            to[(i / width * k + p) * width + i % width] = tf32 ? rounded(value, 13) : value;
        }
    return to;
}

template <class T> void multiply(const Product& p, const Matrix& a, const Matrix& b, const Matrix& c) {
    const long HIGH = 64 / sizeof(T), WIDE = 6;
    typedef T Run __attribute__((vector_size(64), aligned(sizeof(T))));
    std::vector<T> packed_a = pack<T>(a, p.m, p.k, HIGH, false, p.tf32), packed_b = pack<T>(b, p.n, p.k, WIDE, true, p.tf32);
    for (long j = 0; j < p.n; j += WIDE)
        for (long i = 0; i < p.m; i += HIGH) {
            Run sums[WIDE] = {};
            const T *from_a = &packed_a[i * p.k], *from_b = &packed_b[j * p.k];
            for (long at = 0; at < p.k; at++, from_a += HIGH, from_b += WIDE)
                for (long column = 0; column < WIDE; column++) sums[column] += *(const Run*)from_a * from_b[column];
            for (long y = j; y < std::min(j + WIDE, p.n); y++)
                for (long x = i; x < std::min(i + HIGH, p.m); x++)
                    c.set(x, y, p.alpha * sums[y - j][x - i] + (p.beta == 0 ? 0 : p.beta * c.get(x, y)));
        }
}

Matrix operand(const void* data, Type type, bool transposed, long leading) {
    return {(void*)data, type, transposed ? leading : 1, transposed ? 1 : leading};
}

size_t bytes(Type type) { return type == DOUBLE ? 8 : type == SINGLE ? 4 : 2; }

int gemm(int ta, int tb, int m, int n, int k, const void* alpha, const void* a, Type type_a, int lda, long step_a,
         const void* b, Type type_b, int ldb, long step_b, const void* beta, void* c, Type type_c, int ldc, long step_c,
         int batch, int compute) {
    bool doubles = type_a == DOUBLE;
    if (m < 0 || n < 0 || k < 0 || batch < 0) return INVALID_VALUE;
    if (lda < std::max(1, ta ? k : m) || ldb < std::max(1, tb ? n : k) || ldc < std::max(1, m)) return INVALID_VALUE;
    bool known = type_a == type_b && (type_c == type_a || (type_a == BFLOAT16 && type_c == SINGLE));
    bool tf32 = compute == COMPUTE_32F_FAST_TF32;
    if (!known || compute != (doubles ? COMPUTE_64F : tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F)) return NOT_SUPPORTED;
    if (tf32 && type_a != SINGLE) return NOT_SUPPORTED;
    count("product by cuBLAS");
    Product p = {m, n, k, doubles ? *(double*)alpha : *(float*)alpha, doubles ? *(double*)beta : *(float*)beta, tf32};
    for (long i = 0; i < batch; i++) {
        Matrix at_a = operand((char*)a + i * step_a * bytes(type_a), type_a, ta, lda);
        Matrix at_b = operand((char*)b + i * step_b * bytes(type_b), type_b, tb, ldb);
        Matrix at_c = operand((char*)c + i * step_c * bytes(type_c), type_c, false, ldc);
        doubles ? multiply<double>(p, at_a, at_b, at_c) : multiply<float>(p, at_a, at_b, at_c);
    }
    return SUCCESS;
}

template <class T> int gemv(Type type, int t, int m, int n, const T* alpha, const T* a, int lda, const T* x, int step_x,
                            const T* beta, T* y, int step_y) {
    if (m < 0 || n < 0 || lda < std::max(1, m) || step_x <= 0 || step_y <= 0) return INVALID_VALUE;
    Product p = {t ? n : m, 1, t ? m : n, *alpha, *beta, false};
    multiply<T>(p, operand(a, type, t, lda), operand(x, type, true, step_x), operand(y, type, true, step_y));
    return SUCCESS;
}
}  // namespace

extern "C" {
int cublasCreate_v2(void** handle) { return *handle = new int, SUCCESS; }
int cublasDestroy_v2(void* handle) { return delete (int*)handle, SUCCESS; }
int cublasSetStream_v2(void*, void*) { return SUCCESS; }

int cublasGemmEx(void*, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, Type type_a, int lda,
                 const void* b, Type type_b, int ldb, const void* beta, void* c, Type type_c, int ldc, int compute, int) {
    return gemm(ta, tb, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1, compute);
}
int cublasGemmStridedBatchedEx(void*, int ta, int tb, int m, int n, int k, const void* alpha, const void* a, Type type_a,
                               int lda, long step_a, const void* b, Type type_b, int ldb, long step_b, const void* beta,
                               void* c, Type type_c, int ldc, long step_c, int batch, int compute, int) {
    return gemm(ta, tb, m, n, k, alpha, a, type_a, lda, step_a, b, type_b, ldb, step_b, beta, c, type_c, ldc, step_c, batch,
                compute);
}

#define OF_TYPE(LETTER, T, TYPE, COMPUTE)                                                                               \
    int cublas##LETTER##gemm_v2(void*, int ta, int tb, int m, int n, int k, const T* alpha, const T* a, int lda,        \
                                const T* b, int ldb, const T* beta, T* c, int ldc) {                                    \
        return gemm(ta, tb, m, n, k, alpha, a, TYPE, lda, 0, b, TYPE, ldb, 0, beta, c, TYPE, ldc, 0, 1, COMPUTE);       \
    }                                                                                                                   \
    int cublas##LETTER##gemmStridedBatched(void*, int ta, int tb, int m, int n, int k, const T* alpha, const T* a,      \
                                           int lda, long step_a, const T* b, int ldb, long step_b, const T* beta, T* c, \
                                           int ldc, long step_c, int batch) {                                           \
        return gemm(ta, tb, m, n, k, alpha, a, TYPE, lda, step_a, b, TYPE, ldb, step_b, beta, c, TYPE, ldc, step_c,     \
                    batch, COMPUTE);                                                                                    \
    }                                                                                                                   \
    int cublas##LETTER##gemv_v2(void*, int t, int m, int n, const T* alpha, const T* a, int lda, const T* x,            \
                                int step_x, const T* beta, T* y, int step_y) {                                          \
        return gemv<T>(TYPE, t, m, n, alpha, a, lda, x, step_x, beta, y, step_y);                                       \
    }
OF_TYPE(S, float, SINGLE, COMPUTE_32F)
OF_TYPE(D, double, DOUBLE, COMPUTE_64F)
}
